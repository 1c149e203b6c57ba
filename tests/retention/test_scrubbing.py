"""A scrub takes what was deleted off the disk, shown by looking at its bytes."""

import asyncio
import json
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import make_url, text

from tests.care.sql import run_sql
from tests.cli.commands import call, refusal
from tests.erasure.traces import left, live
from tests.make import Make
from tests.plants import DiskSearch
from vitalkeep.base.db import create_engine, driver, tables_of_a_person
from vitalkeep.retention.scrubbing import STATISTICS, list_tables, rewrite, scrub


@pytest.fixture
def theirs(app: FastAPI) -> dict[str, str]:
    """The variables of an operator of the test application."""
    settings = app.state.settings
    return {
        "VITALKEEP_DATABASE_URL": settings.database_url,
        "VITALKEEP_KEYRING": str(settings.keyring_dir),
    }


@pytest_asyncio.fixture(autouse=True)
async def nobody_is_half_gone(app: FastAPI) -> None:
    """Removes rows of persons whom other tests have deleted by hand, but for these rows."""
    for table, column in tables_of_a_person().items():
        await run_sql(
            app,
            f"DELETE FROM {table} t WHERE NOT EXISTS "  # noqa: S608
            f"(SELECT FROM persons WHERE person_id = t.{column}) "
            f"AND NOT EXISTS (SELECT FROM staff WHERE staff_id = t.{column})",
        )


async def checkpoint(app: FastAPI) -> None:
    engine = app.state.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text("CHECKPOINT"))


async def test_after_a_scrub_no_file_holds_an_id_of_who_has_left(
    make: Make, app: FastAPI, data_dir: Path
) -> None:
    stays, leaver = await live(make), await live(make)
    await run_sql(app, "ANALYZE")
    await left(leaver.person)
    plants = {str(number): each for number, each in enumerate(leaver.ids)}
    search = DiskSearch({**plants, "stays": stays.person.id})
    await checkpoint(app)
    before = search.find(data_dir)
    assert before.keys() == {*plants, "stays"}
    assert any("/base/" in str(file) for files in before.values() for file in files)

    done = await scrub(app.state.settings, list_tables())
    assert (done.complete, done.wal, done.ids_in_statistics) == (True, "switched", 0)
    assert [each.table for each in done.tables] == [*tables_of_a_person(), *STATISTICS]
    assert search.find(data_dir).keys() == {"stays"}

    assert len((await stays.person.get("/v1/me/records")).json()["records"]) == 4


async def test_a_table_in_use_is_left_and_the_others_are_rewritten(
    make: Make, app: FastAPI, theirs: dict[str, str]
) -> None:
    leaver = await live(make)
    await run_sql(app, "ANALYZE records")
    await left(leaver.person)
    command = ("erasures", "scrub", "--table", "consents", "--table", "cases", "--json")
    async with app.state.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE cases IN ROW SHARE MODE"))
        told = await asyncio.to_thread(call, *command, "--lock-timeout", "0.1", **theirs)
    assert told.exit_code == 1
    assert "cases (somebody uses it: try again)" in told.stderr
    answered = json.loads(told.stdout)
    assert not answered["complete"]
    assert {each["table"]: each["left"] for each in answered["tables"]} == {
        "cases": "somebody uses it: try again",
        "consents": None,
        **dict.fromkeys(STATISTICS),
    }
    some = json.loads(call(*command, **theirs).stdout)
    assert [each["left"] for each in some["tables"]] == [None] * 4
    assert some["complete"] == (not some["ids_in_statistics"])  # of all tables
    assert json.loads(call("erasures", "scrub", "--json", **theirs).stdout)["complete"]


async def test_the_statistics_of_an_emptied_table_are_forgotten(app: FastAPI) -> None:
    names = "SELECT attname FROM pg_stats WHERE tablename = 'emptied'"
    ids = "SELECT gen_random_uuid() AS id FROM generate_series(1, 100)"
    try:
        for statement in (f"CREATE TABLE emptied AS {ids}", "ANALYZE emptied"):
            await run_sql(app, statement)
        await run_sql(app, "DELETE FROM emptied")
        assert len(await run_sql(app, names)) == 1
        engine = app.state.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            assert (await rewrite(await driver(connection), "emptied")).left is None
        assert await run_sql(app, names) == []
    finally:
        await run_sql(app, "DROP TABLE emptied")


async def test_who_is_not_the_owner_is_told_so(make: Make, app: FastAPI) -> None:
    await make.person()
    role, url = "stranger_to_tables", make_url(app.state.settings.database_url)
    settings = app.state.settings.with_database(
        url.set(username="postgres").render_as_string(hide_password=False)
    )
    engine = create_engine(settings)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"CREATE ROLE {role}"))
        async with engine.begin() as connection:
            await connection.execute(text(f"ALTER ROLE postgres SET role = '{role}'"))
            await connection.execute(text(f"GRANT SELECT ON persons, staff TO {role}"))
        done = await scrub(settings, ["cases"])
    finally:
        async with engine.begin() as connection:
            await connection.execute(text("RESET ROLE"))
            await connection.execute(text("ALTER ROLE postgres RESET role"))
            await connection.execute(text(f"DROP OWNED BY {role}"))
            await connection.execute(text(f"DROP ROLE {role}"))
        await engine.dispose()
    assert [each.left for each in done.tables] == ["only its owner may"] * 3
    assert done.wal.startswith("left: ")
    assert not done.complete


async def test_a_dry_run_shows_the_lock_and_rewrites_nothing(
    app: FastAPI, theirs: dict[str, str]
) -> None:
    files = "SELECT pg_relation_filenode('records')"
    before = await run_sql(app, files)
    told = json.loads(call("erasures", "scrub", "--dry-run", "--json", **theirs).stdout)
    assert told["lock"] == "ACCESS EXCLUSIVE"
    assert [each["table"] for each in told["tables"]] == [*tables_of_a_person(), *STATISTICS]
    assert all(each["bytes"] > 0 for each in told["tables"] if each["table"] == "records")
    assert "no reads, no writes" in call("erasures", "scrub", "--dry-run", **theirs).stdout
    assert await run_sql(app, files) == before


def test_a_table_that_holds_nobody_is_refused() -> None:
    said = refusal(call("erasures", "scrub", "--table", "policies"))
    assert said.startswith("policies is no table with rows of persons: access_events,")
