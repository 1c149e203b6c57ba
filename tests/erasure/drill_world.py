"""One drill: two people, backups of every kind, then one of the two leaves.

The order is that of docs/operations.md; commands are given as an operator types them.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from tests.cli.commands import AS_A_SCRIPT, call, environment
from tests.cli.serving import PATIENCE_S, first_answer, free_port
from tests.erasure import drill_server as pg
from tests.erasure.disk_search import Held, held_by, list_unplanted, named, plant_rest, rows_of
from tests.erasure.drill_people import Said, live_planted, say
from tests.erasure.traces import Life, left
from tests.make import Caller, Make
from tests.plants import Plant
from vitalkeep.app import create_app
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.settings import Settings
from vitalkeep.consents.policies import add_policy
from vitalkeep.demo.policies import TEXTS, sample_ref

PATHS = ("records", "days", "consents", "consent-events", "changes", "access-log", "cases")


@dataclass
class Drill:
    """A place with a server, what lies beside it, and what is known of the two people."""

    place: Path
    make: Make
    stays: Life
    leaver: Life
    said: dict[str, Said]
    held: dict[str, Held] = field(default_factory=dict)
    unplanted: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    rows: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    complaint: str = ""
    done: dict[str, Any] = field(default_factory=dict)

    @property
    def server(self) -> Path:
        """The data directory of the server that all this happened on."""
        return self.place / "server"

    @property
    def secrets(self) -> dict[str, Plant]:
        """What nobody may find of the leaver anywhere, whatever they hold."""
        leaver = self.leaver
        secret = {
            "external id": leaver.person.external_id,
            "access token": leaver.person.token[-60:],
            "refresh token": leaver.refresh_token,
        }
        return {**self.said["leaver"].plants, **secret}

    def values(self, who: str) -> dict[str, Plant]:
        """What the columns of one of the two held, by names that tell the column."""
        return named(self.held[who])

    def variables(self, data: Path) -> dict[str, str]:
        """An operator's environment on one of the servers."""
        return variables(self.place, data)


async def restore(drill: Drill) -> Path:
    """A server on the base backup, recovered from the archive to just before one left."""
    settings = {
        "restore_command": f"cp {drill.place}/archive/%f %p",
        "recovery_target_name": "before_leaving",
        "recovery_target_action": "promote",
        "max_logical_replication_workers": "0",
    }
    data = pg.put_in_place(drill.place / "base", drill.place, "restored", settings)
    pg.forget_settings(data, pg.LOUD)
    (data / "postgres" / "recovery.signal").touch()
    pg.give_away(data / "postgres")
    await pg.start(data)
    await pg.wait_until(data, "SELECT NOT pg_is_in_recovery()")
    return data


def variables(place: Path, data: Path) -> dict[str, str]:
    """An operator's environment on a server."""
    return {
        "VITALKEEP_DATABASE_URL": f"postgresql://vitalkeep@/vitalkeep?host={pg.socket_of(data)}",
        "VITALKEEP_KEYRING": str(place / "keyring"),
        "VITALKEEP_DEVELOPMENT": "true",  # or `serve` refuses the log
    }


def operate(*arguments: str | Path, **environ: str) -> dict[str, Any]:
    """What a command answers with `--json`, having done what it was told."""
    done = call(*arguments, "--json", **environ)
    assert done.exit_code == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@contextmanager
def serve(place: Path, environ: dict[str, str]) -> Iterator[str]:
    """A running `vitalkeep serve` that logs all it can to `app.log`; its URL."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [*AS_A_SCRIPT, "serve", "--host", "127.0.0.1", "--port", str(port)]
    with (place / "app.log").open("wb") as log:
        environ = environment(**environ, VITALKEEP_LOG_LEVEL="debug", VITALKEEP_PUBLIC_URL=address)
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environ, cwd="/")
    try:
        with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
            assert first_answer(client, process).status_code == 200
        yield address
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


async def make_servers(place: Path) -> None:
    """A migrated server with an archive and everything in its log, and a logical subscriber."""
    server, subscriber = (pg.make_data_dir(place, name) for name in ("server", "subscriber"))
    await pg.start(server)
    operate("keys", "init", **variables(place, server))
    migrated = await asyncio.to_thread(call, "migrate", **variables(place, server))
    assert migrated.exit_code == 0, migrated.stderr
    await pg.stop(server)
    shared = {"hba_file": str(place / "hba.conf"), "wal_level": "logical"}
    shutil.copytree(server / "postgres", subscriber / "postgres", symlinks=True)
    pg.give_away(subscriber / "postgres")
    pg.settle(subscriber, {**shared, "wal_retrieve_retry_interval": "100ms"})
    archive = {"archive_mode": "on", "archive_command": f"cp %p {place}/archive/%f"}
    pg.settle(server, {**shared, **archive, **pg.LOUD})
    await pg.start(server)
    await pg.start(subscriber)
    await pg.tell(
        server,
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "SELECT pg_create_logical_replication_slot('everything', 'pgoutput')",
    )
    await pg.tell(
        subscriber,
        "CREATE SUBSCRIPTION everything CONNECTION "
        f"'host={pg.socket_of(server)} user=postgres dbname=vitalkeep' PUBLICATION everything "
        "WITH (create_slot = false, slot_name = everything, copy_data = false)",
    )


async def add_standby(place: Path) -> None:
    """A streaming standby, as `pg_basebackup --write-recovery-conf` makes it."""
    arguments = ("-c", "fast", "-R", "-C", "-S", "standby")
    backup = place / "standby.backup"
    await asyncio.to_thread(pg.command, "pg_basebackup", place / "server", "-D", backup, *arguments)
    data = pg.put_in_place(backup, place, "standby", {"wal_retrieve_retry_interval": "100ms"})
    shutil.rmtree(backup)
    await pg.start(data)


@asynccontextmanager
async def open_make(place: Path, address: str) -> AsyncIterator[Make]:
    """Builders whose requests go to the running server."""
    settings = Settings(data=place, keyring=place / "keyring", public_url=address)
    settings = settings.with_database(variables(place, place / "server")["VITALKEEP_DATABASE_URL"])
    app: FastAPI = create_app(settings, DirectoryKeyring(place / "keyring"))
    async with app.state.engine.begin() as connection:
        for locale, (title, text) in TEXTS.items():
            await add_policy(connection, sample_ref(locale), title, text)
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_S) as client:
        yield Make(app, client)
    await app.state.engine.dispose()


async def read_everything(person: Caller) -> dict[str, bytes]:
    """What a person reads of theirs, byte for byte."""
    answers = {}
    for path in PATHS:
        answer = await person.get(f"/v1/me/{path}")
        assert answer.status_code == 200, answer.text
        answers[path] = answer.content
    return answers


async def take_backups(drill: Drill) -> None:
    """As the runbook says; a rotation comes before, and after it a push for the archive."""
    environ = drill.variables(drill.server)
    operate("keys", "rotate", **environ)
    shutil.copytree(drill.place / "keyring", drill.place / "keyring.copy")
    backup = drill.place / "base"
    await asyncio.to_thread(pg.command, "pg_basebackup", drill.server, "-D", backup, "-c", "fast")
    pg.command("pg_verifybackup", drill.server, backup)
    pg.command("pg_dump", drill.server, "-f", drill.place / "dump.sql", "vitalkeep")
    for life in (drill.stays, drill.leaver):
        await life.person.push(drill.make.record("weight"))


async def plant_the_rest(drill: Drill) -> None:
    """Has something in every column of the leaver's."""
    connection = await pg.connect(drill.server)
    leaver = drill.leaver.person.id
    drill.forbidden = await plant_rest(connection, leaver)
    drill.unplanted = await list_unplanted(connection, leaver)
    await connection.close()


async def look_around(drill: Drill) -> None:
    """Notes everything there is of the two, just before one of them leaves."""
    drill.answers = await read_everything(drill.stays.person)
    connection = await pg.connect(drill.server)
    for name, life in (("stays", drill.stays), ("leaver", drill.leaver)):
        drill.held[name] = await held_by(connection, life.person.id)
        drill.rows[name] = await rows_of(connection, life.person.id)
    await connection.execute("ANALYZE")
    await connection.execute("SELECT pg_create_restore_point('before_leaving')")
    await connection.close()


async def hush(drill: Drill) -> None:
    """Has `vitalkeep check` complain of the log, and sets it as it says."""
    refused = await asyncio.to_thread(call, "check", **drill.variables(drill.server))
    assert refused.exit_code == 1
    drill.complaint = refused.stderr
    await pg.stop(drill.server)
    pg.forget_settings(drill.server, pg.LOUD)
    await pg.start(drill.server)
    await asyncio.to_thread(operate, "check", **drill.variables(drill.server))


async def leave(drill: Drill) -> None:
    """One of the two leaves; then what the operator's worker and commands do."""
    environ = drill.variables(drill.server)
    drill.done = await left(drill.leaver.person)
    operate("worker", "--once", **environ)
    operate("erasures", "list", "--export", drill.place / "journal.json", **environ)
    operate("keys", "rotate", **environ)
    operate("erasures", "scrub", **environ)


async def settle_down(drill: Drill) -> None:
    """Waits for standby, subscriber and archive, then has older WAL go."""
    wal = "SELECT pg_current_wal_lsn()::text"
    reached = str(await pg.ask(drill.server, wal))
    await pg.wait_until(
        drill.server,
        "SELECT bool_and(coalesce(confirmed_flush_lsn, restart_lsn) >= $1::text::pg_lsn) "
        "FROM pg_replication_slots",
        reached,
    )
    await pg.wait_until(
        drill.place / "standby", "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", reached
    )
    await asyncio.to_thread(
        operate, "erasures", "scrub", **drill.variables(drill.place / "subscriber")
    )
    for _ in range(2):  # what the archive has taken goes with the next checkpoints
        await pg.tell(drill.server, "VACUUM", "SELECT pg_switch_wal()")
        await pg.wait_until(
            drill.server,
            "SELECT NOT EXISTS (SELECT FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')",
        )
    await pg.drop_wal(drill.server, drill.place / "standby", reached)
    for log, name in (("postgres.log.1", "loud.log"), ("postgres.log", "quiet.log")):
        shutil.copy(drill.server / log, drill.place / name)


@asynccontextmanager
async def open_drill() -> AsyncIterator[Drill]:
    """The drill when all is done."""
    place = pg.make_place()
    try:
        await make_servers(place)
        with serve(place, variables(place, place / "server")) as address:
            async with open_make(place, address) as make:
                said = {"stays": say("5d1f9c", 0.2749163508), "leaver": say("a81c3e", 0.8351947263)}
                app, nurse = await make.app(), await make.staff()
                stays, leaver = [
                    await live_planted(make, each, app, nurse) for each in said.values()
                ]
                drill = Drill(place, make, stays, leaver, said)
                await plant_the_rest(drill)
                await add_standby(place)
                await take_backups(drill)
                await look_around(drill)
                await hush(drill)
                await leave(drill)
                await settle_down(drill)
                yield drill
    finally:
        await asyncio.to_thread(pg.remove, place)
