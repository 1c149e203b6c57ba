"""Tickets: short notes to ourselves that a browser or a letter carries.

Nobody else can read, make or change one. Which kind it is of is sealed in, so that a link is no
session; the random part makes each one different.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag

from vitalkeep.base import clock
from vitalkeep.base.keys import Keyring, base64url

MAX_CHARS: Final = 2048


def seal_ticket(
    keyring: Keyring, kind: str, content: Mapping[str, object], lifetime: timedelta
) -> str:
    """A ticket with this content (JSON), good for `lifetime` from now."""
    until = (clock.now() + lifetime).timestamp()
    note = orjson.dumps([until, secrets.token_hex(16), content])
    return base64url(keyring.system_siv().encrypt(note, _place(kind)))


def open_ticket(keyring: Keyring, kind: str, ticket: str) -> dict[str, object] | None:
    """The content of a ticket of this kind whose time is not over, or None."""
    try:
        raw = base64.urlsafe_b64decode(ticket[:MAX_CHARS] + "=" * (-len(ticket) % 4))
        note = keyring.system_siv().decrypt(raw, _place(kind))
    except (binascii.Error, ValueError, InvalidTag):
        return None
    until, _, content = orjson.loads(note)
    return content if clock.now().timestamp() < until else None


def _place(kind: str) -> list[bytes]:
    return [b"web", kind.encode()]
