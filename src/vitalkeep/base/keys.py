"""The keyring: keys that live outside the database, so that a stolen database is noise.

A directory (0700) of files (0600), each written once and fsynced: `master-<epoch>.key` wrap the
persons' data keys, `digest.key` keys digests of outside identities, `system.key` seals what
belongs to no person, `token-<n>.pem` (ES256) signs tokens and `certificate-<n>.pem` (Ed25519)
signs certificates of erasure. `Keyring` is what another store of keys has to offer.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from vitalkeep.base.sealing import derive_siv

KEY_BYTES = 32

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class KeyringError(Exception):
    """The keyring can't be used; the message says why and what to do."""


class Keyring(Protocol):
    """Wraps data keys and holds the deployment's other keys."""

    token_keys: "list[SigningKey]"
    certificate_keys: "list[SigningKey]"

    def wrap(self, data_key: bytes, person_id: UUID) -> tuple[int, bytes]:
        """The newest epoch, and the data key wrapped under it for this person only."""

    def unwrap(self, epoch: int, wrapped: bytes, person_id: UUID) -> bytes:
        """The data key. Raises KeyringError if the epoch is gone or the value was tampered with."""

    def digest(self, purpose: str, *parts: str) -> bytes:
        """32 bytes that only this deployment can compute; equal for equal parts."""

    def system_siv(self) -> AESSIV:
        """Seals what belongs to the deployment, such as a staff member's address."""


@dataclass(frozen=True)
class SigningKey:
    """A private key and its id, the RFC 7638 thumbprint of the public one."""

    kid: str
    private: PrivateKey

    def public_jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517, RFC 8037) with `kid`, `alg` and `use`."""
        alg = "ES256" if isinstance(self.private, ec.EllipticCurvePrivateKey) else "EdDSA"
        return {**public_members(self.private), "kid": self.kid, "alg": alg, "use": "sig"}


def base64url(raw: bytes) -> str:
    """Unpadded base64url (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_members(key: PrivateKey) -> dict[str, str]:
    """The members of the public JWK that the thumbprint covers."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = key.public_key().public_numbers()
        x, y = (base64url(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url(raw)}


def signing_key(pem: bytes, kind: type[PrivateKey]) -> SigningKey:
    """The key in a PKCS #8 file. Raises KeyringError for any other kind of key."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyringError("a signing key can't be read: restore it from its backup") from None
    if not isinstance(key, kind) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name != "secp256r1"
    ):
        raise KeyringError("a signing key is of the wrong kind: restore it from its backup")
    canonical = json.dumps(public_members(key), separators=(",", ":"), sort_keys=True)
    return SigningKey(base64url(hashlib.sha256(canonical.encode()).digest()), key)


def init_keyring(directory: Path) -> None:
    """Makes a new keyring with epoch 1. Raises KeyringError if the directory holds one already."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(path.suffix in (".key", ".pem") for path in directory.iterdir()):
        raise KeyringError(
            f"{directory} holds a keyring, or a part of one, already; nothing was changed"
        )
    pems: dict[str, PrivateKey] = {
        "token-1.pem": ec.generate_private_key(ec.SECP256R1()),
        "certificate-1.pem": ed25519.Ed25519PrivateKey.generate(),
    }
    for name, key in pems.items():
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_once(directory / name, pem)
    # The master key comes last: a keyring that has one is complete.
    for name in ("digest.key", "system.key", "master-1.key"):
        write_once(directory / name, secrets.token_bytes(KEY_BYTES))


def write_once(path: Path, content: bytes) -> None:
    """Writes a new file (0600) and makes it durable. Raises KeyringError if it exists."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all, and never replaces a file.
        os.link(unfinished, path)
    except FileExistsError:
        raise KeyringError(f"{path} exists already; nothing was changed") from None
    finally:
        unfinished.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class DirectoryKeyring:
    """A `Keyring` in a directory, read once at start.

    Raises KeyringError when it is missing, incomplete or readable by others.
    """

    def __init__(self, directory: Path) -> None:
        if not any(directory.glob("master-*.key")):
            raise KeyringError(
                f"no keyring in {directory}: run `vitalkeep keys init`, or set VITALKEEP_KEYRING"
            )
        self.directory = directory
        self.masters = {
            number(path): derive_siv(read_key(path), b"vitalkeep wrap")
            for path in numbered(directory, "master-*.key")
        }
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
    def epoch(self) -> int:
        """The newest epoch, under which new data keys are wrapped."""
        return max(self.masters)

    def wrap(self, data_key: bytes, person_id: UUID) -> tuple[int, bytes]:
        """See `Keyring.wrap`."""
        return self.epoch, self.masters[self.epoch].encrypt(data_key, [person_id.bytes])

    def unwrap(self, epoch: int, wrapped: bytes, person_id: UUID) -> bytes:
        """See `Keyring.unwrap`."""
        if epoch not in self.masters:
            raise KeyringError(f"epoch {epoch} is not in the keyring")
        try:
            return self.masters[epoch].decrypt(wrapped, [person_id.bytes])
        except InvalidTag:
            raise KeyringError("a person's wrapped key doesn't open: it was changed") from None

    def digest(self, purpose: str, *parts: str) -> bytes:
        """See `Keyring.digest`."""
        message = json.dumps([purpose, *parts], ensure_ascii=False).encode()
        return hmac.digest(self._digest_key, message, "sha256")

    def system_siv(self) -> AESSIV:
        """See `Keyring.system_siv`."""
        return self._system


def numbered(directory: Path, pattern: str) -> list[Path]:
    """The directory's `<stem>-<n>` files, newest last. Raises KeyringError for another name."""
    return sorted(directory.glob(pattern), key=number)


def number(path: Path) -> int:
    """The n of `<stem>-<n>.<suffix>`. Raises KeyringError if it is none."""
    digits = path.stem.partition("-")[2]
    if not (digits.isascii() and digits.isdigit()):
        raise KeyringError(f"{path} is not numbered: take it out of the keyring")
    return int(digits)


def read_private(path: Path) -> bytes:
    """The file's bytes. Raises KeyringError if it is missing or others may read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise KeyringError(f"{path} can be read by others: run `chmod 600` on it")
        return path.read_bytes()
    except OSError as error:
        raise KeyringError(f"{path} can't be read: {error.strerror}") from None


def read_key(path: Path) -> bytes:
    """A raw 32-byte key. Raises KeyringError on any other length."""
    key = read_private(path)
    if len(key) != KEY_BYTES:
        raise KeyringError(f"{path} is {len(key)} bytes long, not {KEY_BYTES}: restore it")
    return key
