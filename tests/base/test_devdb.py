"""The private database's life on a real PostgreSQL: kept data, crashes, races, refusals."""

import asyncio
import contextlib
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from vitalkeep.base import devdb
from vitalkeep.base.devdb import DevDatabase, DevDatabaseError

IS_ROOT = os.geteuid() == 0
SERVER_USER = "nobody" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name
START = "import sys, time, pathlib; from vitalkeep.base import devdb\n"
START += "found = devdb.start(pathlib.Path(sys.argv[1])); print(found.started_here, flush=True)\n"


def sql(database: DevDatabase, query: str) -> str:
    async def ask() -> str:
        connection = await asyncpg.connect(database.url.replace("+asyncpg", ""))
        try:
            return str(await connection.fetchval(query))
        finally:
            await connection.close()

    return asyncio.run(ask())


def end(data_dir: Path) -> None:
    if found := devdb.find_running(data_dir):
        devdb.stop(found)


def postgres_pids(data_dir: Path) -> set[int]:
    """Every live process that works in the cluster, asked of the kernel."""
    pids = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").samefile(data_dir / "postgres"):
                pids.add(int(entry.name))
    return pids


def permissions(path: Path) -> list[tuple[str, int, int, int]]:
    found = [(str(place), place.stat()) for place in (path, *path.parents)]
    return [(name, info.st_mode, info.st_uid, info.st_gid) for name, info in found]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "data"
    yield path
    end(path)


def test_a_second_start_keeps_what_the_first_one_stored(data_dir: Path) -> None:
    first = devdb.start(data_dir)
    assert first.started_here
    sql(first, "CREATE TABLE kept AS SELECT 41 + 1 AS answer")
    devdb.stop(first)
    second = devdb.start(data_dir)
    assert second.started_here
    assert second.pid != first.pid
    assert sql(second, "SELECT answer FROM kept") == "42"


def test_stop_leaves_no_process_and_may_be_repeated(data_dir: Path) -> None:
    database = devdb.start(data_dir)
    assert database.pid in postgres_pids(data_dir)
    devdb.stop(database)
    assert postgres_pids(data_dir) == set()
    assert devdb.find_running(data_dir) is None
    assert not (data_dir / "postgres" / "postmaster.pid").exists()
    devdb.stop(database)


def test_a_running_server_is_attached_to_and_can_be_stopped_so(data_dir: Path) -> None:
    first = devdb.start(data_dir)
    second = devdb.start(data_dir)
    assert (second.pid, second.version) == (first.pid, first.version)
    assert not second.started_here
    assert devdb.find_running(data_dir) == second
    devdb.stop(second)
    assert postgres_pids(data_dir) == set()


def test_stopping_an_earlier_server_leaves_its_successor_alone(data_dir: Path) -> None:
    earlier = devdb.start(data_dir)
    devdb.stop(earlier)
    successor = devdb.start(data_dir)
    devdb.stop(earlier)
    assert devdb.find_running(data_dir) is not None
    assert sql(successor, "SELECT 1") == "1"


def test_a_server_outlives_its_killed_starter_and_is_attached_to(data_dir: Path) -> None:
    script = START + "time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(data_dir)], stdout=subprocess.PIPE
    ) as app:
        assert app.stdout is not None
        assert app.stdout.readline() == b"True\n"
        app.kill()
    database = devdb.start(data_dir)
    assert not database.started_here
    assert sql(database, "SELECT 1") == "1"


@pytest.mark.parametrize("victims", ["postmaster", "all"])
def test_data_survives_a_kill_9_of_postgresql(data_dir: Path, victims: str) -> None:
    database = devdb.start(data_dir)
    sql(database, "CREATE TABLE kept AS SELECT 42 AS answer")
    for pid in {database.pid} if victims == "postmaster" else postgres_pids(data_dir):
        with contextlib.suppress(ProcessLookupError):  # a background process may just have ended
            os.kill(pid, signal.SIGKILL)
    while database.pid in postgres_pids(data_dir):
        time.sleep(0.001)
    assert (data_dir / "postgres" / "postmaster.pid").exists()
    recovered = devdb.start(data_dir)
    assert recovered.started_here
    assert sql(recovered, "SELECT answer FROM kept") == "42"
    assert "automatic recovery in progress" in (data_dir / "postgres.log").read_text()


def test_stale_files_with_a_reused_pid_harm_nobody(data_dir: Path) -> None:
    devdb.stop(devdb.start(data_dir))
    user = pwd.getpwnam(SERVER_USER).pw_uid if IS_ROOT else None
    with subprocess.Popen(["/bin/sleep", "60"], user=user) as bystander:
        try:
            claim = f"{bystander.pid}\n{data_dir}\n1\n5432\n{data_dir}\n\n\nready   \n"
            (data_dir / "postgres" / "postmaster.pid").write_text(claim)
            (data_dir / "socket" / ".s.PGSQL.5432.lock").write_text(claim)
            assert devdb.find_running(data_dir) is None
            database = devdb.start(data_dir)
            assert database.started_here
            assert bystander.pid != database.pid
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_of_two_concurrent_starts_one_starts_and_the_other_attaches(data_dir: Path) -> None:
    script = START.replace("found =", "print(flush=True); sys.stdin.readline(); found =")
    command = [sys.executable, "-c", script, str(data_dir)]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "\n"  # imported and waiting for its line
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    answers = sorted(racer.communicate(timeout=60)[0] for racer in racers)
    assert answers == ["False\n", "True\n"]


def test_an_interrupted_creation_is_begun_anew(data_dir: Path) -> None:
    (data_dir / ".vitalkeep-unfinished").mkdir(parents=True)
    (data_dir / ".vitalkeep-unfinished" / "PG_VERSION").write_text("half")
    assert sql(devdb.start(data_dir), "SELECT 1") == "1"
    assert not (data_dir / ".vitalkeep-unfinished").exists()


def test_existing_directories_keep_their_permissions(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o750)
    before = permissions(data_dir)
    devdb.stop(devdb.start(data_dir))
    assert permissions(data_dir) == before


def test_a_path_too_long_for_a_socket_gets_a_private_one_elsewhere(data_dir: Path) -> None:
    long = data_dir / ("x" * 120)
    try:
        database = devdb.start(long)
        assert sql(database, "SELECT 1") == "1"
        place = (long / "socket").readlink()
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert (place.parent.stat().st_uid, stat.S_IMODE(place.parent.stat().st_mode)) == (
            os.geteuid(),
            0o700,
        )
        assert sql(devdb.start(long), "SELECT 1") == "1"
    finally:
        end(long)
    assert not place.parent.exists()


def test_a_directory_of_another_major_version_is_refused_untouched(data_dir: Path) -> None:
    devdb.stop(devdb.start(data_dir))
    (data_dir / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(DevDatabaseError, match=r"made by PostgreSQL 14, .* VITALKEEP_PG_BINDIR"):
        devdb.start(data_dir)
    assert (data_dir / "postgres" / "PG_VERSION").read_text() == "14\n"


def test_a_foreign_directory_is_refused_untouched(data_dir: Path) -> None:
    cluster = data_dir / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "letter.txt").write_text("mine")
    if IS_ROOT:
        with pytest.raises(DevDatabaseError, match="not a directory of the user nobody"):
            devdb.start(data_dir)
        owner = pwd.getpwnam(SERVER_USER)
        os.chown(cluster, owner.pw_uid, owner.pw_gid)
    with pytest.raises(DevDatabaseError, match="not empty and holds no PostgreSQL"):
        devdb.start(data_dir)
    assert [entry.name for entry in cluster.iterdir()] == ["letter.txt"]


def test_a_cluster_itself_named_as_data_directory_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "PG_VERSION").write_text("18\n")
    with pytest.raises(DevDatabaseError, match="itself a PostgreSQL data directory"):
        devdb.start(data_dir)


def test_a_directory_of_another_user_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    if IS_ROOT:
        os.chown(data_dir, 12345, 12345)
    with pytest.raises(DevDatabaseError, match="belongs to user id"):
        devdb.start(data_dir if IS_ROOT else Path("/usr"))
    assert list(data_dir.iterdir()) == []


def test_a_directory_everybody_may_write_into_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o777)
    with pytest.raises(DevDatabaseError, match="Every user may write"):
        devdb.start(data_dir)


def test_a_server_that_dies_while_starting_is_reported_with_its_log(data_dir: Path) -> None:
    devdb.stop(devdb.start(data_dir))
    (data_dir / "postgres" / "global" / "pg_control").write_bytes(b"broken")
    with pytest.raises(DevDatabaseError, match=r"(?s)ended while starting.*pg_control"):
        devdb.start(data_dir)
    assert postgres_pids(data_dir) == set()
