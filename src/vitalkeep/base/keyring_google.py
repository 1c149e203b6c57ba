"""A keyring whose master keys open with Google Cloud KMS only (docs/decisions/0020).

Each epoch has a key version of its own, which encrypts one 256-bit master key; `master-<epoch>.kms`
in the keyring's directory holds the ciphertext. A process asks KMS once for each epoch, keeps the
opened master key in memory, and wraps persons' data keys itself. Signing keys, digest key and
system key are files, as in every keyring.

`retired-<epoch>.kms` names the version of an epoch whose ciphertext is removed, until KMS says that
the version is destroyed.
"""

import json
import secrets
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from vitalkeep.base.cloud_kms import CloudKms
from vitalkeep.base.keyfiles import KEY_BYTES, KeyringError, read_private, remove, write_once
from vitalkeep.base.keys import DirectoryKeyring, make_signing_keys

FORMAT: Final = "vitalkeep-kms-master/1"
PARTS: Final = ("projects", "locations", "keyRings", "cryptoKeys")


class GoogleKeyring(DirectoryKeyring):
    """A `Keyring` on a KMS key and a directory. Raises KeyringError as that does, or from KMS."""

    pattern = "master-*.kms"

    def __init__(self, kms: CloudKms, directory: Path) -> None:
        self.kms = kms
        super().__init__(directory)

    @property
    def name(self) -> str:
        """See `Keyring.name`."""
        return f"gcpkms://{self.kms.key}?directory={self.directory}"

    @property
    def destruction(self) -> str:
        """See `Keyring.destruction`."""
        return (
            "the master key's ciphertext removed and the only key version that opens it destroyed "
            "in Google Cloud KMS; Google states that its own backups hold the version for up to 45 "
            "days more"
        )

    def open_master(self, path: Path, epoch: int) -> bytes | None:
        """See `DirectoryKeyring.open_master`."""
        try:
            kept = read_version(path)
        except KeyringError:
            if path.exists():
                raise
            return None
        key = self.kms.decrypt(bytes.fromhex(kept["ciphertext"]), bound_to(epoch))
        if len(key) != KEY_BYTES:
            raise KeyringError(f"{path} opens to {len(key)} bytes, not {KEY_BYTES}: restore it")
        return key

    def write_master(self, epoch: int, key: bytes) -> None:
        """See `DirectoryKeyring.write_master`."""
        write_sealed_master(self.kms, self.directory, epoch, key)

    def remove_master(self, epoch: int) -> datetime | None:
        """See `DirectoryKeyring.remove_master`: gone when KMS says so, a day or more later."""
        master = self.directory / f"master-{epoch}.kms"
        retired = self.directory / f"retired-{epoch}.kms"
        if master.exists() and not retired.exists():
            version = {"format": FORMAT, "version": read_version(master)["version"]}
            write_once(retired, json.dumps(version).encode())
        remove(master)
        if not retired.exists():
            return None
        gone_at = self.kms.destroy(read_version(retired)["version"])
        if gone_at is None:
            remove(retired)
        return gone_at


def make_google_keyring(kms: CloudKms, directory: Path) -> None:
    """Makes a new keyring with epoch 1. Raises KeyringError."""
    make_signing_keys(directory)
    write_sealed_master(kms, directory, 1, secrets.token_bytes(KEY_BYTES))


def write_sealed_master(kms: CloudKms, directory: Path, epoch: int, key: bytes) -> None:
    """Keeps a master key under a new key version, once KMS has shown that it opens it again."""
    version = kms.create_version()
    ciphertext = kms.encrypt(version, key, bound_to(epoch))
    if kms.decrypt(ciphertext, bound_to(epoch)) != key:
        raise KeyringError("Cloud KMS doesn't give back what it encrypted; nothing was changed")
    kept = {"format": FORMAT, "version": version, "ciphertext": ciphertext.hex()}
    write_once(directory / f"master-{epoch}.kms", json.dumps(kept).encode())


def bound_to(epoch: int) -> bytes:
    """What a master key's ciphertext is bound to, so that files can't change places."""
    return f"vitalkeep master {epoch}".encode()


def read_version(path: Path) -> dict[str, str]:
    """The content of a `.kms` file. Raises KeyringError."""
    try:
        kept: dict[str, str] = json.loads(read_private(path))
        if kept["format"] != FORMAT or not kept["version"]:
            raise ValueError("another format")
        bytes.fromhex(kept.get("ciphertext", ""))
    except (ValueError, KeyError, TypeError):
        raise KeyringError(f"{path} can't be read: restore it from its backup") from None
    return kept


def key_name(address: str) -> str:
    """The resource name in `gcpkms://projects/…/cryptoKeys/…?…`. Raises KeyringError."""
    parts = urlsplit(address)
    name = parts.netloc + parts.path
    words = name.split("/")
    if tuple(words[::2]) != PARTS or len(words) != 2 * len(PARTS) or not all(words):
        raise KeyringError(
            "VITALKEEP_KEYRING: a Cloud KMS key is named gcpkms://projects/P/locations/L/keyRings/R"
            "/cryptoKeys/K?directory=/where/the/other/keys/are"
        )
    return name
