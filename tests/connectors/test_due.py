"""What the worker finds due: dealt with side by side, and nobody held up by another."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.connectors.accounts import Google
from tests.make import Caller
from vitalkeep.connectors.due import AT_ONCE, pull_due

SOURCES = "https://www.googleapis.com/fitness/v1/users/me/dataSources"
PATIENCE_S = 10.0


async def run(app: FastAPI) -> int:
    """One run of the worker's task."""
    state = app.state
    return await pull_due(state.engine, state.settings, lambda: state.keyring)


async def connect(google: Google, count: int) -> list[Caller]:
    """Persons who have connected Google Fit for weights; nothing else is due."""
    await run_sql(google.app, "UPDATE connections SET due_at = NULL")
    persons = [await google.person() for _ in range(count)]
    for person in persons:
        await google.connected(person, "weight")
    return persons


def answers(google: Google, reply: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> None:
    """What Google says of its data sources."""
    google.web.get(SOURCES).mock(side_effect=reply)


async def succeeded(google: Google, person: Caller) -> bool:
    (connection,) = await google.connections(person)
    return "last_success_at" in connection["types"]["weight"]


async def test_several_persons_are_pulled_from_at_once(google: Google) -> None:
    persons = await connect(google, 2)
    together = asyncio.Barrier(2)

    async def wait_for_the_others(_request: httpx.Request) -> httpx.Response:
        async with asyncio.timeout(PATIENCE_S):
            await together.wait()
        return httpx.Response(200, json={"dataSource": []})

    answers(google, wait_for_the_others)
    assert await run(google.app) == 2
    assert [await succeeded(google, person) for person in persons] == [True, True]
    assert await run(google.app) == 0


async def test_what_breaks_holds_up_nobody_and_is_told(google: Google) -> None:
    persons = await connect(google, AT_ONCE + 2)
    broken = iter([RuntimeError("a fault of ours")])

    async def break_once(_request: httpx.Request) -> httpx.Response:
        for error in broken:
            raise error
        return httpx.Response(200, json={"dataSource": []})

    answers(google, break_once)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        await run(google.app)
    assert [await succeeded(google, person) for person in persons].count(False) == 1
