"""Texts in their one form: what senders call things, and the origin that apps and devices make."""

import re
from functools import lru_cache
from typing import Final
from unicodedata import normalize

import orjson
from msgspec import UNSET

from vitalkeep.datatypes.descriptors import Field
from vitalkeep.datatypes.records import RecordRejected, to_pointer
from vitalkeep.datatypes.structs import Origin
from vitalkeep.datatypes.wire import text_pattern

_TEXT: Final = Field("", "text")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def read_text(text: str, field: Field, *place: str) -> str:
    """The text in Unicode normal form C.

    Raises RecordRejected for control characters and for what is no Unicode.
    """
    if not re.fullmatch(text_pattern(field)[1:-1], text):
        raise RecordRejected("invalid", to_pointer(place), "must not contain control characters")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise RecordRejected("invalid", to_pointer(place), "must be well-formed Unicode")
    return to_text(text)


def to_text(text: str) -> str:
    """Text in Unicode normal form C."""
    return text if text.isascii() else normalize("NFC", text)


def to_platform_id(value: str) -> str:
    """The id; UUIDs in lower case, since HealthKit writes them in capitals and others don't."""
    return value.lower() if _UUID.fullmatch(value) else to_text(value)


def origin_json(origin: Origin) -> bytes:
    """The origin as canonical JSON. Raises RecordRejected as `read_text` does."""
    device = origin.device
    if device is UNSET:
        return _origin_json(origin.app, None, None, None)
    return _origin_json(
        origin.app, device.type or None, device.manufacturer or None, device.model or None
    )


@lru_cache(maxsize=4096)
def _origin_json(app: str, kind: str | None, manufacturer: str | None, model: str | None) -> bytes:
    """The origin as a JSON object; a device of which nothing is known is left out.

    Raises RecordRejected as `read_text` does.
    """
    given = {"type": kind, "manufacturer": manufacturer, "model": model}
    device = {
        name: read_text(value, _TEXT, "origin", "device", name)
        for name, value in given.items()
        if value is not None
    }
    name = read_text(app, _TEXT, "origin", "app")
    return orjson.dumps({"app": name, "device": device} if device else {"app": name})
