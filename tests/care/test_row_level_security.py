"""The second lock: what the database shows, whatever the application asks for."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.care.sql import run_sql
from tests.erasure.traces import Life, live
from tests.make import Make
from tests.records.stored import get_caller
from vitalkeep.base.db import Table, bound_transaction, driver
from vitalkeep.base.session import speak_for
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.persons.models import PersonKeyRow
from vitalkeep.records import models as record_models
from vitalkeep.records import query
from vitalkeep.summaries import models as summary_models

PROTECTED = sorted(
    str(mapper.class_.__tablename__)
    for mapper in Table.registry.mappers
    if mapper.class_.__module__ in {record_models.__name__, summary_models.__name__}
    or mapper.class_ is PersonKeyRow
)


@pytest_asyncio.fixture(scope="module")
async def lives(make: Make) -> list[Life]:
    """Two persons with rows in every table, each with a nurse of their own."""
    return [await live(make), await live(make)]


@asynccontextmanager
async def bound(app: FastAPI, **whom: UUID) -> AsyncIterator[AsyncConnection]:
    """A transaction as a request has it, for whoever is named."""
    async with bound_transaction(app.state.engine) as connection:
        await speak_for(connection, **whom)
        yield connection


async def owners(connection: AsyncConnection, table: str) -> dict[UUID, int]:
    """Whose rows are seen in a table, and how many."""
    query = text(f"SELECT person_id, count(*) FROM {table} GROUP BY 1")  # noqa: S608
    return {row[0]: row[1] for row in await connection.execute(query)}


async def test_every_table_of_records_and_what_opens_them_is_protected(app: FastAPI) -> None:
    found = await run_sql(app, "SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY relname")
    assert [row.relname for row in found] == PROTECTED


@pytest.mark.parametrize("table", PROTECTED)
async def test_who_has_said_nothing_sees_nothing_and_writes_nothing(
    app: FastAPI, lives: list[Life], table: str
) -> None:
    assert await run_sql(app, f"SELECT 1 FROM {table} LIMIT 1")  # noqa: S608
    async with bound(app) as connection:
        assert await owners(connection, table) == {}
        gone = await connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608
        assert gone.rowcount == 0
        with pytest.raises(DBAPIError, match="row-level security"):
            await connection.execute(
                text(
                    f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, :row)"  # noqa: S608
                ),
                {"row": f'{{"person_id": "{lives[0].person.id}"}}'},
            )


@pytest.mark.parametrize("table", PROTECTED)
async def test_a_person_sees_and_changes_their_own_rows_only(
    app: FastAPI, lives: list[Life], table: str
) -> None:
    mine, other = (each.person.id for each in lives)
    async with bound(app, person_id=mine) as connection:
        assert set(await owners(connection, table)) == {mine}
        statement = text(f"UPDATE {table} SET person_id = person_id WHERE person_id = :id")  # noqa: S608
        for whom, changed in ((mine, True), (other, False)):
            touched = await connection.execute(statement, {"id": whom})
            assert (touched.rowcount > 0) is changed
        with pytest.raises(DBAPIError, match="row-level security"):
            await connection.execute(
                text(f"UPDATE {table} SET person_id = :id"),  # noqa: S608
                {"id": other},
            )


async def test_a_nurse_sees_through_the_case_what_was_agreed_to(
    app: FastAPI, lives: list[Life]
) -> None:
    first, second = lives
    async with bound(app, staff_id=first.nurse.id, case_id=first.case_id) as connection:
        seen = {table: set(await owners(connection, table)) for table in PROTECTED}
        types = (await connection.scalars(text("SELECT DISTINCT type FROM records"))).all()
    mine = {first.person.id}
    hidden = {"day_summaries", "pushes", "record_parts"}
    assert seen == {table: set() if table in hidden else mine for table in PROTECTED}
    assert set(types) == {BY_NAME["steps"].number, BY_NAME["weight"].number}
    for wrong in (
        {"staff_id": first.nurse.id, "case_id": second.case_id},
        {"staff_id": first.nurse.id, "case_id": uuid4()},
        {"staff_id": uuid4(), "case_id": first.case_id},
        {"case_id": first.case_id},
        {"person_id": first.nurse.id},
    ):
        async with bound(app, **wrong) as connection:
            for table in PROTECTED:
                assert await owners(connection, table) == {}


async def test_without_a_case_a_nurse_sees_keys_for_her_list_and_no_record(
    app: FastAPI, lives: list[Life]
) -> None:
    async with bound(app, staff_id=lives[0].nurse.id) as connection:
        assert set(await owners(connection, "person_keys")) == {lives[0].person.id}
        for table in set(PROTECTED) - {"person_keys"}:
            assert await owners(connection, table) == {}


async def test_a_nurse_changes_nothing_of_what_she_sees(app: FastAPI, lives: list[Life]) -> None:
    who = {"staff_id": lives[0].nurse.id, "case_id": lives[0].case_id}
    async with bound(app, **who) as connection:
        for table in PROTECTED:
            for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET person_id = person_id"):  # noqa: S608
                assert (await connection.execute(text(statement))).rowcount == 0


async def test_the_application_s_own_query_shows_a_nurse_no_more_without_its_predicate(
    make: Make, app: FastAPI, lives: list[Life]
) -> None:
    life, other = lives
    windows = [query.Window(kind.number) for kind in TYPES]
    who = {"staff_id": life.nurse.id, "case_id": life.case_id}
    for owner, given in ((life, {"steps", "weight"}), (other, set[str]())):
        caller = await get_caller(make, owner.person)
        async with bound(app, **who) as connection:
            page = await query.list_records(
                connection, owner.person.id, caller.key, windows, after=query.Position(), limit=100
            )
        assert set(page.types) == {BY_NAME[name].number for name in given}


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE records DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own ON records",
        "CREATE POLICY mine ON records USING (true)",
        "ALTER TABLE records OWNER TO vitalkeep_app",
        "ALTER ROLE vitalkeep_app BYPASSRLS",
        "SET LOCAL row_security = off; SELECT FROM records",
        "ALTER FUNCTION vitalkeep_case_person() RESET ALL",
        "CREATE TABLE mine (a int)",
        "UPDATE access_events SET count = 0",
        "UPDATE consent_events SET event = 'given'",
        "UPDATE alembic_version SET version_num = '0001'",
        "TRUNCATE records",
    ],
)
async def test_the_role_cannot_open_the_lock(
    app: FastAPI, lives: list[Life], statement: str
) -> None:
    async with bound(app, person_id=lives[0].person.id) as connection:
        with pytest.raises(Exception, match=r"permission denied|must be|row-level security"):
            await (await driver(connection)).execute(statement)


async def test_the_role_owns_nothing_and_passes_no_policy(app: FastAPI) -> None:
    (role,) = await run_sql(
        app,
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcanlogin AS may, "
        "(SELECT count(*) FROM pg_class WHERE relowner = r.oid) AS owns "
        "FROM pg_roles r WHERE rolname = 'vitalkeep_app'",
    )
    assert (role.may, role.owns) == (False, 0)


@pytest.mark.parametrize("name", ["consents", "case_staff", "staff"])
async def test_tables_that_a_session_puts_before_ours_open_nothing(
    app: FastAPI, lives: list[Life], name: str
) -> None:
    life, other = lives
    async with bound(app, staff_id=life.nurse.id, case_id=other.case_id) as connection:
        session = await driver(connection)
        copied = f"CREATE TEMP TABLE {name} ON COMMIT DROP AS TABLE public.{name}"
        await session.execute(copied)
        await session.execute("SET LOCAL search_path = pg_temp, public")
        assert await session.fetchval("SELECT vitalkeep_case_person()") is None


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize(
    ("form", "types", "arguments"),
    [
        (
            query.PAGE,
            "uuid, int2[], timestamptz[], timestamptz[], timestamptz, uuid, int"
            ", timestamptz[], timestamptz[]",
            "'{{1}}', '{{2000-01-01}}', '{{2100-01-01}}', '1970-01-01', '{nobody}', 1000"
            ", '{{2000-01-01}}', '{{2100-01-01}}'",
        ),
        (query.ONE, "uuid, uuid", "'{nobody}'"),
        (
            query.OVERLAPPING,
            "uuid, int2" + ", timestamptz" * 5,
            "1, now(), now(), now(), '1970-01-01', '2100-01-01'",
        ),
    ],
    ids=["page", "one", "overlapping"],
)
async def test_policies_leave_the_planner_the_indexes(
    app: FastAPI, lives: list[Life], form: str, types: str, arguments: str, frozen: bool
) -> None:
    statement = query.seen_through(form, [query.Window(1, frozen=frozen)])
    values = arguments.format(nobody=UUID(int=0))
    async with bound(app, person_id=lives[0].person.id) as connection:
        session = await driver(connection)
        await session.execute("SET LOCAL enable_seqscan = off")
        await session.execute(f"PREPARE planned ({types}) AS {statement}")
        plan = await session.fetch(f"EXPLAIN EXECUTE planned ('{lives[0].person.id}', {values})")
        await session.execute("DEALLOCATE planned")
    lines = "\n".join(row[0] for row in plan)
    assert "Seq Scan on records" not in lines
    assert "BitmapOr" not in lines, "the policy's own condition has become one of an index"
    # Which index is chance in a table as small as this.
    assert re.search(r"Index Cond: \(+person_id = ", lines)
