"""A process takes on so many requests at once; the next is refused at once and cheaply."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from fastapi import FastAPI

from tests.base.answers import document_of
from tests.base.test_operations import metrics
from tests.make import Caller, Make
from vitalkeep.app import create_app
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings
from vitalkeep.persons.gate import take_gate


@pytest_asyncio.fixture
async def small(make: Make) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """An application that works on three requests at once, over one connection."""
    state = make.fastapi.state
    settings: Settings = state.settings.model_copy(update={"max_requests": 3, "pool_size": 1})
    app = create_app(settings, state.keyring)
    async with inside_client(app) as client:
        yield app, client
    await app.state.engine.dispose()


async def until_taken(app: FastAPI, client: httpx.AsyncClient, places: int) -> None:
    """Asks whether the process is ready until so many requests are being worked on."""
    async with asyncio.timeout(20):
        while app.state.admission.taken != places:
            assert (await client.get("/readyz")).status_code == 200


def pushes(make: Make, person: Caller, count: int) -> list[asyncio.Task[httpx.Response]]:
    return [
        asyncio.create_task(person.post("/v1/me/records", {"records": [make.record()]}))
        for _ in range(count)
    ]


async def test_over_the_limit_a_request_is_refused_while_the_process_tells_how_it_is(
    make: Make, small: tuple[FastAPI, httpx.AsyncClient]
) -> None:
    app, client = small
    person = await make.person()
    person.client = client
    counters = (("vitalkeep_requests_in_work",), ("vitalkeep_requests_refused_total",))
    before = await metrics(client)
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, person.id)
        working = pushes(make, person, 3)
        await until_taken(app, client, 3)
        refusals = [
            await person.post("/v1/me/records", {"records": [make.record()]}),
            await person.get("/v1/me"),
            await client.post("/oauth/token", data={"grant_type": "client_credentials"}),
        ]
        for refused in refusals:
            document = document_of(refused)
            assert (document["status"], document["code"]) == (503, "overloaded")
            assert refused.headers["retry-after"] == "1"
        # The pool's one connection is held, and still these answer.
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
        during = await metrics(client)
        assert not any(task.done() for task in working)
    assert [during[each] - before[each] for each in counters] == [3, 3]
    assert [(await task).status_code for task in working] == [200, 200, 200]
    await until_taken(app, client, 0)
    assert (await person.get("/v1/me")).status_code == 200


async def test_whoever_still_sends_takes_no_place(
    make: Make, small: tuple[FastAPI, httpx.AsyncClient]
) -> None:
    app, client = small
    person = await make.person()
    person.client = client
    sending, finish = [asyncio.Event() for _ in range(8)], asyncio.Event()

    async def slowly(begun: asyncio.Event) -> AsyncIterator[bytes]:
        begun.set()
        yield b'{"records": '
        await finish.wait()
        yield b'["nonsense"]}'

    senders = [
        asyncio.create_task(person.request("POST", "/v1/me/records", content=slowly(begun)))
        for begun in sending
    ]
    for begun in sending:
        await begun.wait()
    assert app.state.admission.taken == 0
    assert await person.statuses(make.record()) == ["created"]
    finish.set()
    statuses = {answer.status_code for answer in await asyncio.gather(*senders)}
    assert 200 in statuses <= {200, 503}
    assert app.state.admission.taken == 0


async def test_a_refused_or_failed_request_gives_its_place_back(
    make: Make, small: tuple[FastAPI, httpx.AsyncClient]
) -> None:
    app, client = small
    person = await make.person(collects=False)
    person.client = client
    for _ in range(4):
        assert (await client.get("/v1/me")).status_code == 401
        assert (await person.post("/v1/me/records", {})).status_code == 422
        missing = "/v1/me/records/00000000-0000-0000-0000-000000000000"
        assert (await person.get(missing)).status_code == 404
    assert app.state.admission.taken == 0
