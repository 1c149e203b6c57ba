"""Migrations: up and down without a trace, in line with the models, careful with locks."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from alembic import command
from fastapi import FastAPI
from sqlalchemy import CheckConstraint, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from tests.make import Make
from tests.records.stored import change
from vitalkeep.base.db import Table
from vitalkeep.base.migrate import (
    alembic_config,
    is_migrated,
    newest_revision,
    script_location,
    upgrade,
)

NAME = re.compile(r"20\d\d-[01]\d-[0-3]\d-[0-2]\d[0-5]\d_[a-z0-9]+(_[a-z0-9]+)*\.py")
ONE_AT_A_TIME = 0x766974616C  # the number that migrations/env.py locks
SHAPE = text(
    "SELECT 'column', table_name, column_name, data_type || is_nullable"
    "    || coalesce(column_default, '')"
    "  FROM information_schema.columns WHERE table_schema = 'public'"
    " UNION ALL SELECT 'index', tablename, indexname, indexdef"
    "  FROM pg_indexes WHERE schemaname = 'public'"
    " UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
    "  FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    " UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)"
    "  FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2, 3, 4"
)


@pytest_asyncio.fixture
async def empty(app: FastAPI) -> AsyncIterator[AsyncEngine]:
    """An engine on a new, empty database."""
    name = f"empty_{secrets.token_hex(4)}"
    engine = app.state.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    made = create_async_engine(app.state.engine.url.set(database=name), poolclass=NullPool)
    yield made
    await made.dispose()
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name}"))


def url_of(engine: AsyncEngine) -> str:
    return engine.url.render_as_string(hide_password=False)


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    await asyncio.to_thread(command.downgrade, alembic_config(url_of(engine)), revision)


async def shape(engine: AsyncEngine) -> list[tuple[str, ...]]:
    """Every column, index, constraint and trigger, without alembic's own table."""
    async with engine.connect() as connection:
        found = [tuple(row) for row in await connection.execute(SHAPE)]
    return [row for row in found if row[1] != "alembic_version"]


async def test_up_down_and_up_again_ends_in_the_same_tables(empty: AsyncEngine) -> None:
    await upgrade(url_of(empty))
    first = await shape(empty)
    assert {row[1] for row in first} >= {"persons", "records", "consents", "erasures"}
    await downgrade(empty, "base")
    assert await shape(empty) == []
    await upgrade(url_of(empty))
    assert await shape(empty) == first


async def test_each_migration_can_be_taken_back_by_itself(empty: AsyncEngine) -> None:
    await upgrade(url_of(empty))
    versions = sum(1 for _ in (script_location() / "versions").glob("*.py"))
    for _ in range(versions):
        await downgrade(empty, "-1")
    assert await shape(empty) == []


async def test_the_models_ask_for_nothing_that_no_migration_made(empty: AsyncEngine) -> None:
    await upgrade(url_of(empty))
    await asyncio.to_thread(command.check, alembic_config(url_of(empty)))


async def test_every_check_of_the_models_is_one_of_the_tables(empty: AsyncEngine) -> None:
    """alembic compares no checks."""
    await upgrade(url_of(empty))
    made = {(row[1], row[2]) for row in await shape(empty) if row[0] == "constraint"}
    wanted = {
        (table.name, str(each.name))
        for table in Table.metadata.tables.values()
        for each in table.constraints
        if isinstance(each, CheckConstraint)
    }
    assert len(wanted) == 22
    assert wanted <= made
    written = [
        column.name
        for table in Table.metadata.tables.values()
        for column in table.columns
        for each in column.constraints
        if isinstance(each, CheckConstraint)
    ]
    assert written == [], "a column's own check is dropped: put it into __table_args__"


async def test_a_state_that_nobody_knows_is_refused_by_the_table(make: Make) -> None:
    await make.person()
    with pytest.raises(DBAPIError, match="ck_consents_state"):
        await change(make, "UPDATE consents SET state = 'refused'")


async def test_upgrading_again_changes_nothing_and_is_known_to_be_complete(
    empty: AsyncEngine,
) -> None:
    async with empty.connect() as connection:
        assert not await is_migrated(connection)
    await upgrade(url_of(empty))
    before = await shape(empty)
    await upgrade(url_of(empty))
    assert await shape(empty) == before
    async with empty.begin() as connection:
        assert await is_migrated(connection)
        await connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        assert not await is_migrated(connection)
    assert newest_revision() is not None


async def test_an_upgrade_waits_for_another_that_is_under_way(empty: AsyncEngine) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with asyncio.timeout(60):
        async with empty.begin() as first:
            await first.execute(text(f"SELECT pg_advisory_xact_lock({ONE_AT_A_TIME})"))
            second = asyncio.create_task(upgrade(url_of(empty)))
            while not await first.scalar(waiting):
                assert not second.done()
                await asyncio.sleep(0.02)
        await second
    async with empty.connect() as connection:
        assert await is_migrated(connection)


async def test_a_lock_that_is_not_had_in_four_seconds_fails_instead_of_queueing_writers(
    empty: AsyncEngine,
) -> None:
    await upgrade(url_of(empty))
    # The first migration alone: each is a transaction of its own, and later ones would succeed.
    await downgrade(empty, "0001")
    before = await shape(empty)
    clock = asyncio.get_running_loop().time
    async with empty.begin() as holder:
        await holder.execute(text("SELECT FROM persons"))
        begun = clock()
        with pytest.raises(DBAPIError, match="lock timeout"):
            await downgrade(empty, "base")
        assert 3.5 < clock() - begun < 15
    assert await shape(empty) == before


def test_every_migration_is_named_by_its_date_and_idea() -> None:
    names = [path.name for path in (script_location() / "versions").glob("*.py")]
    assert names
    assert [name for name in names if not NAME.fullmatch(name)] == []
