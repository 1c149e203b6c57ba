"""Calls to Google: paced, all pages or none, and never more than memory holds."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from tests.connectors.pulled import Pulled
from vitalkeep.base import clock
from vitalkeep.base.outbound import outbound_client
from vitalkeep.connectors import calling
from vitalkeep.connectors.calling import Account, list_pages
from vitalkeep.connectors.faults import GoogleFault

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
URL = "https://health.googleapis.com/points"


async def renew() -> str:
    return "fresh"


async def pages(*bodies: Any) -> list[object]:
    """What comes of these pages."""
    with respx.mock as web:
        web.get(URL).mock(side_effect=[httpx.Response(200, json=body) for body in bodies])
        async with outbound_client() as client:
            return await list_pages(Account(client, "one", renew), URL, {"n": 1}, "point")


async def test_pages_are_put_together() -> None:
    assert await pages({"point": [1], "nextPageToken": "a"}, {"nextPageToken": "b"}, {}) == [1]


@pytest.mark.parametrize(
    "bodies",
    [
        ({"nextPageToken": "a"}, {"nextPageToken": "a"}),
        ({"nextPageToken": 5},),
        ({"point": {}},),
        ([],),
    ],
    ids=["loop", "number", "object", "list"],
)
async def test_an_answer_that_google_never_gives_is_a_fault_and_no_loop(
    bodies: tuple[Any, ...],
) -> None:
    with pytest.raises(GoogleFault):
        await pages(*bodies)


async def test_one_person_s_account_is_not_asked_more_often_than_google_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: 100.0)
    with respx.mock as web:
        web.get(URL).respond(200, json={})
        async with outbound_client() as client:
            account = Account(client, "one", renew)
            for _ in range(calling.BURST + 3):
                await account.get(URL, {})
    assert slept == pytest.approx([1 / 4.8, 2 / 4.8])


async def test_a_window_with_too_much_in_it_is_taken_in_parts(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calling, "MAX_POINTS", 40)
    pulled.world.fit_page = 20
    person = await pulled.person("heart_rate")
    now = clock.now().replace(minute=59, second=59) - timedelta(hours=1)
    for number in range(90):
        pulled.world.fit.add_point(
            "com.google.heart_rate.bpm", [60 + number % 30], now - number * (DAY / 60)
        )
    await pulled.pull(person)
    found = [s for r in await pulled.records(person, "heart_rate") for s in r["samples"]]
    assert len(found) == 90
    monkeypatch.setattr(calling, "MAX_POINTS", 0)
    for number in range(30):
        pulled.world.fit.add_point("com.google.heart_rate.bpm", [70], now - number * SECOND)
    await pulled.pull(person)
    assert (await pulled.seen(person))["types"]["heart_rate"]["problem"]["code"] == "too_much_data"
