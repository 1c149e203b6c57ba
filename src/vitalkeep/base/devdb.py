"""A private PostgreSQL for development and tests: made, started, attached to and stopped here.

Layout of a data directory: `postgres` (the cluster) and `socket`, both 0700; `postgres.log` of this
run and `postgres.log.1` of the one before; `start.lock`, held while somebody starts or stops; and
`server.lock`, which every PostgreSQL process keeps locked while it lives.

As root the server runs as `nobody`, which may be unable to reach the data directory. It then gets
the two directories as open descriptors and names them `/proc/self/fd/N`, which resolves without
passing the parents. Directories that were not made here keep their permissions.
"""

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from vitalkeep.base.pgbinaries import (
    Account,
    Binaries,
    DevDatabaseError,
    find_binaries,
    runnable_by,
    server_account,
)
from vitalkeep.base.pgcluster import ROLE, create_cluster, needs_creation, write_settings
from vitalkeep.base.pgprocess import (
    end,
    find_postmaster,
    has_processes,
    locked,
    read_pid_file,
    reap,
    spawn,
    until,
    works_in,
)

__all__ = ["DevDatabase", "DevDatabaseError", "find_running", "start", "stop"]

_START_TIMEOUT_S = 120.0  # crash recovery may replay max_wal_size
_LOCK_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class DevDatabase:
    """A running private server; `started_here` is False when it was found running."""

    data_dir: Path
    pid: int
    version: str
    started_here: bool

    @property
    def url(self) -> str:
        """SQLAlchemy's asyncpg URL; only the account that started the server can connect."""
        socket_dir = os.path.realpath(self.data_dir / "socket")
        return f"postgresql+asyncpg://{ROLE}@/{ROLE}?host={quote(socket_dir)}"


def start(data_dir: Path, *, bindir: Path | None = None) -> DevDatabase:
    """Return the server of this data directory, accepting connections.

    A running one is attached to, also when a crash left it behind; otherwise it is started, and
    made first when the directory is new. Blocks, so call it from a thread inside an event loop.
    Starts by several processes queue up: one starts, the others attach.
    Raises: DevDatabaseError.
    """
    with _explained(data_dir):
        data_dir = data_dir.resolve()
        account = server_account()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_own(data_dir)
        with _exclusive(data_dir):
            return _settled(data_dir) or _launch(data_dir, account, find_binaries(bindir))


def stop(database: DevDatabase) -> None:
    """End the server, also an attached one, and return when its last process is gone.

    Clients are disconnected. Does nothing when it has ended already or another took its place.
    Raises: DevDatabaseError when it survives even the immediate shutdown.
    """
    with _explained(database.data_dir), _exclusive(database.data_dir):
        found = find_postmaster(database.data_dir)
        if found is not None and found.pid == database.pid:
            end(database.data_dir, database.pid)
        elif not has_processes(database.data_dir):
            reap(database.pid)


def find_running(data_dir: Path) -> DevDatabase | None:
    """The server of this data directory if one accepts connections now.

    Raises: DevDatabaseError when the directory may not be read.
    """
    with _explained(data_dir):
        data_dir = data_dir.resolve()
        found = find_postmaster(data_dir)
        if found is None or found.status != "ready":
            return None
        version = (data_dir / "server.lock").read_text().strip()
        return DevDatabase(data_dir, found.pid, version, started_here=False)


@contextmanager
def _explained(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        raise DevDatabaseError(
            f"The private database in {data_dir} cannot be used: {error}. Check that you own the "
            "directory and that the disk is not full, or name another directory."
        ) from error


def _require_own(data_dir: Path) -> None:
    found = data_dir.stat()
    if found.st_uid != os.geteuid():
        raise DevDatabaseError(
            f"{data_dir} belongs to user id {found.st_uid}, and you are {os.geteuid()}. Run as "
            "that user, or name a data directory of your own."
        )
    if found.st_mode & stat.S_IWOTH:
        raise DevDatabaseError(
            f"Every user may write into {data_dir}. Name a data directory that is yours alone."
        )
    if (data_dir / "PG_VERSION").exists():
        raise DevDatabaseError(
            f"{data_dir} is itself a PostgreSQL data directory. Name an empty or a new one."
        )


@contextmanager
def _exclusive(data_dir: Path) -> Iterator[None]:
    with locked(data_dir / "start.lock", timeout_s=2 * _START_TIMEOUT_S):
        yield


def _settled(data_dir: Path) -> DevDatabase | None:
    """Wait out a server that is coming up or going down, and the orphans of a killed one."""
    for _ in until(_START_TIMEOUT_S):
        if not has_processes(data_dir):
            return None
        if found := find_running(data_dir):
            return found
    raise DevDatabaseError(
        f"A PostgreSQL of {data_dir} has neither come up nor ended in {_START_TIMEOUT_S:.0f} s. "
        f"End it (its pid is in {data_dir / 'postgres' / 'postmaster.pid'}), then try again."
    )


def _launch(data_dir: Path, account: Account, binaries: Binaries) -> DevDatabase:
    cluster = data_dir / "postgres"
    is_new = needs_creation(cluster, account, binaries)
    binaries = runnable_by(binaries, account)
    with locked(data_dir / "server.lock", timeout_s=_LOCK_TIMEOUT_S) as lock:
        os.ftruncate(lock, 0)
        os.write(lock, binaries.version.encode())
        if is_new:
            create_cluster(cluster, binaries, account, (lock,))
        write_settings(cluster, account)
        found = read_pid_file(cluster)
        if found and works_in(found.pid, cluster) is False:
            (cluster / "postmaster.pid").unlink()  # or PostgreSQL takes a reused pid for a server
        process = spawn(data_dir, binaries, account, lock)
    try:
        _await_ready(process, data_dir)
    except BaseException:
        end(data_dir, process.pid)
        raise
    return DevDatabase(data_dir, process.pid, binaries.version, started_here=True)


def _await_ready(process: subprocess.Popen[bytes], data_dir: Path) -> None:
    for _ in until(_START_TIMEOUT_S):
        if read_pid_file(data_dir / "postgres") == (process.pid, "ready"):
            return
        if process.poll() is not None:
            break
    ended = "ended" if process.returncode is not None else "was not ready in time"
    lines = (data_dir / "postgres.log").read_text(errors="replace").splitlines()
    raise DevDatabaseError(
        f"PostgreSQL {ended} while starting in {data_dir}. The end of its log, postgres.log:\n"
        + "\n".join(lines[-8:])
    )
