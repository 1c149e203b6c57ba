"""Sealing: opens in its own place, nowhere else, and never when changed."""

import os
from pathlib import Path
from uuid import RFC_4122

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.base.sealing import (
    COMPRESS_FROM,
    PersonKey,
    SealBroken,
    derive,
    open_text,
    seal_text,
)

HANAKO, TARO = PersonKey(b"\1" * 32), PersonKey(b"\2" * 32)
contents = st.binary(max_size=1200)
places = st.lists(st.binary(max_size=20), max_size=4)


@given(contents, places)
def test_what_is_sealed_opens_in_its_place(content: bytes, place: list[bytes]) -> None:
    assert HANAKO.open(HANAKO.seal(content, *place), *place) == content


@given(contents, places, places)
def test_a_sealed_value_does_not_open_in_another_place(
    content: bytes, place: list[bytes], other: list[bytes]
) -> None:
    assume(place != other)
    with pytest.raises(SealBroken):
        HANAKO.open(HANAKO.seal(content, *place), *other)


@given(contents, places)
def test_a_sealed_value_does_not_open_for_another_person(
    content: bytes, place: list[bytes]
) -> None:
    sealed = HANAKO.seal(content, *place)
    assert TARO.seal(content, *place) != sealed
    with pytest.raises(SealBroken):
        TARO.open(sealed, *place)


@given(contents, st.data())
def test_a_sealed_value_does_not_open_when_changed(content: bytes, data: st.DataObject) -> None:
    sealed = HANAKO.seal(content, b"records")
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[at] ^ data.draw(st.integers(1, 255))
    for broken in (sealed[:at] + bytes([changed]) + sealed[at + 1 :], sealed[:at], sealed + b"\0"):
        with pytest.raises(SealBroken):
            HANAKO.open(broken, b"records")


@given(contents, places)
def test_the_same_content_in_the_same_place_seals_to_the_same_bytes(
    content: bytes, place: list[bytes]
) -> None:
    again = PersonKey(b"\1" * 32)
    assert again.seal(content, *place) == HANAKO.seal(content, *place)


@pytest.mark.parametrize("length", [0, 1, COMPRESS_FROM - 1])
def test_short_content_grows_by_seventeen_bytes(length: int) -> None:
    assert len(HANAKO.seal(bytes(length), b"records")) == length + 17


@pytest.mark.parametrize("length", [COMPRESS_FROM, 10_000, 1_000_000])
def test_long_content_is_compressed_and_comes_back(length: int) -> None:
    content = (b'{"time":"2026-03-01T12:00:00Z","bpm":61},' * (length // 40 + 1))[:length]
    sealed = HANAKO.seal(content, b"records")
    assert len(sealed) < length / 3
    assert HANAKO.open(sealed, b"records") == content


def test_content_that_does_not_compress_comes_back() -> None:
    content = os.urandom(50_000)
    sealed = HANAKO.seal(content, b"records")
    assert len(sealed) < len(content) + 60
    assert HANAKO.open(sealed, b"records") == content


def test_a_sealed_value_shows_nothing_of_its_content() -> None:
    content = b"blood glucose 5.5 mmol/L after a meal"
    assert not any(content[i : i + 4] in HANAKO.seal(content) for i in range(len(content) - 3))


@given(st.binary(max_size=200))
def test_a_record_id_is_a_stable_uuid_of_version_eight(identity: bytes) -> None:
    record_id = HANAKO.record_id(identity)
    assert (record_id.version, record_id.variant) == (8, RFC_4122)
    assert record_id == PersonKey(b"\1" * 32).record_id(identity)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_record_ids_differ_between_persons_and_identities(one: bytes, other: bytes) -> None:
    assert HANAKO.record_id(one) != TARO.record_id(one)
    assert (HANAKO.record_id(one) == HANAKO.record_id(other)) == (one == other)


def test_keys_derived_for_two_uses_have_nothing_in_common() -> None:
    assert derive(b"\1" * 32, b"seal", 32) != derive(b"\1" * 32, b"record id", 32)
    assert derive(b"\1" * 32, b"seal", 32) != derive(b"\2" * 32, b"seal", 32)


@given(st.text(), places, places)
def test_a_text_of_the_deployment_opens_in_its_place_only(
    system: DirectoryKeyring, text: str, place: list[bytes], other: list[bytes]
) -> None:
    sealed = seal_text(system.system_siv(), text, *place)
    assert open_text(system.system_siv(), sealed, *place) == text
    assume(place != other)
    with pytest.raises(SealBroken):
        open_text(system.system_siv(), sealed, *other)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> DirectoryKeyring:
    path: Path = tmp_path_factory.mktemp("sealing") / "keyring"
    init_keyring(path)
    return DirectoryKeyring(path)
