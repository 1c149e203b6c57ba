"""The columns' declarations against the database: erasure can only empty what is declared."""

import asyncio
from pathlib import Path
from typing import get_args

from alembic import command
from fastapi import FastAPI

import vitalkeep
from tests.erasure.traces import list_columns, live, traces
from tests.make import Make
from vitalkeep.base.db import Kind, Table, tables_of_a_person
from vitalkeep.base.migrate import alembic_config
from vitalkeep.base.settings import Settings
from vitalkeep.erasure.deactivate import ALL_MODELS

PACKAGE = Path(vitalkeep.__file__).parent


def test_every_module_of_tables_on_disk_is_known_to_the_erasure() -> None:
    on_disk = {
        ".".join(("vitalkeep", *path.relative_to(PACKAGE).with_suffix("").parts))
        for path in PACKAGE.rglob("models.py")
    }
    assert len(on_disk) >= 6
    assert {module.__name__ for module in ALL_MODELS} == on_disk


def test_every_column_declares_what_it_holds_and_why() -> None:
    columns = [column for table in Table.metadata.tables.values() for column in table.columns]
    assert len(columns) > 50
    for column in columns:
        assert column.info.get("data") in get_args(Kind), str(column)
        assert str(column.info.get("why", "")).strip(), str(column)


def test_persons_come_last_since_their_row_is_the_gate() -> None:
    assert list(tables_of_a_person())[-1] == "persons"


async def test_the_tables_are_exactly_those_of_the_migrations(
    app: FastAPI, settings: Settings
) -> None:
    assert app.state.engine
    await asyncio.to_thread(command.check, alembic_config(settings.database_url or ""))


async def test_every_column_of_the_database_is_declared(app: FastAPI) -> None:
    declared = {
        (table.name, column.name)
        for table in Table.metadata.tables.values()
        for column in table.columns
    }
    assert set(await list_columns(app)) - {("alembic_version", "version_num")} == declared


async def test_every_column_named_for_a_person_is_one_that_erasure_empties(app: FastAPI) -> None:
    named = {(table, column) for table, column in await list_columns(app) if "person_id" in column}
    assert len(named) >= 10
    assert named <= set(tables_of_a_person().items())


async def test_a_persons_id_stands_in_the_declared_columns_and_nowhere_else(
    make: Make, app: FastAPI
) -> None:
    life = await live(make)
    assert await traces(app, [life.person.id]) == set(tables_of_a_person().items())
