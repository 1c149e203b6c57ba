"""Sharing the embedded PostgreSQL: whoever needs it holds it, the last one out stops it.

`vitalkeep dev` and the operator's commands use one data directory at the same time; none of them
may stop the database under another. Each holds a shared lock while it works.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vitalkeep.base import devdb
from vitalkeep.base.pgprocess import has_processes

OURS: Final = frozenset(
    {
        *("postgres", "postgres.log", "postgres.log.1", ".vitalkeep-unfinished", "socket"),
        *("server.lock", "start.lock", "users.lock", "keyring"),
        *("public_url", "demo.json", "demo.env", "demo.new", "demo.lock"),
    }
)
"""Everything that we put into a data directory."""


@contextmanager
def embedded_database(data: Path, bindir: Path | None = None) -> Iterator[str]:
    """The URL of the running database of `data`, started first if need be.

    Raises DevDatabaseError with a message for the user.
    """
    with _users(data) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        database = devdb.start(data, bindir=bindir)
        try:
            yield database.url
        finally:
            if _is_last(lock):
                devdb.stop(database)


def forget(data: Path) -> None:
    """Empties a data directory, after stopping a database that nobody uses any more.

    Raises DevDatabaseError, and nothing is removed, when the directory holds anything that is not
    ours or when somebody works with its database.
    """
    found = {path.name for path in data.iterdir()} if data.is_dir() else set()
    if not found:
        return
    ours = {name for name in found if name in OURS or name.startswith(".new-")}
    foreign = sorted(found - ours)
    if foreign or "users.lock" not in found:
        what = f" (it holds {foreign[0]})" if foreign else ""
        raise devdb.DevDatabaseError(
            f"{data} does not look like a data directory of vitalkeep{what}; nothing was removed"
        )
    with _users(data) as lock:
        if not _is_last(lock):
            raise devdb.DevDatabaseError(f"{data} is in use: end what runs on it, then try again")
        if has_processes(data):
            devdb.stop(devdb.start(data))
        # The lock stays: who waits for it has to find the same file.
        for path in (data / name for name in ours - {"users.lock"}):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@contextmanager
def _users(data: Path) -> Iterator[int]:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise devdb.DevDatabaseError(f"{data} can't be used: {error.strerror}") from None
    try:
        yield lock
    finally:
        os.close(lock)


def _is_last(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
