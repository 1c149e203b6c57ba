"""PostgreSQL servers for a drill: one with an archive and a talkative log, and what is made of it.

Everything lies in one directory that the server's account can pass, since the archive, standbys
and subscribers are its own processes' business.
"""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import asyncpg

from tests.cli.commands import environment
from tests.cli.serving import kill_database
from vitalkeep.base import devdb
from vitalkeep.base.pgbinaries import find_binaries, server_account
from vitalkeep.base.pgprocess import has_processes

PATIENCE_S, POLL_S = 60.0, 0.05
LOUD: Mapping[str, str] = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "log_min_error_statement": "error",
    "log_min_messages": "debug1",
    "log_error_verbosity": "verbose",
    "log_connections": "on",
}
"""A log as nobody should have it."""


def make_place() -> Path:
    """A new directory for everything."""
    place = Path(tempfile.mkdtemp(prefix="vitalkeep-drill-")).resolve()
    for name in ("archive", "hba.conf"):
        (place / name).touch() if "." in name else (place / name).mkdir()
    (place / "hba.conf").write_text("local all all trust\nlocal replication all trust\n")
    give_away(place / "archive")
    give_away(place, deep=False)
    return place


def give_away(path: Path, *, deep: bool = True) -> None:
    """Makes the server's account the owner."""
    account = server_account()
    if account.is_other:
        for each in (path, *(path.rglob("*") if deep else ())):
            os.chown(each, account.uid, account.gid)


def settle(data: Path, settings: Mapping[str, str]) -> None:
    """Settings of a stopped server, as `ALTER SYSTEM` would leave them."""
    with (data / "postgres" / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def forget_settings(data: Path, names: Iterable[str]) -> None:
    """Takes settings of a stopped server back, as `ALTER SYSTEM RESET` would."""
    path = data / "postgres" / "postgresql.auto.conf"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if line.split(" ")[0] not in names))


def make_data_dir(place: Path, name: str) -> Path:
    """A data directory whose socket the account can reach."""
    data = place / name
    data.mkdir()
    data.chmod(0o711)
    return data


def socket_of(data: Path) -> str:
    """The directory of a server's socket."""
    return os.path.realpath(data / "socket")


async def start(data: Path) -> devdb.DevDatabase:
    """Starts the server, or attaches to it."""
    return await asyncio.to_thread(devdb.start, data)


async def stop(data: Path) -> None:
    """Stops the server if it runs."""
    if running := devdb.find_running(data):
        await asyncio.to_thread(devdb.stop, running)


async def connect(data: Path, user: str = "postgres") -> asyncpg.Connection:
    """A connection of a superuser, who sees everything; a server that recovers is waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await asyncpg.connect(
                host=socket_of(data),
                user=user,
                database="vitalkeep",
                server_settings={"timezone": "UTC"},
            )
        except asyncpg.CannotConnectNowError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(POLL_S)


async def tell(data: Path, *statements: str) -> None:
    """Runs statements, each by itself."""
    connection = await connect(data)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def ask(data: Path, query: str, *values: object) -> object:
    """The one value of a query."""
    connection = await connect(data)
    try:
        answer: object = await connection.fetchval(query, *values)
        return answer
    finally:
        await connection.close()


async def wait_until(data: Path, query: str, *values: object) -> None:
    """Waits until a query's answer is true."""
    for _ in range(int(PATIENCE_S / POLL_S)):
        if await ask(data, query, *values):
            return
        await asyncio.sleep(POLL_S)
    raise TimeoutError(query)


async def drop_wal(server: Path, standby: Path, reached: str) -> None:
    """Has both forget the WAL up to a place: checkpoints, until no slot and no log keep it.

    A logical slot moves on with the next running transactions that are logged, a standby with the
    next checkpoint that it replays.
    """
    name = str(await ask(server, "SELECT pg_walfile_name($1::text::pg_lsn)", reached))
    newer = "SELECT min(name) > $1 FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
    for _ in range(int(PATIENCE_S / POLL_S)):
        await tell(server, "SELECT pg_log_standby_snapshot()", "CHECKPOINT")
        await tell(standby, "CHECKPOINT")
        if await ask(server, newer, name) and await ask(standby, newer, name):
            return
        await asyncio.sleep(POLL_S)
    raise TimeoutError(name)


def command(program: str, data: Path, *arguments: str | Path) -> str:
    """What one of PostgreSQL's programs prints about this server."""
    done = subprocess.run(
        [find_binaries(None).bindir / program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(PGHOST=socket_of(data), PGUSER="postgres"),
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def put_in_place(backup: Path, place: Path, name: str, settings: Mapping[str, str]) -> Path:
    """A stopped server made of a base backup, with other settings; `name` must be new."""
    data = make_data_dir(place, name)
    shutil.copytree(backup, data / "postgres", symlinks=True)
    (data / "postgres").chmod(0o700)
    settle(data, {"archive_mode": "off", **settings})
    give_away(data / "postgres")
    return data


def remove(place: Path) -> None:
    """Ends what still runs, whatever it is at, and removes the directory."""
    for data in [each for each in place.iterdir() if each.is_dir() and has_processes(each)]:
        kill_database(data)
    shutil.rmtree(place)
