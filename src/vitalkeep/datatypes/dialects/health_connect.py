"""Health Connect records as a React Native client posts them, in both its shapes.

Reading gives quantities as `{"inKilograms": …}` and zone offsets as `{"id", "totalSeconds"}`,
writing takes `{"value", "unit"}` and no offset. Which Health Connect member is which of ours comes
from the descriptors; members this module does not know are passed over, since SDKs grow.

Source: react-native-health-connect, src/types; androidx.health.connect.client.records.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from vitalkeep.datatypes.canonical import Measurement, Original, to_measurement
from vitalkeep.datatypes.common import COMMON, DEVICE, list_members, list_times
from vitalkeep.datatypes.descriptors import DataType, Field, JsonObject
from vitalkeep.datatypes.dialects.health_connect_values import (
    find_number,
    is_absent,
    to_choice,
    to_offset,
    to_quantity,
    to_whole,
)
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.times import time_text, to_instant
from vitalkeep.datatypes.wire import TIME_PATTERN

EXAMPLES: Final[Mapping[str, JsonObject]] = {t.name: dict(t.health_connect.example) for t in TYPES}
"""One realistic Health Connect record per type of ours."""

_TIME: Final = re.compile(TIME_PATTERN)
_KINDS: Final = {
    name: kind
    for kind in TYPES
    for name in (kind.health_connect.record_type, kind.health_connect.record_class, kind.name)
}
_ZONES: Final = {
    "time": "zoneOffset",
    "startTime": "startZoneOffset",
    "endTime": "endZoneOffset",
}


def measurement(obj: object, sender: str, now: datetime) -> Measurement:
    """What a phone sent, in its stored form. `sender` is the app that sent it, `now` is aware.

    Raises RecordRejected whose pointer leads into what the phone sent.
    """
    kind = _find_kind(obj)
    record, original = _translate(obj, kind, sender)
    try:
        return to_measurement(validate_record(record), now, original)
    except RecordRejected as refusal:
        pointer = _sender_pointer(kind, refusal.pointer, obj)
        raise RecordRejected(refusal.code, pointer, refusal.detail) from None


def to_record(obj: object, sender: str) -> JsonObject:
    """The canonical record that a phone's record stands for, not yet validated.

    `sender` becomes the origin's app where the record names none. Values that can't be read are
    left as they are, for `validate_record` to refuse. What a quantity was converted from is not in
    it: `measurement` keeps that.

    Raises RecordRejected for an unknown type, a quantity without a unit and an unreadable offset.
    """
    return _translate(obj, _find_kind(obj), sender)[0]


def _find_kind(obj: object) -> DataType:
    if not isinstance(obj, dict):
        raise RecordRejected("invalid", "", "must be an object")
    key = "type" if is_absent(obj.get("recordType")) and "type" in obj else "recordType"
    name = obj.get(key)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        known = ", ".join(t.health_connect.record_type for t in TYPES)
        raise RecordRejected("unknown_type", f"/{key}", f"must be one of {known}")
    return kind


def _translate(obj: object, kind: DataType, sender: str) -> tuple[JsonObject, Original | None]:
    given = obj if isinstance(obj, dict) else {}
    record: JsonObject = {"type": kind.name}
    original: Original | None = None
    for field in list_times(kind):
        _put(record, field.name, _time(given, field))
    for field in kind.fields:
        value = given.get(str(field.health_connect))
        if is_absent(value):
            continue
        pointer = f"/{field.health_connect}"
        if field.quantity is not None:
            record[field.name], converted = to_quantity(value, field.quantity, pointer)
            original = converted or original
        else:
            record[field.name] = _value(value, field, pointer)
    if kind.shape == "stages":
        # A session without stages is a whole session to Health Connect.
        for field in kind.fields:
            if field.kind == "list":
                record.setdefault(field.name, [])
    record.update(_metadata(given, sender))
    return record, original


def _value(value: object, field: Field, pointer: str) -> object:
    """The value in our terms; whatever has the wrong form stays for validation to refuse."""
    if field.choices is not None:
        return to_choice(value, field.choices, pointer)
    if field.kind == "integer":
        return to_whole(value)
    if field.kind == "list" and isinstance(value, list):
        return [_entry(entry, field, f"{pointer}/{i}") for i, entry in enumerate(value)]
    return value


def _entry(entry: object, field: Field, pointer: str) -> object:
    """One sample or stage: it has no offset of its own, so its times stay in `Z`."""
    if not isinstance(entry, dict):
        return entry
    record: JsonObject = {}
    for part in field.parts:
        value = entry.get(str(part.health_connect))
        if not is_absent(value):
            record[part.name] = _value(value, part, f"{pointer}/{part.health_connect}")
    return record


def _time(given: JsonObject, field: Field) -> object:
    """The instant as local time at the offset beside it; as it was sent if there is none."""
    name = str(field.health_connect)
    text = given.get(name)
    offset = to_offset(given.get(_ZONES[name]), f"/{_ZONES[name]}")
    if offset is None or not isinstance(text, str) or not _TIME.fullmatch(text):
        return text
    try:
        return time_text(to_instant(text, name), offset)
    except OverflowError:
        return text


def _metadata(given: JsonObject, sender: str) -> JsonObject:
    metadata = given.get("metadata")
    if is_absent(metadata):
        metadata = {}
    if not isinstance(metadata, dict):
        raise RecordRejected("invalid", "/metadata", "must be an object")
    record: JsonObject = {}
    for field in COMMON:
        if field.health_connect is not None:
            key = field.health_connect.rpartition("/")[2]
            if not is_absent(value := metadata.get(key)):
                record[field.name] = _value(value, field, f"/metadata/{key}")
    app = metadata.get("dataOrigin")
    if isinstance(app, dict):
        app = app.get("packageName")
    origin: JsonObject = {"app": sender if is_absent(app) else app}
    if not is_absent(device := metadata.get("device")):
        origin["device"] = _entry(device, DEVICE, "/metadata/device")
    return {**record, "origin": origin}


def _put(record: JsonObject, name: str, value: object) -> None:
    if not is_absent(value):
        record[name] = value


def _sender_pointer(kind: DataType, pointer: str, obj: object) -> str:
    """The pointer into the phone's record for one into ours."""
    fields = list_members(kind)
    found: Field | None = None
    path: list[str] = []
    for token in pointer.split("/")[1:]:
        found = next((f for f in fields if f.name == token), None)
        if found is None:
            path.append(token)
            continue
        if found.health_connect is not None:
            path = [
                *(path if path and "/" not in found.health_connect else []),
                found.health_connect,
            ]
        fields = found.parts or fields
    joined = "".join("/" + part for part in path)
    given = obj if isinstance(obj, dict) else {}
    if joined == "/metadata/dataOrigin" and _names_package(given):
        return joined + "/packageName"
    if found is not None and found.quantity is not None:
        number = find_number(given.get(str(found.health_connect)), found.quantity)
        return joined if number is None else f"{joined}/{number}"
    return joined


def _names_package(given: JsonObject) -> bool:
    metadata = given.get("metadata")
    return isinstance(metadata, dict) and isinstance(metadata.get("dataOrigin"), dict)
