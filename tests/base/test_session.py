"""For whom a transaction is: said with BEGIN, ended with it, and never guessed."""

from collections.abc import AsyncIterator
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.base.test_operations import readiness, unready
from vitalkeep.base.db import bound_transaction, create_engine, transaction
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.session import Session, speak_for
from vitalkeep.base.settings import Settings

SAID = text("SELECT current_setting('vitalkeep.person_id', true), current_user")


@pytest_asyncio.fixture
async def engine(app: FastAPI, settings: Settings) -> AsyncIterator[AsyncEngine]:
    """An engine of one connection on the migrated database."""
    assert app.state.engine
    made = create_engine(settings.model_copy(update={"pool_size": 1}))
    yield made
    await made.dispose()


async def said(connection: AsyncConnection) -> tuple[str | None, str]:
    """For whom the transaction is, and its role."""
    row = (await connection.execute(SAID)).one()
    return row[0] or None, row[1]


async def test_what_is_said_before_the_first_statement_travels_with_begin(
    engine: AsyncEngine,
) -> None:
    whom, sent = uuid4(), []
    async with bound_transaction(engine, person_id=whom) as connection:
        session = cast(Session, (await connection.get_raw_connection()).driver_connection)
        with session.query_logger(lambda record: sent.append(record.query)):
            assert await said(connection) == (str(whom), "vitalkeep_app")
    assert sent == [f"BEGIN;SET LOCAL ROLE vitalkeep_app;SET LOCAL vitalkeep.person_id = '{whom}';"]


async def test_it_can_be_said_later_and_said_anew(engine: AsyncEngine) -> None:
    first, second = uuid4(), uuid4()
    async with bound_transaction(engine) as connection:
        assert await said(connection) == (None, "vitalkeep_app")
        for whom in (first, second):
            await speak_for(connection, person_id=whom)
            assert await said(connection) == (str(whom), "vitalkeep_app")


async def test_nothing_of_it_is_left_in_the_next_transaction(engine: AsyncEngine) -> None:
    async with bound_transaction(engine, person_id=uuid4()) as connection:
        assert (await said(connection))[0]
    async with bound_transaction(engine) as connection:
        assert await said(connection) == (None, "vitalkeep_app")
    with pytest.raises(RuntimeError, match="no statement"):
        async with bound_transaction(engine, person_id=uuid4()):
            raise RuntimeError("no statement was sent")
    async with transaction(engine) as connection:
        assert await said(connection) == (None, "vitalkeep")


@pytest.mark.parametrize(
    "whom", ["' OR true; --", str(UUID(int=1)), b"x", 1], ids=["quote", "text", "bytes", "number"]
)
async def test_only_an_id_can_be_said(engine: AsyncEngine, whom: Any) -> None:
    async with bound_transaction(engine) as connection:
        with pytest.raises(AttributeError):
            await speak_for(connection, person_id=whom)
        assert await said(connection) == (None, "vitalkeep_app")


@pytest.mark.parametrize("role", ["a; DROP TABLE records", "A", '"a"', "x" * 64])
def test_a_role_is_a_plain_name(role: str) -> None:
    with pytest.raises(ValueError, match="database_role"):
        Settings(database_role=role)


async def test_a_connection_that_cannot_take_the_role_is_not_used_again(
    app: FastAPI, settings: Settings
) -> None:
    assert app.state.engine
    changes = {"pool_size": 1, "database_role": "nobody_made_this"}
    engine = create_engine(settings.model_copy(update=changes))
    try:
        for _ in range(2):
            with pytest.raises(DBAPIError, match="nobody_made_this"):
                async with bound_transaction(engine) as connection:
                    await said(connection)
        async with transaction(engine) as connection:
            assert await said(connection) == (None, "vitalkeep")
    finally:
        await engine.dispose()


@pytest.mark.parametrize("role", ["nobody_made_this", "vitalkeep", ""])
async def test_a_server_whose_requests_no_policy_binds_is_not_ready(
    app: FastAPI, settings: Settings, keyring: DirectoryKeyring, role: str
) -> None:
    """The test's own login owns the tables."""
    assert app.state.engine
    own = settings.model_copy(update={"database_role": role})
    assert "VITALKEEP_DATABASE_ROLE" in unready(await readiness(own, keyring))
