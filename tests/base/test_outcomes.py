"""What a caller hears when PostgreSQL dies before, during or after COMMIT, with real faults."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.base.answers import document_of, logged, logging_from
from tests.base.severed import Break, Line, open_line
from tests.make import Make
from tests.records.stored import list_rows
from tests.records.waiting import refusing_commits, waiters
from vitalkeep.app import create_app
from vitalkeep.base import db, devdb
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.outcomes import LOOK_FIRST, NOT_STORED, SEND_AGAIN
from vitalkeep.base.settings import Settings
from vitalkeep.persons.gate import take_gate


@pytest_asyncio.fixture
async def severed(
    settings: Settings, keyring: DirectoryKeyring, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Line, Make]]:
    """An application of its own on the tests' database, behind a line that can break."""
    assert app is not None
    monkeypatch.setitem(db.TIMEOUTS, "command_timeout", 2)
    monkeypatch.setitem(db.SERVER_SETTINGS, "idle_in_transaction_session_timeout", "1s")
    async with open_line(settings.database_url or "") as (line, url):
        made = create_app(settings.with_database(url), keyring)
        async with inside_client(made) as client:
            yield line, Make(made, client)
        await made.state.engine.dispose()


def unavailable(answer: httpx.Response) -> str:
    """The detail of a 503 that says when to come back."""
    document = document_of(answer)
    assert (document["status"], document["code"]) == (503, "dependency_unavailable")
    assert answer.headers["retry-after"] == "5"
    return str(document["detail"])


@pytest.mark.parametrize(
    ("how", "stored"), [("before", False), ("after", True), ("silence", False)]
)
async def test_a_push_whose_commit_nobody_answered_says_so_and_can_be_sent_again(
    severed: tuple[Line, Make], capsys: pytest.CaptureFixture[str], how: Break, stored: bool
) -> None:
    line, make = severed
    person = await make.person()
    record = make.record("weight")
    line.next_commit = how
    capsys.readouterr()
    with logging_from("info"):
        answer = await person.post("/v1/me/records", {"records": [record]})
    assert unavailable(answer) == SEND_AGAIN
    assert line.broken == 1
    assert "outcome_unknown" in {each["event"] for each in logged(capsys)}
    rows = await list_rows(make, person)
    assert len(rows) == stored
    # The very next request works, and sending again was harmless.
    assert await person.statuses(record) == ["unchanged" if stored else "created"]
    assert len(await list_rows(make, person)) == 1


@pytest.mark.parametrize("how", ["before", "after"])
async def test_where_twice_is_once_too_often_the_answer_says_to_look_first(
    severed: tuple[Line, Make], how: Break
) -> None:
    line, make = severed
    nurse = await make.staff()
    wanted = {"purpose": "guidance", "scopes": ["steps.read"]}
    line.next_commit = how
    assert unavailable(await nurse.post("/v1/cases/invitations", wanted)) == LOOK_FIRST


async def test_a_read_is_simply_to_be_sent_again(severed: tuple[Line, Make]) -> None:
    line, make = severed
    person = await make.person(collects=False)
    line.next_commit = "after"
    assert unavailable(await person.get("/v1/me")) == SEND_AGAIN
    assert (await person.get("/v1/me")).status_code == 200


REFUSED_AT_COMMIT = [
    ("RAISE EXCEPTION 'x' USING ERRCODE = '53100'", NOT_STORED),
    ("RAISE EXCEPTION 'x' USING ERRCODE = '57014'", NOT_STORED),
    # The backend says FATAL and is gone: from here it can't be told from one that had committed.
    ("PERFORM pg_terminate_backend(pg_backend_pid())", SEND_AGAIN),
    ("RAISE EXCEPTION 'x' USING ERRCODE = 'XX000'", SEND_AGAIN),
    ("RAISE EXCEPTION 'x' USING ERRCODE = '08006'", SEND_AGAIN),
    ("RAISE EXCEPTION 'x' USING ERRCODE = '40003'", SEND_AGAIN),
]


@pytest.mark.parametrize(("action", "detail"), REFUSED_AT_COMMIT)
async def test_a_commit_that_was_refused_is_told_from_one_whose_end_is_unknown(
    make: Make, action: str, detail: str
) -> None:
    person = await make.person()
    async with refusing_commits(make, person.id, action):
        answer = await person.post("/v1/me/records", {"records": [make.record()]})
    assert unavailable(answer) == detail
    assert await list_rows(make, person) == []


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_what_was_given_up_for_another_transaction_at_commit_was_not_stored(
    make: Make, state: str
) -> None:
    person = await make.person()
    raised = f"RAISE EXCEPTION 'x' USING ERRCODE = '{state}'"
    async with refusing_commits(make, person.id, raised):
        answer = await person.post("/v1/me/records", {"records": [make.record()]})
    document = document_of(answer)
    assert (document["status"], document["code"]) == (503, "overloaded")
    assert "Nothing was stored" in document["detail"]
    assert await list_rows(make, person) == []


async def test_a_backend_that_dies_before_commit_has_stored_nothing(make: Make) -> None:
    person = await make.person()
    engine = make.fastapi.state.engine
    async with engine.begin() as connection:
        await take_gate(connection, person.id)
        push = asyncio.create_task(person.post("/v1/me/records", {"records": [make.record()]}))
        for pid in await waiters(make):
            await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        assert unavailable(await push) == NOT_STORED
    assert await list_rows(make, person) == []


async def end_connections(engine: AsyncEngine, drivers: Sequence[asyncpg.Connection]) -> None:
    """Ends their backends, and waits until the driver has seen it."""
    ended = [asyncio.Event() for _ in drivers]
    for raw, event in zip(drivers, ended, strict=True):
        raw.add_termination_listener(lambda _raw, event=event: event.set())
    async with engine.begin() as connection:
        for raw in drivers:
            pid = {"pid": raw.get_server_pid()}
            await connection.execute(text("SELECT pg_terminate_backend(:pid)"), pid)
    async with asyncio.timeout(20):
        for event in ended:
            await event.wait()


async def test_a_connection_found_closed_at_commit_never_sent_it(make: Make) -> None:
    engine = make.fastapi.state.engine

    async def lose_it_before_the_end() -> None:
        async with db.transaction(engine) as connection:
            await connection.execute(text("SELECT 1"))
            await end_connections(engine, [await db.driver(connection)])

    with pytest.raises(DBAPIError, match="connection is closed"):
        await lose_it_before_the_end()


async def test_a_statement_that_takes_too_long_is_cancelled_and_nothing_is_stored(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(db.SERVER_SETTINGS, "lock_timeout", "0")
    monkeypatch.setitem(db.SERVER_SETTINGS, "statement_timeout", "200ms")
    state = make.fastapi.state
    impatient = create_app(state.settings, state.keyring)
    person = await make.person()
    async with inside_client(impatient) as client, state.engine.begin() as connection:
        await take_gate(connection, person.id)
        person.client = client
        answer = await person.post("/v1/me/records", {"records": [make.record()]})
    await impatient.state.engine.dispose()
    assert unavailable(answer) == NOT_STORED


async def test_whoever_waits_too_long_at_a_gate_is_told_to_come_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(db.SERVER_SETTINGS, "lock_timeout", "200ms")
    state = make.fastapi.state
    impatient = create_app(state.settings, state.keyring)
    person = await make.person()
    async with inside_client(impatient) as client, state.engine.begin() as connection:
        await take_gate(connection, person.id)
        person.client = client
        answer = await person.post("/v1/me/records", {"records": [make.record()]})
    await impatient.state.engine.dispose()
    assert document_of(answer)["code"] == "overloaded"


async def test_when_every_pooled_connection_was_ended_no_request_fails(make: Make) -> None:
    state = make.fastapi.state
    app = create_app(state.settings, state.keyring)
    engine = app.state.engine
    person = await make.person(collects=False)
    async with inside_client(app) as client:
        person.client = client
        held = [await engine.connect() for _ in range(state.settings.pool_size)]
        drivers = [await db.driver(each) for each in held]
        for connection in held:
            await connection.close()
        await end_connections(state.engine, drivers)
        answers = await asyncio.gather(*(person.get("/v1/me") for _ in drivers))
    await engine.dispose()
    assert [answer.status_code for answer in answers] == [200] * len(drivers)


async def test_after_a_restart_of_postgresql_requests_work_again_by_themselves(
    tmp_path: Path, keyring: DirectoryKeyring
) -> None:
    data = tmp_path / "data"
    database = await asyncio.to_thread(devdb.start, data)
    await upgrade(database.url)
    app = create_app(Settings(data=data).with_database(database.url), keyring)
    try:
        async with inside_client(app) as client:
            issuing = await Make(app, client).app()
            wanted = {"grant_type": "client_credentials"}

            async def ask() -> httpx.Response:
                return await client.post("/oauth/token", auth=issuing.auth, data=wanted)

            assert (await ask()).status_code == 200
            await asyncio.to_thread(devdb.stop, database)
            assert unavailable(await ask()) == NOT_STORED
            assert unavailable(await client.get("/readyz"))
            assert (await client.get("/healthz")).status_code == 200
            database = await asyncio.to_thread(devdb.start, data)
            answers = await asyncio.gather(*(ask() for _ in range(8)))
            assert [answer.status_code for answer in answers] == [200] * 8
            assert (await client.get("/readyz")).status_code == 200
    finally:
        await app.state.engine.dispose()
        await asyncio.to_thread(devdb.stop, database)
