"""Sealing: AES-SIV (RFC 5297) under a person's key, bound to the place where the value lies.

AES-SIV is deterministic: the same content in the same place seals to the same bytes, which is how
"the same again" is told without opening anything. The associated data names the place, so that a
sealed value that is moved, or whose clear columns are changed, does not open.
"""

import hashlib
from uuid import UUID

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

COMPRESS_FROM = 400
MAX_OPENED = 16 * 1024 * 1024
PLAIN, ZSTD = b"\x00", b"\x01"

_compressor = zstandard.ZstdCompressor(level=1, write_checksum=False)
_decompressor = zstandard.ZstdDecompressor()


class SealBroken(Exception):
    """A sealed value does not open where it was found: it was moved, changed or damaged."""


def derive(key: bytes, label: bytes, length: int) -> bytes:
    """`length` bytes derived from `key` for one use (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=label).derive(key)


def derive_siv(key: bytes, label: bytes) -> AESSIV:
    """AES-256-SIV for one use; it needs two 256-bit keys."""
    return AESSIV(derive(key, label, 64))


class PersonKey:
    """What one person's 256-bit data key can do: seal, open, and name records."""

    __slots__ = ("_id_key", "_siv")

    def __init__(self, data_key: bytes) -> None:
        self._siv = derive_siv(data_key, b"vitalkeep seal")
        self._id_key = derive(data_key, b"vitalkeep record id", 32)

    def seal(self, content: bytes, *place: bytes) -> bytes:
        """`content` sealed for `place` (table, row, and the clear columns that must not change).

        From 400 bytes on it is compressed with zstd first. 17 bytes longer than what it seals.
        """
        if len(content) >= COMPRESS_FROM:
            return self._siv.encrypt(ZSTD + _compressor.compress(content), list(place))
        return self._siv.encrypt(PLAIN + content, list(place))

    def open(self, sealed: bytes, *place: bytes) -> bytes:
        """What was sealed for this very place. Raises SealBroken."""
        try:
            opened = self._siv.decrypt(sealed, list(place))
        except InvalidTag:
            raise SealBroken("a sealed value does not open in its place") from None
        if opened[:1] == ZSTD:
            return _decompressor.decompress(opened[1:], max_output_size=MAX_OPENED)
        return opened[1:]

    def record_key(self, identity: bytes) -> bytes:
        """The 16 bytes of `record_id`: a push has a thousand, and a UUID takes long to make."""
        digest = bytearray(hashlib.blake2b(identity, key=self._id_key, digest_size=16).digest())
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        return bytes(digest)

    def record_id(self, identity: bytes) -> UUID:
        """The stable, unguessable id (UUID version 8) of what the sender calls `identity`."""
        return UUID(bytes=self.record_key(identity))


def seal_text(siv: AESSIV, text: str, *place: bytes) -> bytes:
    """Text that belongs to the deployment, sealed with the keyring's system key."""
    return siv.encrypt(PLAIN + text.encode(), list(place))


def open_text(siv: AESSIV, sealed: bytes, *place: bytes) -> str:
    """The text sealed by `seal_text` for this place. Raises SealBroken."""
    try:
        return siv.decrypt(sealed, list(place))[1:].decode()
    except InvalidTag:
        raise SealBroken("a sealed text does not open in its place") from None
