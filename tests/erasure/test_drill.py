"""An auditor's drill: with the disk, the archive, old backups, logs and today's keyring at hand.

Tests E1 to E4 of leaving, on a server of its own. One world serves all of them.
"""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy.exc import DBAPIError

from tests.cli.commands import call
from tests.cli.serving import kill_database
from tests.erasure import drill_server as pg
from tests.erasure.disk_search import count_rows, kind_of, rows_of
from tests.erasure.drill_world import Drill, open_drill, operate, read_everything, restore
from tests.make import Caller
from tests.plants import DiskSearch, Plant
from vitalkeep.app import create_app
from vitalkeep.base.db import bound_transaction, create_engine
from vitalkeep.base.keyfiles import read_key
from vitalkeep.base.keys import DirectoryKeyring, KeyringError
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.sealing import PersonKey, SealBroken, derive_siv
from vitalkeep.datatypes.times import microseconds
from vitalkeep.erasure.journal import begin, finish
from vitalkeep.records.sealed import record_place

pytestmark = pytest.mark.xdist_group("drill")  # one world for all, in one process

PRESENT = (
    *("server/postgres", "standby", "subscriber"),
    *("keyring", "journal.json", "app.log", "quiet.log"),
)
"""What there is after leaving: of the leaver nothing at all."""
OLD = ("archive", "base", "dump.sql", "loud.log")
"""What is from before, or has to be kept: nothing that names anybody or that anybody can read."""
MAY_REMAIN = {"clear", "sealed", "key", "digest"}
RECORDS = "SELECT * FROM records WHERE person_id = $1 AND sealed IS NOT NULL"


@pytest_asyncio.fixture(scope="module")
async def drill() -> AsyncIterator[Drill]:
    async with open_drill() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module")
async def restored(drill: Drill) -> Path:
    """The data directory of a server as it was just before one left."""
    return await restore(drill)


@pytest.fixture(scope="module")
def search(drill: Drill) -> DiskSearch:
    """Looks for all of the leaver, what the other said, and the other's ids."""
    stays = {name: plant for name, plant in drill.values("stays").items() if is_id(plant)}
    mine, said = {**drill.secrets, **drill.values("leaver")}, drill.said["stays"].plants
    every = (("leaver", mine), ("said", said), ("stays", stays))
    return DiskSearch(
        {f"{who}: {name}": plant for who, plants in every for name, plant in plants.items()}
    )


@pytest.fixture(scope="module")
def found(drill: Drill, search: DiskSearch) -> dict[str, set[str]]:
    """What each store holds of all that."""
    return {name: set(search.find(drill.place / name)) for name in (*PRESENT, *OLD)}


def is_id(plant: Plant) -> bool:
    """Whether it is a random id."""
    return isinstance(plant, UUID)


def of(who: str, names: set[str]) -> set[str]:
    """Those of the plants that are somebody's."""
    return {name.partition(": ")[2] for name in names if name.startswith(f"{who}: ")}


def test_every_column_of_a_person_is_planted_unless_postgresql_forbids_it(drill: Drill) -> None:
    assert drill.unplanted == drill.forbidden
    assert len(drill.held["leaver"]) > 100
    assert len(drill.values("leaver")) > 300


def test_what_is_there_after_leaving_holds_nothing_of_the_leaver(
    drill: Drill, found: dict[str, set[str]]
) -> None:
    assert {name: of("leaver", found[name]) for name in PRESENT} == {
        name: set() for name in PRESENT
    }
    # The same search finds whoever stays, where they have to be.
    ids = {name for name, plant in drill.values("stays").items() if is_id(plant)}
    assert len(ids) > 50
    for name in ("server/postgres", "standby", "subscriber"):
        assert of("stays", found[name]) == ids


def test_what_is_from_before_names_nobody_and_measures_nothing(
    drill: Drill, found: dict[str, set[str]]
) -> None:
    for name in OLD:
        assert not of("leaver", found[name]) & drill.secrets.keys()
        kinds = {kind_of(each) for each in of("leaver", found[name])}
        assert kinds <= MAY_REMAIN
        assert "persons.person_id 0" in of("leaver", found[name])
    assert {name for names in found.values() for name in of("said", names)} == set()


def test_the_log_that_was_too_loud_was_refused_with_what_mends_it(drill: Drill) -> None:
    for setting in ("log_statement", "log_min_duration_statement", "log_error_verbosity"):
        assert f"ALTER SYSTEM SET {setting} = " in drill.complaint


def keys_at_hand(drill: Drill) -> Iterator[bytes]:
    """Every secret of today's keyring."""
    for path in sorted((drill.place / "keyring").glob("*.key")):
        yield read_key(path)


def opened(key: PersonKey, rows: list[asyncpg.Record]) -> list[bytes]:
    """The contents of records. Raises SealBroken."""
    return [
        key.open(
            row["sealed"],
            record_place(
                row["record_id"].bytes,
                row["type"],
                row["source_id"],
                microseconds(row["start_time"]),
                microseconds(row["end_time"]),
                row["version"],
            ),
        )
        for row in rows
    ]


async def test_no_key_there_is_opens_what_an_old_backup_holds_of_the_leaver(
    drill: Drill, restored: Path
) -> None:
    leaver = drill.leaver.person.id
    connection = await pg.connect(restored)
    assert await rows_of(connection, leaver) == drill.rows["leaver"]
    rows = await connection.fetch(RECORDS, leaver)
    key = await connection.fetchrow("SELECT * FROM person_keys WHERE person_id = $1", leaver)
    await connection.close()
    assert key is not None
    epoch, wrapped = key["epoch"], key["wrapped_key"]

    # With a copy of the keyring from before the rotation all this would open.
    copy = DirectoryKeyring(drill.place / "keyring.copy")
    contents = opened(PersonKey(copy.unwrap(epoch, wrapped, leaver)), rows)
    assert len(contents) > 10
    assert drill.said["leaver"].texts["notes"].encode() in b"".join(contents)

    keyring = DirectoryKeyring(drill.place / "keyring")
    assert epoch not in keyring.epochs()
    for tried in (epoch, *keyring.epochs()):
        with pytest.raises(KeyringError):
            keyring.unwrap(tried, wrapped, leaver)
    secrets = [*keys_at_hand(drill)]
    assert len(secrets) == 3
    for secret in secrets:
        for siv in (derive_siv(secret, b"vitalkeep wrap"), keyring.system_siv(), AESSIV(secret)):
            for place in ([leaver.bytes], [], None):
                with pytest.raises(InvalidTag):
                    siv.decrypt(wrapped, place)
        for row in rows:
            with pytest.raises(SealBroken):
                opened(PersonKey(secret), [row])


async def test_the_runbook_gives_back_whoever_stayed_byte_for_byte_and_nobody_else(
    drill: Drill, restored: Path, search: DiskSearch
) -> None:
    environ = drill.variables(restored)
    assert call("migrate", **environ).exit_code == 0
    operate("check", **environ)
    answered = operate("keys", "restore", **environ)
    # The survivor and two relatives; the leaver's key opens no more.
    assert (answered["restored"], answered["unreadable"]) == (3, 1)
    replayed = operate("erasures", "replay", **environ)
    assert (replayed["journaled"], replayed["erased"], replayed["unreadable"]) == (1, 1, 0)
    assert operate("erasures", "scrub", **environ)["complete"]
    operate("keys", "status", **environ)

    old, new = await pg.connect(restored), await pg.connect(drill.server)
    assert await count_rows(old, drill.leaver.person.id) == {}
    stays = drill.stays.person
    kept = await rows_of(old, stays.id)
    today = await rows_of(new, stays.id)
    assert kept == drill.rows["stays"] | {"person_keys": today["person_keys"]}
    await old.close()
    await new.close()
    assert of("leaver", set(search.find(restored / "postgres" / "base"))) == set()

    state = drill.make.fastapi.state
    settings = state.settings.with_database(environ["VITALKEEP_DATABASE_URL"])
    app = create_app(settings, DirectoryKeyring(drill.place / "keyring"))
    async with inside_client(app) as client:
        again = Caller(client, stays.id, stays.token, stays.app)
        assert await read_everything(again) == drill.answers
        page = (await client.get(f"/v1/erasures/{drill.done['erasure_id']}")).json()
        assert page["certificate"] == drill.done["certificate"]
        gone = Caller(client, drill.leaver.person.id, drill.leaver.person.token)
        assert (await gone.get("/v1/me")).status_code == 401
    await app.state.engine.dispose()


async def test_standby_and_subscriber_hold_no_row_of_the_leaver_and_all_of_the_other(
    drill: Drill,
) -> None:
    server = await pg.connect(drill.server)
    rows = await rows_of(server, drill.stays.person.id)
    await server.close()
    for name in ("standby", "subscriber"):
        copy = await pg.connect(drill.place / name)
        assert await count_rows(copy, drill.leaver.person.id) == {}
        assert await rows_of(copy, drill.stays.person.id) == rows
        await copy.close()


async def test_a_slot_that_nobody_reads_is_told_and_keeps_a_scrub_from_its_end(
    drill: Drill,
) -> None:
    environ = drill.variables(drill.server)
    assert operate("erasures", "scrub", "--table", "cases", **environ)["complete"]
    await pg.tell(drill.place / "subscriber", "ALTER SUBSCRIPTION everything DISABLE")
    stalled = "SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'everything'"
    await pg.wait_until(drill.server, stalled)
    told = {each["setting"]: each["found"] for each in operate("check", **environ)["findings"]}
    assert told["slot everything"] == "inactive"
    scrub = ("erasures", "scrub", "--table", "cases", "--lock-timeout", "0.1")
    done = call(*scrub, **environ)
    assert done.exit_code == 1
    assert "replication slot everything still sees what was deleted" in done.stderr
    await pg.tell(drill.place / "subscriber", "ALTER SUBSCRIPTION everything ENABLE")
    assert operate(*scrub[:-2], **environ)["complete"]


async def test_kill_9_of_postgresql_during_the_deletion_is_finished_by_the_worker(
    drill: Drill,
) -> None:
    environ, state = drill.variables(drill.server), drill.make.fastapi.state
    person = await drill.make.person(drill.leaver.app)
    await person.push(drill.make.record("weight"))
    settings = state.settings.model_copy(update={"pool_size": 1})
    engine = create_engine(settings)
    keyring = DirectoryKeyring(drill.place / "keyring")
    async with bound_transaction(engine, person_id=person.id) as connection:
        erasure_id = await begin(connection, keyring, person.id, uuid4())
    server = await pg.connect(drill.server)
    pids = await server.fetch("SELECT pid FROM pg_stat_activity WHERE datname IS NOT NULL")
    before = await count_rows(server, person.id)
    assert before["records"] == 1

    def kill(step: str) -> None:
        if step == "deleted":
            for row in pids:
                os.kill(row["pid"], signal.SIGKILL)
            kill_database(drill.server)

    with pytest.raises((DBAPIError, OSError, asyncpg.PostgresError)):
        await finish(engine, keyring, settings, erasure_id, kill)
    server.terminate()
    await engine.dispose()
    await pg.start(drill.server)
    server = await pg.connect(drill.server)
    assert await count_rows(server, person.id) == before
    operate("worker", "--once", **environ)
    assert await count_rows(server, person.id) == {}
    await server.close()
    page: dict[str, Any] = (await drill.make.client.get(f"/v1/erasures/{erasure_id}")).json()
    counted = page["certificate"]["statement"]["rows_deleted"]
    assert {name: count for name, count in counted.items() if count} == before
    assert (await person.get("/v1/me")).status_code == 401
