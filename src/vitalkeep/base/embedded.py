"""Sharing the embedded PostgreSQL: whoever needs it holds it, the last one out stops it.

`vitalkeep dev` and the operator's commands use one data directory at the same time; none of them
may stop the database under another. Each holds a shared lock while it works.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vitalkeep.base import devdb


@contextmanager
def embedded_database(data: Path, bindir: Path | None = None) -> Iterator[str]:
    """The URL of the running database of `data`, started first if need be.

    Raises DevDatabaseError with a message for the user.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(data / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        database = devdb.start(data, bindir=bindir)
        try:
            yield database.url
        finally:
            if _is_last(lock):
                devdb.stop(database)
    finally:
        os.close(lock)


def _is_last(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
