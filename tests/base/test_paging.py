"""Cursors and confirm tokens: read back unchanged by their owner for their purpose, or refused."""

from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.base.errors import InvalidCursor
from vitalkeep.base.keys import DirectoryKeyring, base64url, init_keyring
from vitalkeep.base.paging import TAG_BYTES, sign, unsign

payloads = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> DirectoryKeyring:
    path = tmp_path_factory.mktemp("paging") / "keyring"
    init_keyring(path)
    return DirectoryKeyring(path)


@given(payloads, st.text(), st.text())
def test_a_cursor_carries_its_payload(
    keyring: DirectoryKeyring, payload: object, purpose: str, owner: str
) -> None:
    assert unsign(keyring, purpose, owner, sign(keyring, purpose, owner, payload)) == payload


@given(st.text(), st.text(), st.text(), st.text())
def test_a_cursor_is_good_for_its_owner_and_purpose_only(
    keyring: DirectoryKeyring, purpose: str, owner: str, other_purpose: str, other_owner: str
) -> None:
    token = sign(keyring, purpose, owner, [1])
    if (purpose, owner) == (other_purpose, other_owner):
        other_owner += "x"
    with pytest.raises(InvalidCursor):
        unsign(keyring, other_purpose, other_owner, token)


def test_a_cursor_of_another_deployment_is_refused(
    keyring: DirectoryKeyring, tmp_path_factory: pytest.TempPathFactory
) -> None:
    init_keyring(path := tmp_path_factory.mktemp("other") / "keyring")
    with pytest.raises(InvalidCursor):
        unsign(keyring, "feed", "me", sign(DirectoryKeyring(path), "feed", "me", 1))


@given(payloads, st.data())
def test_a_changed_cursor_is_refused(
    keyring: DirectoryKeyring, payload: object, data: st.DataObject
) -> None:
    token = sign(keyring, "feed", "me", payload)
    at = data.draw(st.integers(0, len(token) - 1))
    replaced = data.draw(st.characters().filter(lambda drawn: drawn != token[at]))
    for changed in (token[:at] + replaced + token[at + 1 :], token[:at], token + replaced):
        with pytest.raises(InvalidCursor):
            unsign(keyring, "feed", "me", changed)


SPOILS: list[Callable[[str], str]] = [
    lambda token: token + "=",
    lambda token: token + "====",
    lambda token: token + "\n",
    lambda token: token[:9] + "!!!!" + token[9:],
    lambda token: token[:9] + " \r\n\t" + token[9:],
    lambda token: token.replace("-", "+").replace("_", "/") + "    ",
    lambda token: token + "éééé",
]


@pytest.mark.parametrize("spoil", SPOILS, ids=range(len(SPOILS)))
def test_characters_that_base64_would_skip_are_refused(
    keyring: DirectoryKeyring, spoil: Callable[[str], str]
) -> None:
    for payload in ([1, 2], "x", {"feed": 12}, None):
        token = sign(keyring, "feed", "me", payload)
        with pytest.raises(InvalidCursor):
            unsign(keyring, "feed", "me", spoil(token))


def test_a_payload_of_broken_utf8_is_refused(keyring: DirectoryKeyring) -> None:
    # U+FFFD is also what broken bytes are read as: the two must not have one digest.
    body = orjson.dumps("\ufffd")
    tag = keyring.digest("cursor", "feed", "me", body.decode())[:TAG_BYTES]
    broken = base64url(tag + body.replace("\ufffd".encode(), b"\xff"))
    with pytest.raises(InvalidCursor):
        unsign(keyring, "feed", "me", broken)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,200}={0,3}", fullmatch=True))
def test_random_text_is_refused(keyring: DirectoryKeyring, text: str) -> None:
    with pytest.raises(InvalidCursor):
        unsign(keyring, "feed", "me", text)


@given(st.binary(max_size=100))
def test_random_bytes_in_base64_are_refused(keyring: DirectoryKeyring, raw: bytes) -> None:
    with pytest.raises(InvalidCursor):
        unsign(keyring, "feed", "me", base64url(raw))
