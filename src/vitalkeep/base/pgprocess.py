"""The private PostgreSQL's processes: which one runs, how it is started, how it is ended.

Every PostgreSQL process inherits the lock on `server.lock` in the data directory. The kernel drops
that lock when the last of them is gone, however it ended, so it tells a running server from a stale
pid file, also across containers that share the directory.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from vitalkeep.base.pgbinaries import ENVIRONMENT, Account, Binaries, DevDatabaseError
from vitalkeep.base.pgcluster import drop_socket_link, make_socket_dir, visible_to

_FAST_STOP_TIMEOUT_S = 30.0
_HARD_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.01

_children: Final[dict[int, subprocess.Popen[bytes]]] = {}  # to be reaped, or they stay zombies


class PidFile(NamedTuple):
    """What `postmaster.pid` claims; `status` is `starting`, `ready`, `stopping` or empty."""

    pid: int
    status: str


@contextmanager
def locked(path: Path, *, timeout_s: float) -> Iterator[int]:
    """Hold the file's lock; a process that inherits the descriptor keeps holding it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        for _ in until(timeout_s):
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            raise DevDatabaseError(
                f"Another process has held {path} for {timeout_s:.0f} s. Wait for it or end it, "
                "then try again."
            )
        yield descriptor
    finally:
        os.close(descriptor)


def until(timeout_s: float) -> Iterator[None]:
    """Yield at short intervals, at least once, until the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        yield
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL_S)


def has_processes(data_dir: Path) -> bool:
    """True while any PostgreSQL process of this directory lives, orphans included."""
    try:
        descriptor = os.open(data_dir / "server.lock", os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def read_pid_file(cluster: Path) -> PidFile | None:
    """Source: PostgreSQL's pidfile.h, line 1 is the pid and line 8 the status."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        return PidFile(int(lines[0]), lines[7].strip() if len(lines) > 7 else "")
    except (FileNotFoundError, ValueError, IndexError):
        return None


def works_in(pid: int, cluster: Path) -> bool | None:
    """Whether the process has this working directory; None when the system won't tell.

    Containers keep root from looking at `nobody`'s processes, and macOS has no /proc.
    """
    try:
        return Path(f"/proc/{pid}/cwd").samefile(cluster)
    except (FileNotFoundError, ProcessLookupError):
        return False if Path("/proc/self/cwd").exists() else None
    except PermissionError:
        return None


def find_postmaster(data_dir: Path) -> PidFile | None:
    """The postmaster of this data directory in whatever state; proven, not just claimed."""
    cluster = data_dir / "postgres"
    found = read_pid_file(cluster) if has_processes(data_dir) else None
    if found is None or works_in(found.pid, cluster) is False or not _is_alive(found.pid):
        return None
    return found


def _is_alive(pid: int) -> bool:
    if child := _children.get(pid):
        return child.poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def spawn(
    data_dir: Path, binaries: Binaries, account: Account, lock: int
) -> subprocess.Popen[bytes]:
    """Start the postmaster in its own session: Ctrl-C must reach the app, which then stops it."""
    socket_dir = make_socket_dir(data_dir / "socket", account)
    with (
        _new_log(data_dir) as log,
        visible_to(account, data_dir / "postgres") as (cluster_path, cluster_fds),
        visible_to(account, socket_dir) as (socket_path, socket_fds),
    ):
        command = [str(binaries.bindir / "postgres"), "-D", cluster_path]
        process = subprocess.Popen(  # noqa: S603 - the command is ours, its paths were looked up
            [*command, "-c", f"unix_socket_directories={socket_path}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=ENVIRONMENT,
            umask=0o077,
            start_new_session=True,
            pass_fds=(lock, *cluster_fds, *socket_fds),
            user=account.uid if account.is_other else None,
            group=account.gid if account.is_other else None,
            extra_groups=[] if account.is_other else None,
        )
    for killed in [pid for pid, child in _children.items() if child.poll() is not None]:
        del _children[killed]
    _children[process.pid] = process
    return process


@contextmanager
def _new_log(data_dir: Path) -> Iterator[int]:
    log = data_dir / "postgres.log"
    with suppress(FileNotFoundError):
        log.replace(data_dir / "postgres.log.1")
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def end(data_dir: Path, pid: int) -> None:
    """End the postmaster: fast shutdown, then immediate shutdown; return when all is gone.

    Source: PostgreSQL manual, "Shutting Down the Server". Raises: DevDatabaseError.
    """
    patience = {signal.SIGINT: _FAST_STOP_TIMEOUT_S, signal.SIGQUIT: _HARD_STOP_TIMEOUT_S}
    for number, timeout_s in patience.items():
        if has_processes(data_dir) and _is_alive(pid):
            os.kill(pid, number)
        for _ in until(timeout_s):
            if not has_processes(data_dir):
                reap(pid)
                drop_socket_link(data_dir / "socket")
                return
    raise DevDatabaseError(
        f"PostgreSQL (process {pid}) of {data_dir} does not end. See postgres.log there; as a "
        f"last resort run `kill -9 {pid}`, the data survives it."
    )


def reap(pid: int) -> None:
    """Collect an ended postmaster if this process started it."""
    if child := _children.pop(pid, None):
        child.wait(timeout=_HARD_STOP_TIMEOUT_S)
