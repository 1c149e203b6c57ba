"""Access tokens: what `issue` writes, and for how long `verify` takes it."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.base import clock
from vitalkeep.base.errors import TokenExpired, Unauthenticated
from vitalkeep.base.keys import DirectoryKeyring, init_keyring, write_once
from vitalkeep.base.settings import Settings
from vitalkeep.persons.tokens import LEEWAY_S, AccessClaims, Role, issue, verify

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
NOW = int(NOON.timestamp())
SETTINGS = Settings(public_url="https://keep.example", audience="vitalkeep")
CLAIMS = AccessClaims(uuid4(), uuid4(), "person", 7)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> DirectoryKeyring:
    directory = tmp_path_factory.mktemp("tokens") / "keyring"
    init_keyring(directory)
    return DirectoryKeyring(directory)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    move_clock(monkeypatch, timedelta(0))


def move_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON + by)


def parts(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Header and payload, read without checking anything."""
    header, payload, _ = token.split(".")
    return (
        json.loads(base64.urlsafe_b64decode(header + "==")),
        json.loads(base64.urlsafe_b64decode(payload + "==")),
    )


@given(
    st.builds(
        AccessClaims,
        st.uuids(),
        st.uuids(),
        st.sampled_from(get_args(Role)),
        st.integers(0, 2**31 - 1),
    )
)
def test_what_is_issued_is_verified(keyring: DirectoryKeyring, claims: AccessClaims) -> None:
    assert verify(keyring, SETTINGS, issue(keyring, SETTINGS, claims)) == claims


def test_a_token_carries_the_claims_of_the_contract(keyring: DirectoryKeyring) -> None:
    header, payload = parts(issue(keyring, SETTINGS, CLAIMS))
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": keyring.token_keys[-1].kid}
    assert UUID(str(payload.pop("jti"))).version == 4
    assert payload == {
        "iss": "https://keep.example",
        "aud": "vitalkeep",
        "sub": str(CLAIMS.subject),
        "client_id": str(CLAIMS.client_id),
        "role": "person",
        "epoch": 7,
        "iat": NOW,
        "exp": NOW + 900,
    }


def test_two_tokens_of_one_caller_differ(keyring: DirectoryKeyring) -> None:
    first, second = (parts(issue(keyring, SETTINGS, CLAIMS))[1]["jti"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("seconds", [-LEEWAY_S, -1, 0, 1, 899, 899.999])
def test_a_token_is_good_for_fifteen_minutes(
    keyring: DirectoryKeyring, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    token = issue(keyring, SETTINGS, CLAIMS)
    move_clock(monkeypatch, timedelta(seconds=seconds))
    assert verify(keyring, SETTINGS, token) == CLAIMS


@pytest.mark.parametrize("seconds", [900, 901, 10**6, 10**9])
def test_a_token_that_has_run_out_is_told_so(
    keyring: DirectoryKeyring, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    token = issue(keyring, SETTINGS, CLAIMS)
    move_clock(monkeypatch, timedelta(seconds=seconds))
    with pytest.raises(TokenExpired):
        verify(keyring, SETTINGS, token)


@pytest.mark.parametrize("seconds", [-LEEWAY_S - 1, -3600, -(10**9)])
def test_a_token_from_the_future_is_refused(
    keyring: DirectoryKeyring, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    token = issue(keyring, SETTINGS, CLAIMS)
    move_clock(monkeypatch, timedelta(seconds=seconds))
    with pytest.raises(Unauthenticated) as refusal:
        verify(keyring, SETTINGS, token)
    assert refusal.type is Unauthenticated


def test_the_token_of_another_deployment_is_refused(
    keyring: DirectoryKeyring, tmp_path: Path
) -> None:
    init_keyring(tmp_path / "other")
    token = issue(DirectoryKeyring(tmp_path / "other"), SETTINGS, CLAIMS)
    with pytest.raises(Unauthenticated):
        verify(keyring, SETTINGS, token)
    other = SETTINGS.model_copy(update={"public_url": "https://other.example"})
    with pytest.raises(Unauthenticated):
        verify(keyring, SETTINGS, issue(keyring, other, CLAIMS))


def test_an_older_key_still_verifies_while_the_newest_signs(tmp_path: Path) -> None:
    init_keyring(tmp_path)
    before = DirectoryKeyring(tmp_path)
    token = issue(before, SETTINGS, CLAIMS)
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_once(tmp_path / "token-2.pem", pem)
    after = DirectoryKeyring(tmp_path)
    assert verify(after, SETTINGS, token) == CLAIMS
    newer = issue(after, SETTINGS, CLAIMS)
    assert parts(newer)[0]["kid"] != parts(token)[0]["kid"]
    assert verify(after, SETTINGS, newer) == CLAIMS
    with pytest.raises(Unauthenticated):
        verify(before, SETTINGS, newer)
