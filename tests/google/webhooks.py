"""Google Health's notifications: their keys, their signature, and the handshake before them.

The keyset is Tink's JSON form, as Google publishes it: `primaryKeyId` and `key[]`, whose `value`
is an EcdsaPublicKey message (2: params with SHA-256, P-256, DER; 3: x; 4: y) in base64.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict, Unpack

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.google.catalog import HEALTH_TYPES
from tests.google.moments import civil, local, rfc3339, to_ns

SIGNATURE: Final = "GOOGLE-HEALTH-API-SIGNATURE"
PARAMS: Final = bytes(
    [8, 3, 16, 2, 24, 2]
)  # hash SHA256 = 3, curve NIST_P256 = 2, encoding DER = 2
FIRST_KEY: Final = 1083906037
TYPE_URL: Final = "type.googleapis.com/google.crypto.tink.EcdsaPublicKey"


class WebhookKeys:
    """Signing keys by id; the newest signs, all that are enabled are published."""

    def __init__(self) -> None:
        self.keys: dict[int, ec.EllipticCurvePrivateKey] = {}
        self.disabled: set[int] = set()
        self.primary = self.rotate()

    def rotate(self) -> int:
        """A new key from now on; its id."""
        self.primary = FIRST_KEY + len(self.keys)
        self.keys[self.primary] = ec.generate_private_key(ec.SECP256R1())
        return self.primary

    def sign(self, body: bytes, key_id: int | None = None) -> str:
        """The header's value for a body."""
        name = self.primary if key_id is None else key_id
        der = self.keys[name].sign(body, ec.ECDSA(hashes.SHA256()))
        return base64.b64encode(b"\x01" + name.to_bytes(4, "big") + der).decode()

    def keyset(self) -> dict[str, Any]:
        """The public keys."""
        return {
            "primaryKeyId": self.primary,
            "key": [
                {
                    "keyData": {
                        "typeUrl": TYPE_URL,
                        "value": base64.b64encode(to_message(key.public_key())).decode(),
                        "keyMaterialType": "ASYMMETRIC_PUBLIC",
                    },
                    "status": "DISABLED" if name in self.disabled else "ENABLED",
                    "keyId": name,
                    "outputPrefixType": "TINK",
                }
                for name, key in self.keys.items()
            ],
        }


def to_message(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as protobuf; the numbers have a leading zero, as Google's have."""
    numbers = key.public_numbers()
    fields = ((2, PARAMS), (3, numbers.x.to_bytes(33, "big")), (4, numbers.y.to_bytes(33, "big")))
    return b"".join(bytes([number << 3 | 2, len(value)]) + value for number, value in fields)


@dataclass(frozen=True)
class Notice:
    """What one notification says. `offset_s` is of the person's clock."""

    user_id: str
    data_type: str
    intervals: Sequence[tuple[datetime, datetime]]
    operation: str = "UPSERT"
    offset_s: int = 9 * 3600
    subscription: str = "vitalkeep"

    def to_json(self) -> dict[str, Any]:
        """As it is sent. Raises ValueError for a type that Google sends no notices of."""
        if not HEALTH_TYPES[self.data_type].webhook:
            raise ValueError(f"{self.data_type} has no webhook")
        return {
            "data": {
                "version": "1",
                "clientProvidedSubscriptionName": self.subscription,
                "healthUserId": self.user_id,
                "operation": self.operation,
                "dataType": self.data_type,
                "intervals": [self._interval(start, end) for start, end in self.intervals],
            }
        }

    def _interval(self, start: datetime, end: datetime) -> dict[str, Any]:
        first, last = to_ns(start), to_ns(end)
        return {
            "physicalTimeInterval": {"startTime": rfc3339(first), "endTime": rfc3339(last)},
            "civilDateTimeInterval": {
                "startDateTime": civil(first, self.offset_s),
                "endDateTime": civil(last, self.offset_s),
            },
            "civilIso8601TimeInterval": {
                "startTime": local(first, self.offset_s).isoformat(),
                "endTime": local(last, self.offset_s).isoformat(),
            },
        }


class Sending(TypedDict, total=False):
    """How notices are sent: as an array although there is one, with which header, by which key."""

    secret: str
    array: bool
    signature: str
    key_id: int


async def notify(
    client: httpx.AsyncClient, url: str, keys: WebhookKeys, *notices: Notice,
    **sending: Unpack[Sending],
) -> httpx.Response:  # fmt: skip
    """Sends one notice as an object, more (or with `array`) as an array; the subscriber's answer.

    `signature` replaces the right header, an empty one leaves it out.
    """
    bodies = [notice.to_json() for notice in notices]
    whole = bodies if len(bodies) > 1 or sending.get("array") else bodies[0]
    raw = json.dumps(whole, indent=1).encode()  # a body that nobody gets by writing JSON again
    signature = sending.get("signature", keys.sign(raw, sending.get("key_id")))
    headers = {"Content-Type": "application/json"}
    headers |= {SIGNATURE: signature} if signature else {}
    headers |= {"Authorization": sending["secret"]} if "secret" in sending else {}
    return await client.post(url, content=raw, headers=headers)


async def verify_endpoint(
    client: httpx.AsyncClient, url: str, secret: str, keys: WebhookKeys
) -> bool:
    """Google's handshake: 200 or 201 with the secret, 401 or 403 without it."""
    raw = b'{"type": "verification"}'
    headers = {"Content-Type": "application/json", SIGNATURE: keys.sign(raw)}
    with_it = await client.post(url, content=raw, headers=headers | {"Authorization": secret})
    without = await client.post(url, content=raw, headers=headers)
    return with_it.status_code in (200, 201) and without.status_code in (401, 403)
