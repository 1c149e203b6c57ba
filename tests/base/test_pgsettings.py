"""PostgreSQL's settings are looked at on a real server, each of them wrong once."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from tests.base.test_operations import readiness, unready
from tests.cli.commands import call, refusal
from tests.make import Make
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.pgsettings import WANTED, Wanted, explain, judge, list_findings, list_leaks
from vitalkeep.base.settings import Settings

WRONG = {
    "log_statement": "all",
    "log_parameter_max_length_on_error": "-1",
    "log_min_error_statement": "error",
    "log_error_verbosity": "default",
    "log_min_messages": "warning",
    "wal_recycle": "on",
    "synchronous_commit": "off",
}
TIMED = {
    "log_min_duration_statement": "100",
    "log_min_duration_sample": "100",
    "log_transaction_sample_rate": "0.5",
}
LEAKS = {each.setting for each in WANTED if each.severity == "refuse"}


@pytest_asyncio.fixture
async def superuser(app: FastAPI) -> AsyncIterator[AsyncConnection]:
    """A session that may set anything, for itself."""
    engine = create_async_engine(app.state.engine.url.set(username="postgres"), poolclass=NullPool)
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with autocommit.connect() as connection:
        yield connection
    await engine.dispose()


async def findings(connection: AsyncConnection) -> dict[str, tuple[str, str]]:
    """What was found and how severe, but for what other tests' persons left in the statistics."""
    found = await list_findings(connection)
    return {
        each.setting: (each.found, each.severity)
        for each in found
        if each.setting != "pg_statistic"
    }


async def test_the_embedded_database_is_set_as_it_should_be(superuser: AsyncConnection) -> None:
    assert await findings(superuser) == {}


@pytest.mark.parametrize("setting", sorted(WRONG))
async def test_a_setting_that_keeps_what_was_erased_is_found(
    superuser: AsyncConnection, setting: str
) -> None:
    await superuser.execute(text(f"SET {setting} = '{WRONG[setting]}'"))
    severity = "refuse" if setting in LEAKS else "warn"
    assert await findings(superuser) == {setting: (WRONG[setting], severity)}
    leaks = [each.setting for each in await list_leaks(superuser)]
    assert leaks == [setting] * (setting in LEAKS)


@pytest.mark.parametrize("setting", sorted(TIMED))
async def test_logging_slow_statements_is_refused_and_without_their_parameters_warned_of(
    superuser: AsyncConnection, setting: str
) -> None:
    await superuser.execute(text(f"SET {setting} = {TIMED[setting]}"))
    assert await findings(superuser) == {setting: (TIMED[setting], "warn")}
    await superuser.execute(text("SET log_parameter_max_length = -1"))
    assert await findings(superuser) == {setting: (TIMED[setting], "refuse")}


@pytest.mark.parametrize("wanted", WANTED, ids=lambda each: each.setting)
def test_every_accepted_value_passes_and_another_does_not(wanted: Wanted) -> None:
    for accepted in wanted.accepted:
        assert list(judge({wanted.setting: accepted})) == []
    (finding,) = judge({wanted.setting: "other"})
    assert (finding.setting, finding.found) == (wanted.setting, "other")
    assert finding.wanted == wanted.accepted[0]


async def test_a_slot_that_nobody_reads_is_found(superuser: AsyncConnection) -> None:
    name = f"unread_{uuid4().hex[:8]}"
    await superuser.execute(text(f"SELECT pg_create_physical_replication_slot('{name}', true)"))
    try:
        assert await findings(superuser) == {f"slot {name}": ("inactive", "warn")}
    finally:
        await superuser.execute(text(f"SELECT pg_drop_replication_slot('{name}')"))


async def test_statistics_that_name_nobody_who_is_here_are_found(
    app: FastAPI, superuser: AsyncConnection, make: Make
) -> None:
    # Of a table without any row ANALYZE keeps the statistics it had.
    await make.case(await make.staff(), await make.person(), ["steps.read"])
    add = text(
        "INSERT INTO case_handles (case_id, person_id, organization_id) "
        "SELECT gen_random_uuid(), :id, gen_random_uuid() FROM generate_series(1, 9)"
    )
    gone = uuid4()
    async with app.state.engine.begin() as connection:
        await connection.execute(add, {"id": gone})
    await superuser.execute(text("ANALYZE"))
    try:
        async with app.state.engine.connect() as connection:
            found = {each.setting: each for each in await list_findings(connection)}
        assert "nobody who is here" in found["pg_statistic"].found
        assert found["pg_statistic"].severity == "warn"
    finally:
        async with app.state.engine.begin() as connection:
            await connection.execute(
                text("DELETE FROM case_handles WHERE person_id = :id"), {"id": gone}
            )
        await superuser.execute(text("ANALYZE"))
    async with app.state.engine.connect() as connection:
        assert "pg_statistic" not in {each.setting for each in await list_findings(connection)}


@pytest_asyncio.fixture
async def leaking(settings: Settings, superuser: AsyncConnection) -> AsyncIterator[Settings]:
    """Settings on the test database, whose new sessions log every statement."""
    name = make_url(settings.database_url or "").database
    await superuser.execute(text(f"ALTER DATABASE {name} SET log_statement = 'all'"))
    yield settings
    await superuser.execute(text(f"ALTER DATABASE {name} RESET log_statement"))


async def test_a_server_on_a_database_that_logs_values_does_not_start_and_is_not_ready(
    leaking: Settings, keyring: DirectoryKeyring
) -> None:
    variables = {
        "VITALKEEP_DATABASE_URL": leaking.database_url or "",
        "VITALKEEP_KEYRING": str(leaking.keyring_dir),
    }
    told = "log_statement is all: the log would hold every statement with its parameters. "
    told += "ALTER SYSTEM SET log_statement = 'none'; SELECT pg_reload_conf();"
    for command in (("serve",), ("worker", "--once")):
        assert refusal(call(*command, **variables)).endswith(told)
    checked = call("check", "--json", **variables)
    assert checked.exit_code == 1
    assert '"ok":false' in checked.stdout
    assert unready(await readiness(leaking, keyring)).endswith(told)
    developing = leaking.model_copy(update={"development": True})
    assert (await readiness(developing, keyring)).status_code == 200


async def test_what_mends_a_finding_is_understood_by_postgresql(
    superuser: AsyncConnection,
) -> None:
    for setting, value in WRONG.items():
        await superuser.execute(text(f"SET {setting} = '{value}'"))
    wrong = [each for each in await list_findings(superuser) if each.setting in WRONG]
    assert len(wrong) == len(WRONG)
    mend = explain(wrong).partition("ALTER SYSTEM ")[2].partition(" SELECT pg_reload")[0]
    for statement in mend.split("ALTER SYSTEM "):  # `SET` alone sets it for this session
        await superuser.execute(text(statement))
    assert await findings(superuser) == {}
