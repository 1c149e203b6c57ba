"""The keyring: keys that live outside the database, so that a stolen database is noise.

A directory (0700) of files (0600), each written once and fsynced: `master-<epoch>.key` wrap the
persons' data keys, `digest.key` keys digests of outside identities, `system.key` seals what
belongs to no person, `token-<n>.pem` (ES256) signs tokens and `certificate-<n>.pem` (Ed25519)
signs certificates of erasure; `persons-<epoch>.keys` is the backup of the persons' wrapped keys.
`Keyring` is what another store of keys has to offer.
"""

import hmac
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Final, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from vitalkeep.base import key_table
from vitalkeep.base.key_table import KeyTable, KeyTableWriter, WrappedKey
from vitalkeep.base.keyfiles import (
    KEY_BYTES,
    KeyringAway,
    KeyringError,
    number,
    numbered,
    read_key,
    read_private,
    remove,
    write_once,
)
from vitalkeep.base.sealing import derive_siv
from vitalkeep.base.signing_keys import SigningKey, base64url, signing_key, to_pem

__all__ = [
    "KEY_BYTES", "DirectoryKeyring", "Keyring", "KeyringAway", "KeyringError", "SigningKey",
    "base64url", "init_keyring", "make_signing_keys", "write_once",
]  # fmt: skip

LOOK_AGAIN_S: Final = 60.0
"""How long a process may go on without looking which epochs there are."""


class Keyring(Protocol):
    """Wraps data keys and holds the deployment's other keys.

    Epochs are numbers that only grow; each has a master key until it is destroyed. Other processes
    may make and destroy epochs meanwhile: `wrap` and `unwrap` take notice of that by themselves.
    """

    token_keys: "list[SigningKey]"
    certificate_keys: "list[SigningKey]"

    @property
    def name(self) -> str:
        """Where the keys are, for operators."""

    @property
    def destruction(self) -> str:
        """How a master key is destroyed, and what that can't reach; for certificates."""

    @property
    def epoch(self) -> int:
        """The newest epoch."""

    def refresh(self) -> None:
        """Looks which epochs there are now. Raises KeyringError."""

    def epochs(self) -> list[int]:
        """Every epoch whose master key is there, oldest first."""

    def new_epoch(self, above: int = 0) -> int:
        """Makes a master key, durable on return; the number of its epoch, which is above `above`.

        Raises KeyringError.
        """

    def destroy(self, epoch: int) -> datetime | None:
        """Destroys an epoch's master key; None once nobody can bring it back, else when that is.

        May be repeated, also for an epoch that is gone. It doesn't know what the epoch still wraps:
        only `erasure.epochs` may call it. Raises KeyringError for the newest epoch.
        """

    def wrap(self, epoch: int, data_key: bytes, person_id: UUID) -> bytes:
        """The data key wrapped under an epoch for this person only. Raises KeyringError."""

    def unwrap(self, epoch: int, wrapped: bytes, person_id: UUID) -> bytes:
        """The data key. Raises KeyringError if the epoch is gone or the value was tampered with."""

    def digest(self, purpose: str, *parts: str) -> bytes:
        """32 bytes that only this deployment can compute; equal for equal parts."""

    def system_siv(self) -> AESSIV:
        """Seals what belongs to the deployment, such as a staff member's address."""

    def write_backup(self, epoch: int) -> AbstractContextManager[KeyTableWriter]:
        """Takes the persons' wrapped keys; a durable backup in the end, in place of older ones."""

    def find_backup(self) -> KeyTable | None:
        """What the newest backup says of itself. Raises KeyringError if it is not whole."""

    def read_backup(self) -> Iterator[Sequence[WrappedKey]]:
        """The newest backup's keys, some at a time. Raises KeyringError without a whole one."""


def init_keyring(directory: Path) -> None:
    """Makes a new keyring with epoch 1. Raises KeyringError if the directory holds one already."""
    make_signing_keys(directory)
    # The master key comes last: a keyring that has one is complete.
    write_once(directory / "master-1.key", secrets.token_bytes(KEY_BYTES))


def make_signing_keys(directory: Path) -> None:
    """Makes all keys but the masters. Raises KeyringError if the directory holds keys already."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(path.suffix in (".key", ".pem", ".kms") for path in directory.iterdir()):
        raise KeyringError(
            f"{directory} holds a keyring, or a part of one, already; nothing was changed"
        )
    write_once(directory / "token-1.pem", to_pem(ec.generate_private_key(ec.SECP256R1())))
    write_once(directory / "certificate-1.pem", to_pem(ed25519.Ed25519PrivateKey.generate()))
    for name in ("digest.key", "system.key"):
        write_once(directory / name, secrets.token_bytes(KEY_BYTES))


class DirectoryKeyring:
    """A `Keyring` in a directory. Raises KeyringError if it is missing, incomplete or not private.

    Only the master keys are looked at again after the start.
    """

    pattern = "master-*.key"
    """The names of the masters' files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.masters: dict[int, AESSIV] = {}
        if not any(directory.glob(self.pattern)):
            raise KeyringError(
                f"no keyring in {directory}: run `vitalkeep keys init`, or set VITALKEEP_KEYRING"
            )
        self.refresh()
        self.token_keys = [
            signing_key(read_private(path), ec.EllipticCurvePrivateKey)
            for path in numbered(directory, "token-*.pem")
        ]
        self.certificate_keys = [
            signing_key(read_private(path), ed25519.Ed25519PrivateKey)
            for path in numbered(directory, "certificate-*.pem")
        ]
        if not self.token_keys or not self.certificate_keys:
            raise KeyringError(f"{directory} has no signing keys: restore them from its backup")
        self._digest_key = read_key(directory / "digest.key")
        self._system = derive_siv(read_key(directory / "system.key"), b"vitalkeep system")

    @property
    def name(self) -> str:
        """See `Keyring.name`."""
        return str(self.directory)

    @property
    def destruction(self) -> str:
        """See `Keyring.destruction`."""
        return (
            "the master key's file removed; blocks that a file system or a disk may still hold of "
            "it are beyond what a program can erase or see"
        )

    @property
    def epoch(self) -> int:
        """See `Keyring.epoch`."""
        return max(self.masters)

    def epochs(self) -> list[int]:
        """See `Keyring.epochs`."""
        return sorted(self.masters)

    def refresh(self) -> None:
        """See `Keyring.refresh`. A directory that is away for a moment takes nothing away."""
        found: dict[int, AESSIV] = {}
        for path in numbered(self.directory, self.pattern):
            epoch = number(path)
            if epoch in self.masters:
                found[epoch] = self.masters[epoch]
            elif (key := self.open_master(path, epoch)) is not None:
                found[epoch] = derive_siv(key, b"vitalkeep wrap")
        self.masters = found or self.masters
        self._looked_at = monotonic()

    def open_master(self, path: Path, epoch: int) -> bytes | None:  # noqa: ARG002
        """The master key of an epoch; None if its file went away meanwhile."""
        try:
            return read_key(path)
        except KeyringError:
            if path.exists():
                raise
            return None

    def new_epoch(self, above: int = 0) -> int:
        """See `Keyring.new_epoch`."""
        self.refresh()
        epoch = max(self.epoch, above) + 1
        self.write_master(epoch, secrets.token_bytes(KEY_BYTES))
        self.refresh()
        return epoch

    def write_master(self, epoch: int, key: bytes) -> None:
        """Keeps the master key of a new epoch."""
        write_once(self.directory / f"master-{epoch}.key", key)

    def destroy(self, epoch: int) -> datetime | None:
        """See `Keyring.destroy`."""
        self.refresh()
        if epoch >= self.epoch:
            raise KeyringError(f"epoch {epoch} is the newest: it can't be destroyed")
        gone_at = self.remove_master(epoch)
        self.masters.pop(epoch, None)
        return gone_at

    def remove_master(self, epoch: int) -> datetime | None:
        """Takes the master key of an epoch away; see `destroy` for what it answers."""
        remove(self.directory / f"master-{epoch}.key")
        return None

    def wrap(self, epoch: int, data_key: bytes, person_id: UUID) -> bytes:
        """See `Keyring.wrap`."""
        return self._master(epoch).encrypt(data_key, [person_id.bytes])

    def unwrap(self, epoch: int, wrapped: bytes, person_id: UUID) -> bytes:
        """See `Keyring.unwrap`."""
        try:
            return self._master(epoch).decrypt(wrapped, [person_id.bytes])
        except InvalidTag:
            raise KeyringError("a person's wrapped key doesn't open: it was changed") from None

    def _master(self, epoch: int) -> AESSIV:
        if epoch not in self.masters or monotonic() > self._looked_at + LOOK_AGAIN_S:
            self.refresh()
        if epoch not in self.masters:
            raise KeyringAway(f"epoch {epoch} is not in the keyring; see `vitalkeep keys status`")
        return self.masters[epoch]

    def digest(self, purpose: str, *parts: str) -> bytes:
        """See `Keyring.digest`."""
        message = json.dumps([purpose, *parts], ensure_ascii=False).encode()
        return hmac.digest(self._digest_key, message, "sha256")

    def system_siv(self) -> AESSIV:
        """See `Keyring.system_siv`."""
        return self._system

    def write_backup(self, epoch: int) -> AbstractContextManager[KeyTableWriter]:
        """See `Keyring.write_backup`."""
        return key_table.write(self.directory, epoch)

    def find_backup(self) -> KeyTable | None:
        """See `Keyring.find_backup`."""
        return key_table.find(self.directory)

    def read_backup(self) -> Iterator[Sequence[WrappedKey]]:
        """See `Keyring.read_backup`."""
        return key_table.read(self.directory)
