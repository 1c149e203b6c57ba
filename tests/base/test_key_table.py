"""The backup of persons' wrapped keys: what comes back is what went in, or nothing does."""

import stat
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.base import clock, key_table
from vitalkeep.base.key_table import WrappedKey
from vitalkeep.base.keyfiles import KeyringError

keys = st.lists(st.tuples(st.uuids(), st.integers(1, 2**31 - 1), st.binary(max_size=64)))
PERSON = UUID("0b9c4bd0-5a1b-4f5e-9c3d-0a7a0f6a1b11")


def written(directory: Path, epoch: int, content: list[WrappedKey]) -> Path:
    with key_table.write(directory, epoch) as backup:
        backup.add(content[:1])
        backup.add(content[1:])
    return directory / f"persons-{epoch}.keys"


def everything(directory: Path) -> list[WrappedKey]:
    return [key for some in key_table.read(directory) for key in some]


@given(content=keys)
def test_what_comes_back_is_what_went_in(
    tmp_path_factory: pytest.TempPathFactory, content: list[WrappedKey]
) -> None:
    directory = tmp_path_factory.mktemp("table")
    before = clock.now()
    path = written(directory, 7, content)
    assert everything(directory) == content
    found = key_table.find(directory)
    assert found is not None
    assert (found.epoch, found.persons) == (7, len(content))
    assert before <= found.written_at <= before + timedelta(minutes=1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in directory.iterdir()] == [path.name]


def test_many_keys_come_back_some_at_a_time(tmp_path: Path) -> None:
    content = [(UUID(int=number), 3, b"k" * 48) for number in range(2500)]
    written(tmp_path, 3, content)
    assert [len(some) for some in key_table.read(tmp_path)] == [1000, 1000, 500]
    assert everything(tmp_path) == content


def test_one_changed_or_missing_byte_anywhere_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path, 2, [(PERSON, 2, b"wrapped"), (UUID(int=1), 2, b"other")])
    whole = path.read_bytes()
    places = range(len(whole) - 1)
    spoiled = [whole[:place] for place in places]
    spoiled += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in places]
    for content in spoiled:
        path.write_bytes(content)
        with pytest.raises(KeyringError, match="not a whole backup"):
            key_table.find(tmp_path)
        with pytest.raises(KeyringError, match="not a whole backup"):
            everything(tmp_path)
    path.write_bytes(whole)
    assert len(everything(tmp_path)) == 2


def test_a_newer_backup_replaces_the_older_only_when_it_is_whole(tmp_path: Path) -> None:
    written(tmp_path, 2, [(PERSON, 2, b"two")])
    with pytest.raises(TypeError):
        written(tmp_path, 3, [(PERSON, 3, b"three"), (PERSON, 3, "no bytes")])  # type: ignore[list-item]
    assert everything(tmp_path) == [(PERSON, 2, b"two")]
    assert [each.name for each in tmp_path.iterdir()] == ["persons-2.keys"]
    written(tmp_path, 3, [(PERSON, 3, b"three")])
    assert [each.name for each in tmp_path.iterdir()] == ["persons-3.keys"]
    written(tmp_path, 3, [])
    assert everything(tmp_path) == []


def test_without_a_backup_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert key_table.find(tmp_path) is None
    with pytest.raises(KeyringError, match="has no backup of persons' keys"):
        everything(tmp_path)


def test_a_backup_that_others_may_read_is_refused(tmp_path: Path) -> None:
    written(tmp_path, 2, []).chmod(0o644)
    with pytest.raises(KeyringError, match="can be read by others"):
        key_table.find(tmp_path)
