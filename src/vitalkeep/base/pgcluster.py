"""What the private PostgreSQL consists of on disk: cluster, settings, socket directory.

Everything made here is 0700 and belongs to the account the server runs as. That account never gets
to name a path that we, possibly root, then follow: files are created exclusively and renamed.
"""

import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vitalkeep.base.pgbinaries import Account, Binaries, DevDatabaseError, run

ROLE = "vitalkeep"
BOUND_ROLE = "vitalkeep_app"
"""What requests run under: it owns nothing. The migrations grant it what it may."""
_SOCKET = ".s.PGSQL.5432"
# Source: unix(7), sun_path is 108 bytes with its end mark; 104 on macOS.
_LONGEST_SOCKET_PATH = 103
# A comma or colon would split the path in PostgreSQL's settings or in a client's URL.
_PLAIN_PATH = re.compile(r"[\w./+@~ -]+", re.ASCII)

_SETTINGS = """\
# Written anew at every start.
listen_addresses = ''
unix_socket_permissions = 0700
fsync = on
synchronous_commit = on
max_wal_size = 512MB
max_slot_wal_keep_size = 512MB
wal_recycle = off
log_destination = stderr
logging_collector = off
# The text of an ERROR may quote a value; clients get it, the log does not. LOG and worse remain.
log_min_messages = log
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_statement = none
timezone = UTC
log_timezone = UTC
"""
_HBA = """\
# Written anew at every start. TYPE DATABASE USER METHOD
local all all peer map=vitalkeep
"""
# The scrubber's needs, as in production: a checkpoint and a new WAL file. Functions are granted in
# template1, from which the database is copied.
_BOOTSTRAP_SQL = f"""\
CREATE ROLE {ROLE} LOGIN CREATEDB;
CREATE ROLE {BOUND_ROLE} NOLOGIN;
GRANT {BOUND_ROLE} TO {ROLE};
GRANT pg_checkpoint TO {ROLE};
GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {ROLE};
CREATE DATABASE {ROLE} OWNER {ROLE};
"""


@contextmanager
def visible_to(account: Account, directory: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The path by which the account's process reaches the directory, and descriptors to pass it."""
    if not account.is_other:
        yield str(directory), ()
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def needs_creation(cluster: Path, account: Account, binaries: Binaries) -> bool:
    """False for a cluster these binaries can serve, True when there is nothing yet.

    Raises: DevDatabaseError for anything else that is there.
    """
    if not os.path.lexists(cluster):
        return True
    if cluster.is_symlink() or not cluster.is_dir() or cluster.stat().st_uid != account.uid:
        raise DevDatabaseError(
            f"{cluster} is not a directory of the user {account.name}, as whom PostgreSQL runs "
            "when you start it. Start it as the user who made it, or name another data directory."
        )
    if not any(cluster.iterdir()):
        return True
    if not (cluster / "PG_VERSION").is_file():
        raise DevDatabaseError(
            f"{cluster} is not empty and holds no PostgreSQL database. Move it away, or name "
            "another data directory."
        )
    major = (cluster / "PG_VERSION").read_text().strip()
    if major != str(binaries.major):
        raise DevDatabaseError(
            f"{cluster} was made by PostgreSQL {major}, but the programs in {binaries.bindir} are "
            f"{binaries.version}. Set VITALKEEP_PG_BINDIR to a PostgreSQL {major}, or move the "
            "directory away to begin with an empty database."
        )
    return False


def create_cluster(
    cluster: Path, binaries: Binaries, account: Account, pass_fds: tuple[int, ...]
) -> None:
    """Make the cluster with role and database, all of it or, when interrupted, nothing.

    `pass_fds` go to the programs, so that a lock outlives us. Raises: DevDatabaseError.
    """
    stage = cluster.with_name(".vitalkeep-unfinished")
    if os.path.lexists(stage):
        shutil.rmtree(stage)
    make_private(stage, account)
    with visible_to(account, stage) as (seen, descriptors):
        fds = (*pass_fds, *descriptors)
        _run([*_initdb(binaries), "-D", seen], account, fds)
        for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
            (stage / name).unlink()
        write_settings(stage, account)
        single = [str(binaries.bindir / "postgres"), "--single", "-D", seen]
        _run([*single, "-c", "exit_on_error=on", "template1"], account, fds, _BOOTSTRAP_SQL)
    stage.rename(cluster)


def _initdb(binaries: Binaries) -> list[str]:
    """C.UTF-8 sorts by code point everywhere; built into PostgreSQL since 17, before from libc."""
    locale = ["--locale-provider=libc", "--locale=C.UTF-8"]
    if binaries.major >= 17:
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return [
        str(binaries.bindir / "initdb"),
        "--username=postgres",
        "--encoding=UTF8",
        "--data-checksums",
        "--auth-local=peer",
        "--auth-host=reject",
        *locale,
    ]


def _run(command: list[str], account: Account, fds: tuple[int, ...], stdin: str = "") -> None:
    done = run(command, account, pass_fds=fds, stdin=stdin)
    if done.returncode != 0:
        raise DevDatabaseError(
            f"{Path(command[0]).name} could not make the database:\n{done.stderr.strip()[-1500:]}"
        )


def write_settings(cluster: Path, account: Account) -> None:
    """Write the three configuration files; hand-made changes in them do not last."""
    own = pwd.getpwuid(os.geteuid()).pw_name
    users = [(own, ROLE), (own, "postgres")]
    if account.is_other:
        users.append((account.name, ROLE))
    ident = "".join(f'{ROLE} "{user}" {role}\n' for user, role in users)
    _write_as(account, cluster / "postgresql.conf", _SETTINGS)
    _write_as(account, cluster / "pg_hba.conf", _HBA)
    _write_as(account, cluster / "pg_ident.conf", "# Written anew at every start.\n" + ident)


def _write_as(account: Account, path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            if account.is_other:
                os.fchown(descriptor, account.uid, account.gid)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def make_private(directory: Path, account: Account) -> None:
    """Create a 0700 directory of that account; it appears complete or not at all."""
    stage = tempfile.mkdtemp(prefix=".new-", dir=directory.parent)  # 0700 whatever the umask
    if account.is_other:
        os.chown(stage, account.uid, account.gid)
    os.rename(stage, directory)


def make_socket_dir(link: Path, account: Account) -> Path:
    """The empty 0700 directory for the socket: `link` itself, or a fresh one it points to.

    Call it while no server runs: after a crash PostgreSQL would take the pid in the old socket's
    lock file for a server as soon as any process has that pid.

    A path that is too long or oddly named for a socket becomes a link into the temporary
    directory. There the outer directory is ours, so that only we reach the inner one.
    """
    drop_socket_link(link)
    if not os.path.lexists(link):
        if _fits(link):
            make_private(link, account)
        else:
            inner = Path(tempfile.mkdtemp(prefix="vitalkeep-")) / "socket"
            make_private(inner, account)
            link.symlink_to(inner)
    place = link.resolve()
    found = place.stat()
    if not _fits(place) or found.st_uid != account.uid or found.st_mode & 0o777 != 0o700:
        raise DevDatabaseError(
            f"{place} cannot hold PostgreSQL's socket: it must be a 0700 directory of the user "
            f"{account.name} with a path under {_LONGEST_SOCKET_PATH - len(_SOCKET)} bytes of "
            "ordinary letters. Move it away, or set TMPDIR to a shorter path."
        )
    _drop_socket(place)
    return place


def drop_socket_link(link: Path) -> None:
    """Remove the link into the temporary directory and what it points to, if there is one."""
    if not link.is_symlink():
        return
    inner = link.readlink()
    link.unlink()
    with suppress(OSError):  # cleared by a restart of the machine, or not ours
        _drop_socket(inner)
        inner.rmdir()
        inner.parent.rmdir()


def _drop_socket(directory: Path) -> None:
    for name in (_SOCKET, f"{_SOCKET}.lock"):
        (directory / name).unlink(missing_ok=True)


def _fits(directory: Path) -> bool:
    size = len(os.fsencode(directory / _SOCKET))
    return size <= _LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(str(directory)) is not None
