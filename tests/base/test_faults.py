"""Faults and outages, on a small app whose routes fail: what is answered and what is logged."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, Query
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.base.answers import document_of, logged, logging_from
from vitalkeep.base.admission import Admission
from vitalkeep.base.db import Connection, create_engine, driver
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings
from vitalkeep.base.wire import RequestMiddleware, add_problem_handlers

SECRET = "120/80 of hanako@example.jp"
VALUE = "secret-value"


def small_app(settings: Settings) -> FastAPI:
    """An app with the real middleware and rendering, and routes that fail."""
    app = FastAPI()
    app.state.engine = create_engine(settings)
    app.state.admission = Admission(settings.max_requests)
    app.add_middleware(RequestMiddleware)
    add_problem_handlers(app)

    @app.get("/fails/{item}")
    async def fail(item: str) -> None:
        raise RuntimeError(f"{SECRET} {item}")

    @app.get("/sql")
    async def run(connection: Connection, statement: Annotated[str, Query()]) -> None:
        await connection.execute(text("SET LOCAL ROLE NONE"))  # to be allowed to end a backend
        await connection.execute(text(statement))

    @app.get("/driver")
    async def drive(
        connection: Connection, statement: Annotated[str, Query()], *, closed: bool = False
    ) -> None:
        await connection.execute(text("SELECT 1"))
        asyncpg_connection = await driver(connection)
        if closed:
            await asyncpg_connection.close()
        await asyncpg_connection.fetch(statement, SECRET)

    return app


@pytest_asyncio.fixture(scope="module")
async def faults(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = small_app(settings)
    async with inside_client(app) as client:
        yield client
    await app.state.engine.dispose()


@pytest.fixture(autouse=True)
def logging_everything() -> Iterator[None]:
    with logging_from("info"):
        yield


async def test_an_unexpected_error_tells_its_text_to_nobody(
    faults: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await faults.get(f"/fails/{VALUE}")
    document = document_of(answer)
    assert (document["status"], document["code"]) == (500, "internal_error")
    fault, request = logged(capsys)
    assert (fault["event"], fault["error"]) == ("unexpected_error", "RuntimeError")
    assert request["request_id"] == document["instance"]
    assert (request["route"], request["status"]) == ("/fails/{item}", 500)
    for secret in (SECRET, VALUE):
        assert secret not in answer.text
        assert secret not in str((fault, request))


async def test_the_databases_own_words_are_told_to_nobody(
    faults: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await faults.get("/sql", params={"statement": f"SELECT CAST('{VALUE}' AS int)"})
    assert document_of(answer)["code"] == "internal_error"
    lines = logged(capsys)
    assert [line["event"] for line in lines] == ["unexpected_error", "request"]
    assert VALUE not in answer.text
    assert VALUE not in str(lines)


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT $1::int", "SELECT $1::text, $2::text"])
async def test_a_call_that_the_driver_refuses_is_a_fault_and_not_an_outage(
    faults: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], statement: str
) -> None:
    answer = await faults.get("/driver", params={"statement": statement})
    assert document_of(answer)["code"] == "internal_error"
    assert SECRET not in answer.text + str(logged(capsys))


@pytest.mark.parametrize("state", ["40001", "40P01", "55P03"])
async def test_what_the_database_gave_up_for_another_transaction_may_be_sent_again(
    faults: httpx.AsyncClient, state: str
) -> None:
    raised = f"DO $$ BEGIN RAISE EXCEPTION '{VALUE}' USING ERRCODE = '{state}'; END $$"
    answer = await faults.get("/sql", params={"statement": raised})
    document = document_of(answer)
    assert (document["status"], document["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"] == "1"
    assert VALUE not in answer.text


async def test_of_two_requests_in_a_deadlock_one_may_be_sent_again(
    faults: httpx.AsyncClient,
) -> None:
    lock = "SELECT pg_advisory_xact_lock({}), pg_sleep(0.3), pg_advisory_xact_lock({})"
    answers = await asyncio.gather(
        *(faults.get("/sql", params={"statement": lock.format(*keys)}) for keys in ((1, 2), (2, 1)))
    )
    refused = [answer for answer in answers if answer.status_code != 200]
    assert [document_of(answer)["code"] for answer in refused] == ["overloaded"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "DO $$ BEGIN RAISE EXCEPTION 'too slow' USING ERRCODE = '57014'; END $$",
        "DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$",
    ],
)
async def test_a_database_that_goes_away_is_an_outage_and_the_next_request_works(
    faults: httpx.AsyncClient, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await faults.get("/sql", params={"statement": statement})
    document = document_of(answer)
    assert (document["status"], document["code"]) == (503, "dependency_unavailable")
    assert answer.headers["retry-after"] == "5"
    assert "database_away" in {line["event"] for line in logged(capsys)}
    assert (await faults.get("/sql", params={"statement": "SELECT 1"})).status_code == 200


async def test_a_connection_that_broke_under_the_driver_is_an_outage(
    faults: httpx.AsyncClient,
) -> None:
    lost, whole = [
        await faults.get("/driver", params={"statement": "SELECT $1::text", "closed": closed})
        for closed in (True, False)
    ]
    assert document_of(lost)["code"] == "dependency_unavailable"
    assert whole.status_code == 200


@pytest.mark.parametrize(
    ("old", "new"), [("@/vitalkeep?", "@/no_such_database?"), ("host=", "host=%2Fnowhere")]
)
async def test_a_database_that_is_not_there_is_an_outage(
    settings: Settings, old: str, new: str
) -> None:
    url = settings.database_url or ""
    assert old in url
    app = small_app(settings.with_database(url.replace(old, new)))
    async with inside_client(app) as client:
        answer = await client.get("/sql", params={"statement": "SELECT 1"})
    await app.state.engine.dispose()
    assert document_of(answer)["code"] == "dependency_unavailable"


async def test_a_request_that_gets_no_connection_in_time_may_be_sent_again(
    settings: Settings,
) -> None:
    app = small_app(settings)
    app.state.engine = create_async_engine(
        settings.database_url or "", pool_size=1, max_overflow=0, pool_timeout=0.1
    )
    async with inside_client(app) as client, app.state.engine.connect():
        answer = await client.get("/sql", params={"statement": "SELECT 1"})
    await app.state.engine.dispose()
    assert document_of(answer)["code"] == "overloaded"
