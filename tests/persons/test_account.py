"""The person's own account: what they see of it and what they can change."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.make import Make
from tests.persons.waiting import until_somebody_waits
from vitalkeep.base import clock
from vitalkeep.erasure.deactivate import delete_rows


async def test_a_new_account_has_the_defaults_and_its_first_sign_in(make: Make) -> None:
    person = await make.person(collects=False)
    answer = await person.get("/v1/me")
    assert answer.status_code == 200
    account = answer.json()
    assert account.keys() == {"time_zone", "locale", "created_at"}
    assert (account["time_zone"], account["locale"]) == ("Asia/Tokyo", "ja")
    created_at = datetime.fromisoformat(account["created_at"])
    assert timedelta(0) <= clock.now() - created_at < timedelta(minutes=1)


async def test_what_is_changed_stays_and_the_rest_is_left(make: Make) -> None:
    person = await make.person(collects=False)
    before = (await person.get("/v1/me")).json()
    answer = await person.request("PATCH", "/v1/me", json={"time_zone": "America/St_Johns"})
    assert (answer.status_code, answer.json()) == (200, {**before, "time_zone": "America/St_Johns"})
    answer = await person.request("PATCH", "/v1/me", json={"locale": "en-GB"})
    changed = {**before, "time_zone": "America/St_Johns", "locale": "en-GB"}
    assert (answer.status_code, answer.json()) == (200, changed)
    answer = await person.request("PATCH", "/v1/me", json={})
    assert (answer.status_code, answer.json()) == (200, changed)
    assert (await person.get("/v1/me")).json() == changed


BAD_ZONES = [
    "Mars/Olympus", "asia/tokyo", "Asia/Tokyo ", "", "+09:00", "JST-9", "../../etc/passwd",
    "Asia", "Asia/Tokyo\x00", "x" * 5000, 9, True, ["Asia/Tokyo"], {"name": "Asia/Tokyo"},
]  # fmt: skip
BAD_LOCALES = ["", "j", "日本語", "ja_JP", "ja\n", "en-", "ja" + "-abcdefgh" * 20, 7, ["ja"]]


@pytest.mark.parametrize(
    ("name", "value"),
    [("time_zone", zone) for zone in BAD_ZONES] + [("locale", locale) for locale in BAD_LOCALES],
    ids=lambda value: str(value)[:20],
)
async def test_a_wrong_value_is_pointed_at_and_never_repeated(
    make: Make, name: str, value: object
) -> None:
    person = await make.person(collects=False)
    before = (await person.get("/v1/me")).json()
    answer = await person.request("PATCH", "/v1/me", json={name: value})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid_request"
    assert problem["errors"] == [{"pointer": f"/{name}", "code": "invalid"}]
    if len(str(value)) > 2:
        assert str(value) not in answer.text
    assert (await person.get("/v1/me")).json() == before


@pytest.mark.parametrize(
    "change",
    [{"timezone": "Asia/Tokyo"}, {"created_at": "2020-01-01T00:00:00Z"}, {"person_id": "x"}],
)
async def test_an_unknown_member_is_refused_and_nothing_is_changed(
    make: Make, change: dict[str, Any]
) -> None:
    person = await make.person(collects=False)
    before = (await person.get("/v1/me")).json()
    answer = await person.request("PATCH", "/v1/me", json={"locale": "en", **change})
    assert answer.status_code == 422
    unknown = [{"pointer": f"/{name}", "code": "unknown_field"} for name in change]
    assert answer.json()["errors"] == unknown
    assert (await person.get("/v1/me")).json() == before


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"\xff", 400), (b"[]", 422), (b"", 422)]
)
async def test_a_body_that_is_no_object_is_refused(make: Make, body: bytes, status: int) -> None:
    person = await make.person(collects=False)
    headers = {"Content-Type": "application/json"}
    answer = await person.request("PATCH", "/v1/me", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_change_behind_an_erasure_finds_nobody(make: Make) -> None:
    person = await make.person(collects=False)
    async with make.fastapi.state.engine.begin() as connection:
        await delete_rows(connection, person.id)
        change = asyncio.create_task(person.request("PATCH", "/v1/me", json={"locale": "en"}))
        await until_somebody_waits(make.fastapi)
    answer = await change
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
