"""The private PostgreSQL's settings and who may connect, on a real one.

As root the server runs as `nobody`, below pytest's 0700 directory, and a throw-away user plays the
ordinary one. Without root the same sentences are tested as the user who runs the tests.
"""

import asyncio
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from vitalkeep.base import devdb
from vitalkeep.base.devdb import DevDatabase
from vitalkeep.base.pgbinaries import Account, find_binaries, runnable_by

IS_ROOT = os.geteuid() == 0
SERVER_USER = "nobody" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name


def sql(database: DevDatabase, query: str, user: str = "vitalkeep") -> str:
    async def ask() -> str:
        url = database.url.replace("+asyncpg", "").replace("vitalkeep@", f"{user}@")
        connection = await asyncpg.connect(url)
        try:
            return str(await connection.fetchval(query))
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevDatabase]:
    database = devdb.start(tmp_path_factory.mktemp("shared") / "data")
    yield database
    devdb.stop(database)


@pytest.fixture(scope="module")
def ordinary() -> Iterator[Account]:
    """An ordinary user: ourselves, or one made for these tests when we are root."""
    if not IS_ROOT:
        me = pwd.getpwuid(os.geteuid())
        yield Account(me.pw_name, me.pw_uid, me.pw_gid)
        return
    name = f"vktest{os.getpid()}"
    subprocess.run(["/usr/sbin/useradd", "--no-create-home", name], check=True)
    try:
        made = pwd.getpwnam(name)
        yield Account(made.pw_name, made.pw_uid, made.pw_gid)
    finally:
        subprocess.run(["/usr/sbin/userdel", name], check=True, capture_output=True)


def as_user(account: Account, act: Callable[[], str]) -> str:
    """Run `act` as that user in a fork, which needs no readable interpreter; return its answer."""
    if account.uid == os.geteuid():
        return act()
    receiving, sending = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
            os.environ["HOME"] = "/"
            answer = act()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(sending, answer.encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


@pytest.fixture
def open_dir(ordinary: Account) -> Iterator[Path]:
    """A directory of the ordinary user that everybody can reach, unlike pytest's under root."""
    path = Path(tempfile.mkdtemp(prefix="vk-"))
    os.chown(path, ordinary.uid, ordinary.gid)
    yield path
    shutil.rmtree(path)


def test_it_works_as_an_ordinary_user(ordinary: Account, open_dir: Path) -> None:
    bindir = runnable_by(find_binaries(None), ordinary).bindir

    def live() -> str:
        database = devdb.start(open_dir / "data", bindir=bindir)
        answer = sql(database, "SELECT current_user")
        owner = Path(f"/proc/{database.pid}").owner() if Path("/proc").is_dir() else ordinary.name
        devdb.stop(database)
        return f"{answer} {owner} {devdb.find_running(open_dir / 'data')}"

    assert as_user(ordinary, live) == f"vitalkeep {ordinary.name} None"


def test_the_server_runs_as_an_unprivileged_user_in_its_own_session(shared: DevDatabase) -> None:
    assert os.getsid(shared.pid) == shared.pid
    assert (shared.data_dir / "postgres" / "PG_VERSION").owner() == SERVER_USER
    assert SERVER_USER != "root"
    if IS_ROOT:  # pytest's own directory is root's and 0700, so `nobody` cannot pass it
        assert any(not place.stat().st_mode & 0o007 for place in shared.data_dir.parents)


def test_cluster_and_socket_are_private_and_tcp_is_off(shared: DevDatabase) -> None:
    for name in ("postgres", "socket"):
        assert stat.S_IMODE((shared.data_dir / name).stat().st_mode) == 0o700
    assert sql(shared, "SHOW listen_addresses") == ""
    sockets = {os.readlink(link) for link in Path(f"/proc/{shared.pid}/fd").glob("*")}
    for table in Path("/proc/net").glob("tcp*"):
        inodes = {line.split()[9] for line in table.read_text().splitlines()[1:]}
        assert not {f"socket:[{inode}]" for inode in inodes} & sockets


async def test_the_url_serves_sqlalchemy_and_names_role_and_database(shared: DevDatabase) -> None:
    engine = create_async_engine(shared.url)
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT current_user, current_database()"))).one()
    await engine.dispose()
    assert tuple(row) == ("vitalkeep", "vitalkeep")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("log_error_verbosity", "terse"),
        ("log_min_error_statement", "panic"),
        ("log_parameter_max_length_on_error", "0"),
        ("log_statement", "none"),
        ("max_wal_size", "512MB"),
        ("server_encoding", "UTF8"),
        ("synchronous_commit", "on"),
        ("wal_recycle", "off"),
    ],
)
def test_a_setting_is_in_force(shared: DevDatabase, setting: str, value: str) -> None:
    assert sql(shared, f"SHOW {setting}") == value


def test_text_sorts_by_code_point(shared: DevDatabase) -> None:
    words = "SELECT string_agg(w, '' ORDER BY w) FROM unnest(ARRAY['b', 'B', 'a', 'é', 'あ']) AS w"
    assert sql(shared, words) == "Babéあ"
    assert sql(shared, "SELECT upper('é')") == "É"


def test_a_rejected_value_does_not_reach_the_log(shared: DevDatabase) -> None:
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        sql(shared, "SELECT 'secret-reading'::text::int")
    assert "secret-reading" not in (shared.data_dir / "postgres.log").read_text()


def test_the_role_is_no_superuser_but_may_scrub(shared: DevDatabase) -> None:
    assert sql(shared, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "False"
    for statement in ("VACUUM FULL pg_statistic", "CHECKPOINT", "SELECT pg_switch_wal()"):
        sql(shared, statement)


def test_only_mapped_roles_are_let_in(shared: DevDatabase) -> None:
    sql(shared, "CREATE ROLE stranger LOGIN SUPERUSER", user="postgres")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        sql(shared, "SELECT 1", user="stranger")


def test_another_user_is_refused_by_the_directories_and_by_the_server(
    ordinary: Account, tmp_path: Path
) -> None:
    """The server's own refusal is seen by opening, in the test alone, the way to the socket."""
    if ordinary.uid == os.geteuid():
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
        return
    base = Path(tempfile.mkdtemp(prefix="vk-"))
    try:
        database = devdb.start(base / "data")
        base.chmod(0o755)
        database.data_dir.chmod(0o755)
        assert "PermissionError" in as_user(ordinary, lambda: sql(database, "SELECT 1"))
        (database.data_dir / "socket").chmod(0o755)
        socket = database.data_dir / "socket" / ".s.PGSQL.5432"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        socket.chmod(0o777)
        for role in ("vitalkeep", "postgres", ordinary.name):
            answer = as_user(ordinary, partial(sql, database, "SELECT 1", role))
            assert answer.startswith("InvalidAuthorizationSpecificationError")
        devdb.stop(database)
    finally:
        shutil.rmtree(base)
