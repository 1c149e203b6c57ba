"""Google Health's signatures under notifications, and the keys that Google publishes for them.

A signature is base64 of 0x01, the key's id in four bytes, and an ECDSA signature (P-256, SHA-256,
DER) over the body as it was sent. The keys are a Tink keyset in JSON, each key a protobuf message.
Source: developers.google.com/health/api (webhooks); github.com/tink-crypto/tink, proto/tink.proto
and proto/ecdsa.proto.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.published import Published

HEADERS: Final = ("google-health-api-signature", "x-healthapi-signature")
"""Where the signature stands; the second is the name of the preview."""
PREFIX: Final = 5
# A DER signature has 72 bytes at most.
MAX_SIGNATURE_CHARS: Final = 200
AT_LEAST: Final = timedelta(minutes=5)
"""How long keys are kept though Google doesn't say that they may be."""
UNSIGNED: Final = "The signature of the notification is missing or not Google's."

_TYPE: Final = "google.crypto.tink.EcdsaPublicKey"
# hash_type SHA256, curve NIST_P256, encoding DER
_PARAMS: Final[Mapping[int, int | bytes]] = {1: 3, 2: 2, 3: 2}
_VARINT, _BYTES = 0, 2


class NotificationKeys:
    """The keys at one address."""

    def __init__(self, url: str) -> None:
        self._keys = Published(url, read_keyset, AT_LEAST)

    async def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises Unauthenticated unless Google has signed the body, and DependencyUnavailable when
        Google's keys can't be had.
        """
        signature = next((headers[name] for name in HEADERS if name in headers), "")
        try:
            key_id, signed = split_signature(signature)
            key = await self._keys.find(str(key_id))
            if key is None:
                raise Unauthenticated(UNSIGNED)
            key.verify(signed, body, ec.ECDSA(hashes.SHA256()))
        except (ValueError, InvalidSignature):
            raise Unauthenticated(UNSIGNED) from None


def split_signature(text: str) -> tuple[int, bytes]:
    """The key's id and the signature itself. Raises ValueError."""
    if len(text) > MAX_SIGNATURE_CHARS:
        raise ValueError("too long")
    raw = base64.b64decode(text, validate=True)
    if len(raw) <= PREFIX or raw[0] != 1:
        raise ValueError("not a signature with Tink's prefix")
    return int.from_bytes(raw[1:PREFIX], "big"), raw[PREFIX:]


def read_keyset(reply: httpx.Response) -> Mapping[str, ec.EllipticCurvePublicKey]:
    """The enabled keys by their id; keys of other kinds are passed over.

    Raises ValueError for any other answer, and for one without a key of this kind.
    """
    found = reply.json() if reply.status_code == httpx.codes.OK else None
    listed = found.get("key") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a keyset")
    keys = {str(each["keyId"]): _read_key(each) for each in listed if _is_usable(each)}
    if not keys:
        raise ValueError("no key")
    return keys


def _is_usable(key: object) -> bool:
    if not isinstance(key, dict) or type(key.get("keyId")) is not int:
        return False
    data = key.get("keyData")
    return (
        key.get("status") == "ENABLED"
        and key.get("outputPrefixType") == "TINK"
        and isinstance(data, dict)
        and str(data.get("typeUrl")).endswith(f"/{_TYPE}")
        and isinstance(data.get("value"), str)
    )


def _read_key(key: dict[str, dict[str, str]]) -> ec.EllipticCurvePublicKey:
    """Raises ValueError for what is no point of the curve."""
    try:
        message = read_message(base64.b64decode(key["keyData"]["value"], validate=True))
        params, x, y = (message.get(number) for number in (2, 3, 4))
        if not (isinstance(params, bytes) and isinstance(x, bytes) and isinstance(y, bytes)):
            raise ValueError("not an EcdsaPublicKey")
        if read_message(params) != _PARAMS:
            raise ValueError("another kind of signature")
    except (binascii.Error, IndexError):
        raise ValueError("the key can't be read") from None
    across, up = int.from_bytes(x, "big"), int.from_bytes(y, "big")
    return ec.EllipticCurvePublicNumbers(across, up, ec.SECP256R1()).public_key()


def read_message(message: bytes) -> dict[int, int | bytes]:
    """A protobuf message's numbers and byte strings by field. Raises ValueError, IndexError."""
    found: dict[int, int | bytes] = {}
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if tag & 7 == _BYTES:
            if at + value > len(message):
                raise ValueError("cut off")
            found[tag >> 3], at = message[at : at + value], at + value
        elif tag & 7 == _VARINT:
            found[tag >> 3] = value
        else:
            raise ValueError("another kind of field")
    return found


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("too long a number")
