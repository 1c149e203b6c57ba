"""The keyring: made once, refused unless it is whole and private, bound to person and epoch."""

import base64
import hashlib
import json
import stat
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.base.keys import DirectoryKeyring, KeyringError, init_keyring, write_once

FILES = {"master-1.key", "digest.key", "system.key", "token-1.pem", "certificate-1.pem"}
PERSON = UUID("0b9c4bd0-5a1b-4f5e-9c3d-0a7a0f6a1b11")
DATA_KEY = bytes(range(32))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    init_keyring(tmp_path / "keyring")
    return tmp_path / "keyring"


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> DirectoryKeyring:
    path = tmp_path_factory.mktemp("keys") / "keyring"
    init_keyring(path)
    return DirectoryKeyring(path)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def to_pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_a_new_keyring_is_closed_to_others(directory: Path) -> None:
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert modes == dict.fromkeys(FILES, 0o600)


def test_two_keyrings_have_nothing_in_common(directory: Path, tmp_path: Path) -> None:
    init_keyring(tmp_path / "other")
    both = contents(directory), contents(tmp_path / "other")
    assert not set(both[0].values()) & set(both[1].values())
    assert len(set(both[0].values())) == len(FILES)


def test_a_keyring_is_never_made_over_another(directory: Path) -> None:
    before = contents(directory)
    with pytest.raises(KeyringError, match="nothing was changed"):
        init_keyring(directory)
    assert contents(directory) == before


@pytest.mark.parametrize("name", ["digest.key", "system.key", "token-1.pem", "certificate-1.pem"])
def test_a_keyring_that_lost_its_master_keys_is_not_made_over(directory: Path, name: str) -> None:
    for path in directory.iterdir():
        if path.name != name:
            path.unlink()
    before = contents(directory)
    with pytest.raises(KeyringError, match="nothing was changed"):
        init_keyring(directory)
    assert contents(directory) == before


def test_without_a_keyring_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="keys init"):
        DirectoryKeyring(tmp_path / "missing")


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o611])
def test_a_key_that_others_may_touch_is_refused(directory: Path, name: str, mode: int) -> None:
    (directory / name).chmod(mode)
    with pytest.raises(KeyringError, match=rf"{name} can be read by others: run `chmod 600`"):
        DirectoryKeyring(directory)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_key_is_named(directory: Path, name: str) -> None:
    (directory / name).unlink()
    expected = f"{directory}.*(keys init|restore them)" if "-1" in name else name
    with pytest.raises(KeyringError, match=expected):
        DirectoryKeyring(directory)


@pytest.mark.parametrize("name", ["master-1.key", "digest.key", "system.key"])
@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(directory: Path, name: str, length: int) -> None:
    (directory / name).write_bytes(bytes(length))
    with pytest.raises(KeyringError, match=f"{name} is {length} bytes long, not 32: restore it"):
        DirectoryKeyring(directory)


@pytest.mark.parametrize(
    ("name", "pem"),
    [
        ("token-1.pem", b""),
        ("token-1.pem", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"),
        ("token-1.pem", to_pem(rsa.generate_private_key(65537, 2048))),
        ("token-1.pem", to_pem(ec.generate_private_key(ec.SECP384R1()))),
        ("token-1.pem", to_pem(ed25519.Ed25519PrivateKey.generate())),
        ("certificate-1.pem", to_pem(ec.generate_private_key(ec.SECP256R1()))),
    ],
    ids=["empty", "broken", "RSA", "P-384", "Ed25519 for P-256", "P-256 for Ed25519"],
)
def test_a_signing_key_of_another_kind_is_refused(directory: Path, name: str, pem: bytes) -> None:
    (directory / name).write_bytes(pem)
    with pytest.raises(KeyringError):
        DirectoryKeyring(directory)


@pytest.mark.parametrize("name", ["master-old.key", "token-old.pem", "master-.key"])
def test_a_stray_file_in_the_keyring_is_named(directory: Path, name: str) -> None:
    write_once(directory / name, (directory / "master-1.key").read_bytes())
    with pytest.raises(KeyringError, match=name):
        DirectoryKeyring(directory)


def test_a_kid_is_the_thumbprint_of_rfc_7638(keyring: DirectoryKeyring) -> None:
    for key in (*keyring.token_keys, *keyring.certificate_keys):
        jwk = key.public_jwk()
        names = ("crv", "kty", "x", "y") if jwk["kty"] == "EC" else ("crv", "kty", "x")
        canonical = "{" + ",".join(f'"{name}":"{jwk[name]}"' for name in names) + "}"
        digest = hashlib.sha256(canonical.encode()).digest()
        assert jwk["kid"] == key.kid == base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_a_public_jwk_is_the_public_key_and_no_more(keyring: DirectoryKeyring) -> None:
    token, certificate = keyring.token_keys[-1], keyring.certificate_keys[-1]
    assert token.public_jwk().keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    assert certificate.public_jwk().keys() == {"kty", "crv", "x", "kid", "alg", "use"}
    assert token.public_jwk()["alg"] == "ES256"
    assert certificate.public_jwk()["alg"] == "EdDSA"
    point = token.private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    x, y = (base64.urlsafe_b64decode(token.public_jwk()[name] + "=") for name in ("x", "y"))
    assert point.endswith(b"\x04" + x + y)
    assert "d" not in json.dumps([*token.public_jwk(), *certificate.public_jwk()]).split('"')


def test_a_data_key_opens_for_its_person_only(keyring: DirectoryKeyring) -> None:
    wrapped = keyring.wrap(1, DATA_KEY, PERSON)
    assert keyring.unwrap(1, wrapped, PERSON) == DATA_KEY
    assert DATA_KEY not in wrapped
    with pytest.raises(KeyringError):
        keyring.unwrap(1, wrapped, uuid4())


def test_a_data_key_opens_under_its_epoch_only(directory: Path) -> None:
    first = DirectoryKeyring(directory).wrap(1, DATA_KEY, PERSON)
    write_once(directory / "master-2.key", b"\2" * 32)
    write_once(directory / "master-10.key", b"\3" * 32)
    rotated = DirectoryKeyring(directory)
    wrapped = rotated.wrap(10, DATA_KEY, PERSON)
    assert (rotated.epochs(), rotated.epoch) == ([1, 2, 10], 10)
    assert rotated.unwrap(1, first, PERSON) == rotated.unwrap(10, wrapped, PERSON) == DATA_KEY
    for wrong_epoch in (1, 2):
        with pytest.raises(KeyringError):
            rotated.unwrap(wrong_epoch, wrapped, PERSON)
    (directory / "master-1.key").unlink()
    with pytest.raises(KeyringError, match="epoch 1 is not in the keyring"):
        DirectoryKeyring(directory).unwrap(1, first, PERSON)


def test_a_new_epoch_is_durable_and_seen_by_whoever_runs_already(directory: Path) -> None:
    running, other = DirectoryKeyring(directory), DirectoryKeyring(directory)
    assert other.new_epoch() == 2
    assert other.new_epoch(above=7) == 8
    assert stat.S_IMODE((directory / "master-8.key").stat().st_mode) == 0o600
    assert (running.epochs(), other.epochs()) == ([1], [1, 2, 8])
    assert running.unwrap(8, other.wrap(8, DATA_KEY, PERSON), PERSON) == DATA_KEY
    assert running.epoch == 8


def test_a_destroyed_epoch_leaves_the_directory_and_in_a_minute_every_process(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, other = DirectoryKeyring(directory), DirectoryKeyring(directory)
    wrapped = running.wrap(1, DATA_KEY, PERSON)
    other.new_epoch()
    assert other.destroy(1) is None
    assert other.destroy(1) is None
    assert not (directory / "master-1.key").exists()
    with pytest.raises(KeyringError, match="not in the keyring"):
        other.unwrap(1, wrapped, PERSON)
    assert running.unwrap(1, wrapped, PERSON) == DATA_KEY
    later = monotonic() + 61
    monkeypatch.setattr("vitalkeep.base.keys.monotonic", lambda: later)
    with pytest.raises(KeyringError, match="not in the keyring"):
        running.unwrap(1, wrapped, PERSON)


def test_the_newest_epoch_is_never_destroyed(directory: Path) -> None:
    keyring = DirectoryKeyring(directory)
    for epoch in (1, 2):
        with pytest.raises(KeyringError, match="the newest"):
            keyring.destroy(epoch)
    assert DirectoryKeyring(directory).epochs() == [1]


def test_a_directory_that_is_away_for_a_moment_takes_nothing_away(directory: Path) -> None:
    keyring = DirectoryKeyring(directory)
    wrapped = keyring.wrap(1, DATA_KEY, PERSON)
    away = directory.rename(directory.parent / "unmounted")
    keyring.refresh()
    assert keyring.unwrap(1, wrapped, PERSON) == DATA_KEY
    away.rename(directory)
    assert keyring.new_epoch() == 2


@given(st.data())
def test_a_wrapped_key_that_was_changed_does_not_open(
    keyring: DirectoryKeyring, data: st.DataObject
) -> None:
    wrapped = keyring.wrap(1, DATA_KEY, PERSON)
    place = data.draw(st.integers(0, len(wrapped) - 1))
    flipped = wrapped[place] ^ data.draw(st.integers(1, 255))
    changed = wrapped[:place] + bytes([flipped]) + wrapped[place + 1 :]
    for broken in (changed, wrapped[:place], wrapped + b"\0"):
        with pytest.raises(KeyringError):
            keyring.unwrap(1, broken, PERSON)


def test_a_digest_outlives_the_process_and_not_the_keyring(directory: Path, tmp_path: Path) -> None:
    once, again = DirectoryKeyring(directory), DirectoryKeyring(directory)
    init_keyring(tmp_path / "other")
    digest = once.digest("sign-in", "issuer", "subject")
    assert len(digest) == 32
    assert digest == again.digest("sign-in", "issuer", "subject")
    assert digest != DirectoryKeyring(tmp_path / "other").digest("sign-in", "issuer", "subject")


# Few letters, so that parts often join to the same text: ("a", "b,"), ("a,b",) and the like.
words = st.lists(st.text(alphabet='ab,"\\[] \0é') | st.text(), min_size=1, max_size=4)


@given(words, words)
def test_a_digest_is_equal_for_equal_parts_only(
    keyring: DirectoryKeyring, one: list[str], other: list[str]
) -> None:
    assert (keyring.digest(*one) == keyring.digest(*other)) == (one == other)
