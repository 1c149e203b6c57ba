"""A keyring on Cloud KMS: few calls, nothing that opens by itself on the disk, honest of time."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import respx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import AnonymousCredentials

from tests.base.fake_kms import KEY, STAYS, FakeKms
from vitalkeep.base import clock
from vitalkeep.base.cloud_kms import CloudKms
from vitalkeep.base.keyring_google import GoogleKeyring, key_name, make_google_keyring
from vitalkeep.base.keyrings import make_keyring, open_keyring
from vitalkeep.base.keys import DirectoryKeyring, Keyring, KeyringError
from vitalkeep.base.settings import Settings

PERSON = UUID("0b9c4bd0-5a1b-4f5e-9c3d-0a7a0f6a1b11")
DATA_KEY = bytes(range(32))


@pytest.fixture
def kms() -> Iterator[FakeKms]:
    with respx.mock(assert_all_called=False) as router:
        yield FakeKms(router)


def calls() -> CloudKms:
    return CloudKms(KEY, AnonymousCredentials())  # type: ignore[no-untyped-call]


@pytest.fixture
def keyring(kms: FakeKms, tmp_path: Path) -> GoogleKeyring:
    assert kms.states == {}
    make_google_keyring(calls(), tmp_path / "keyring")
    return GoogleKeyring(calls(), tmp_path / "keyring")


def test_both_keyrings_are_keyrings(keyring: GoogleKeyring) -> None:
    one: Keyring = keyring
    assert (one.epochs(), one.epoch) == ([1], 1)
    assert one.name.startswith(f"gcpkms://{KEY}?directory=")


def test_persons_keys_are_wrapped_without_a_call_for_each(
    keyring: GoogleKeyring, kms: FakeKms
) -> None:
    kms.calls.clear()
    again = GoogleKeyring(calls(), keyring.directory)
    assert kms.calls == {"decrypt": 1}
    for number in range(200):
        person = UUID(int=number)
        wrapped = keyring.wrap(1, DATA_KEY, person)
        assert again.unwrap(1, wrapped, person) == DATA_KEY
    assert kms.calls == {"decrypt": 1}


def test_the_directory_opens_nothing_without_kms(keyring: GoogleKeyring, kms: FakeKms) -> None:
    wrapped = keyring.wrap(1, DATA_KEY, PERSON)
    assert DATA_KEY not in wrapped
    with pytest.raises(KeyringError, match="no keyring in"):
        DirectoryKeyring(keyring.directory)
    kms.materials = {name: bytes(32) for name in kms.materials}
    with pytest.raises(KeyringError, match=r"refused POST .*:decrypt: 400"):
        GoogleKeyring(calls(), keyring.directory)


def test_a_master_key_opens_as_its_own_epoch_only(keyring: GoogleKeyring) -> None:
    first = keyring.directory / "master-1.kms"
    shutil.copy2(first, keyring.directory / "master-2.kms")
    with pytest.raises(KeyringError, match="refused"):
        GoogleKeyring(calls(), keyring.directory)


def test_each_epoch_has_a_key_version_of_its_own(keyring: GoogleKeyring, kms: FakeKms) -> None:
    wrapped = keyring.wrap(1, DATA_KEY, PERSON)
    assert keyring.new_epoch() == 2
    assert len(kms.states) == 2
    moved = keyring.wrap(2, keyring.unwrap(1, wrapped, PERSON), PERSON)
    keyring.destroy(1)
    again = GoogleKeyring(calls(), keyring.directory)
    assert again.epochs() == [2]
    assert again.unwrap(2, moved, PERSON) == DATA_KEY
    with pytest.raises(KeyringError, match="not in the keyring"):
        again.unwrap(1, wrapped, PERSON)


def test_a_key_is_not_said_to_be_gone_before_kms_says_so(
    keyring: GoogleKeyring, kms: FakeKms
) -> None:
    keyring.new_epoch()
    begun = clock.now()
    gone_at = keyring.destroy(1)
    assert gone_at is not None
    assert begun + STAYS <= gone_at <= clock.now() + STAYS
    names = {path.name for path in keyring.directory.glob("*.kms")}
    assert names == {"master-2.kms", "retired-1.kms"}
    assert "ciphertext" not in (keyring.directory / "retired-1.kms").read_text()
    # Asked again, by another process as well, it is scheduled no second time.
    assert GoogleKeyring(calls(), keyring.directory).destroy(1) == gone_at
    assert kms.calls["destroy"] == 1
    kms.run_out()
    assert keyring.destroy(1) is None
    assert {path.name for path in keyring.directory.glob("*.kms")} == {"master-2.kms"}
    assert keyring.destroy(1) is None


def test_the_newest_epoch_is_never_destroyed(keyring: GoogleKeyring, kms: FakeKms) -> None:
    with pytest.raises(KeyringError, match="is the newest"):
        keyring.destroy(1)
    assert list(kms.states.values()) == ["ENABLED"]


def test_a_version_that_does_not_give_back_what_it_took_makes_no_epoch(
    keyring: GoogleKeyring, kms: FakeKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = httpx.Response(200, json={"plaintext": "AAAA"})
    monkeypatch.setattr(kms, "decrypt", lambda _name, _body: wrong)
    with pytest.raises(KeyringError, match="doesn't give back"):
        keyring.new_epoch()
    assert not (keyring.directory / "master-2.kms").exists()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (httpx.Response(403, json={"error": "secret details"}), "refused .*: 403"),
        (httpx.Response(503), "refused .*: 503"),
        (httpx.Response(200, text="no json"), "can't be reached: JSONDecodeError"),
        (httpx.Response(200, json={}), "answered without a plaintext"),
        (httpx.Response(200, json={"plaintext": "AAAA"}), "opens to 3 bytes, not 32"),
        (httpx.Response(200, json={"plaintext": "&"}), "answered without a plaintext"),
    ],
    ids=["forbidden", "away", "no json", "nothing", "too short", "no base64"],
)
def test_what_kms_refuses_is_said_in_one_line(
    keyring: GoogleKeyring, kms: FakeKms, broken: httpx.Response, said: str
) -> None:
    kms.broken = broken
    with pytest.raises(KeyringError, match=said) as refused:
        GoogleKeyring(calls(), keyring.directory)
    assert "secret" not in str(refused.value)


def test_a_process_that_runs_outlives_kms_being_away(keyring: GoogleKeyring, kms: FakeKms) -> None:
    wrapped = keyring.wrap(1, DATA_KEY, PERSON)
    kms.broken = httpx.Response(503)
    keyring.refresh()
    assert keyring.unwrap(1, wrapped, PERSON) == DATA_KEY


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "x", "version": "y"}'])
def test_a_damaged_file_is_named(keyring: GoogleKeyring, content: str) -> None:
    (keyring.directory / "master-1.kms").write_text(content)
    with pytest.raises(KeyringError, match=r"master-1\.kms can't be read: restore it"):
        GoogleKeyring(calls(), keyring.directory)


def test_a_state_without_a_time_is_not_taken_for_destruction(
    keyring: GoogleKeyring, kms: FakeKms
) -> None:
    keyring.new_epoch()
    first = next(iter(kms.states))
    kms.states[first] = "IMPORT_FAILED"
    with pytest.raises(KeyringError, match="its state is IMPORT_FAILED"):
        keyring.destroy(1)


def test_the_address_names_key_and_directory(
    kms: FakeKms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials(tmp_path, monkeypatch)
    granted = {"access_token": "ya29.keep", "expires_in": 3600, "token_type": "Bearer"}
    token = kms.router.post("https://oauth2.googleapis.com/token").respond(json=granted)
    place = tmp_path / "keyring"
    settings = Settings(keyring=f"gcpkms://{KEY}?directory={place}")
    assert isinstance(make_keyring(settings), GoogleKeyring)
    assert open_keyring(settings).epochs() == [1]
    assert token.called
    assert kms.tokens == {"Bearer ya29.keep"}
    with pytest.raises(KeyringError, match="nothing was changed"):
        make_keyring(settings)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"gcpkms://{KEY}", "directory="),
        (f"gcpkms://{KEY}?directory=", "directory="),
        ("gcpkms://projects/p/places/l/keyRings/r/cryptoKeys/k?directory=/x", "is named gcpkms:"),
        ("gcpkms://projects/p/cryptoKeys/k?directory=/x", "is named gcpkms://projects/"),
        (f"gcpkms://{KEY}/cryptoKeyVersions/1?directory=/x", "is named gcpkms://projects/"),
        ("gcpkms://projects//locations/l/keyRings/r/cryptoKeys/k?directory=/x", "is named"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, said: str) -> None:
    with pytest.raises(KeyringError, match=said):
        open_keyring(Settings(keyring=address))


def test_a_keys_name_is_what_stands_in_the_address() -> None:
    assert key_name(f"gcpkms://{KEY}?directory=/srv/keyring") == KEY


def test_without_credentials_it_says_so(
    kms: FakeKms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials(tmp_path, monkeypatch)
    kms.router.post("https://oauth2.googleapis.com/token").respond(400, json={"error": "denied"})
    with pytest.raises(KeyringError, match="no credentials for Cloud KMS"):
        make_keyring(Settings(keyring=f"gcpkms://{KEY}?directory={tmp_path / 'keyring'}"))
    assert kms.calls == {}


def credentials(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service account's file, as google-auth finds it."""
    pem = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "project_id": "keep",
        "private_key_id": "one",
        "private_key": pem.decode(),
        "client_email": "keyring@keep.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    file = directory / "account.json"
    file.write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
