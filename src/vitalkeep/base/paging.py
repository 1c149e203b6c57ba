"""Opaque signed tokens: cursors of lists and feeds, and the confirm token of a deactivation.

A token is base64url of a JSON payload and 16 bytes of a keyed digest over purpose, owner and
payload: it can't be made up, moved to another person or used for another list.
"""

import base64
import binascii
import hmac
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import orjson

from vitalkeep.base.errors import InvalidCursor
from vitalkeep.base.keys import Keyring, base64url

TAG_BYTES = 16

Place: TypeAlias = tuple[datetime, UUID]
"""The last row of a page in a list by time and id: the next page starts behind it."""


def sign(keyring: Keyring, purpose: str, owner: str, payload: object) -> str:
    """An opaque token that carries `payload` (JSON) for this owner and purpose."""
    body = orjson.dumps(payload)
    return base64url(_tag(keyring, purpose, owner, body) + body)


def unsign(keyring: Keyring, purpose: str, owner: str, token: str) -> object:
    """The payload. Raises InvalidCursor unless `sign` made it for this owner and purpose."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise InvalidCursor from None
    # The decoder skips what is not base64url; only the very text that was handed out is good.
    if base64url(raw) != token:
        raise InvalidCursor
    tag, body = raw[:TAG_BYTES], raw[TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(keyring, purpose, owner, body)):
        raise InvalidCursor
    payload: object = orjson.loads(body)
    return payload


def write_place(keyring: Keyring, purpose: str, owner: str, place: Place) -> str:
    """The cursor of a place."""
    return sign(keyring, purpose, owner, [place[0].isoformat(), str(place[1])])


def read_place(keyring: Keyring, purpose: str, owner: str, cursor: str | None) -> Place | None:
    """The place of a cursor; None for the beginning, without one.

    Raises InvalidCursor unless it was made for this owner's list.
    """
    if cursor is None:
        return None
    payload = unsign(keyring, purpose, owner, cursor)
    if not isinstance(payload, list):
        raise InvalidCursor
    return datetime.fromisoformat(payload[0]), UUID(payload[1])


def _tag(keyring: Keyring, purpose: str, owner: str, body: bytes) -> bytes:
    return keyring.digest("cursor", purpose, owner, body.decode("latin-1"))[:TAG_BYTES]
