"""Sharing the embedded database, and forgetting a data directory without touching another's."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitalkeep.base import devdb
from vitalkeep.base.devdb import DevDatabaseError
from vitalkeep.base.embedded import embedded_database, forget
from vitalkeep.base.pgprocess import has_processes

HOLD = "import sys, pathlib; from vitalkeep.base.embedded import embedded_database as e\n"
HOLD += "with e(pathlib.Path(sys.argv[1])): print(flush=True); sys.stdin.readline()\n"


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "data"
    yield path
    if running := devdb.find_running(path):
        devdb.stop(running)


@pytest.fixture
def other(data: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the database until it is told to let go."""
    command = [sys.executable, "-c", HOLD, str(data)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        yield process
        process.kill()


def test_the_database_runs_while_it_is_held_and_no_longer(data: Path) -> None:
    with embedded_database(data) as url:
        running = devdb.find_running(data)
        assert running is not None
        assert running.url == url
    assert not has_processes(data)


def test_the_last_one_out_stops_it_whoever_started_it(
    data: Path, other: subprocess.Popen[str]
) -> None:
    with embedded_database(data):
        other.communicate("\n", timeout=60)
        assert devdb.find_running(data) is not None
    assert not has_processes(data)


def test_leaving_does_not_stop_it_under_another(data: Path, other: subprocess.Popen[str]) -> None:
    with embedded_database(data):
        pass
    assert other.poll() is None
    assert devdb.find_running(data) is not None


def test_it_is_stopped_also_when_the_work_failed(data: Path) -> None:
    with pytest.raises(KeyError), embedded_database(data):
        raise KeyError
    assert not has_processes(data)


def test_a_killed_holder_does_not_keep_it_from_being_stopped(
    data: Path, other: subprocess.Popen[str]
) -> None:
    other.kill()
    other.wait()
    assert devdb.find_running(data) is not None
    with embedded_database(data):
        pass
    assert not has_processes(data)


def test_forgetting_leaves_an_empty_directory_and_stops_an_orphan(
    data: Path, other: subprocess.Popen[str]
) -> None:
    other.kill()
    other.wait()
    (data / "keyring").mkdir()
    (data / "demo.json").write_text("{}")
    forget(data)
    assert {path.name for path in data.iterdir()} == {"users.lock"}
    with embedded_database(data):
        assert devdb.find_running(data) is not None


def test_what_somebody_works_on_is_not_forgotten(data: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(DevDatabaseError, match="is in use"):
        forget(data)
    assert other.poll() is None
    assert devdb.find_running(data) is not None


def test_a_directory_that_may_be_somebody_else_s_is_not_forgotten(data: Path) -> None:
    data.mkdir()
    forget(data)
    (data / "keyring").mkdir()
    with pytest.raises(DevDatabaseError, match="does not look like a data directory"):
        forget(data)
    (data / "users.lock").touch()
    (data / "letter.txt").write_text("mine")
    with pytest.raises(DevDatabaseError, match=r"\(it holds letter\.txt\); nothing was removed"):
        forget(data)
    assert {path.name for path in data.iterdir()} == {"keyring", "users.lock", "letter.txt"}


def test_forgetting_does_not_follow_a_link_out_of_the_directory(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "letter.txt").write_text("mine")
    data.mkdir()
    (data / "users.lock").touch()
    (data / "keyring").symlink_to(tmp_path / "elsewhere")
    forget(data)
    assert not (data / "keyring").is_symlink()
    assert (tmp_path / "elsewhere" / "letter.txt").read_text() == "mine"


def test_a_directory_that_is_not_there_needs_no_forgetting(data: Path) -> None:
    forget(data)
    assert not data.exists()


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused = pytest.raises(DevDatabaseError, match="can't be used")
    with refused, embedded_database(tmp_path / "file"):
        pass


def test_who_holds_it_holds_a_shared_lock(data: Path) -> None:
    with embedded_database(data):
        lock = os.open(data / "users.lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(lock)
