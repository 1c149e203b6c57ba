"""HealthKit samples as bridges hand them over: quantities, categories, correlations.

Which identifier, metadata key and number is what of ours comes from the descriptors. Members this
module does not know are passed over. A sample of sleep is a fragment: HealthKit has no session.
The time of an instant is the sample's start: that is when it was taken, whatever its length.

Source: HealthKit, HKSample and its metadata keys; react-native-healthkit, src/types.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from vitalkeep.datatypes.canonical import Measurement, Original, to_measurement
from vitalkeep.datatypes.common import list_times
from vitalkeep.datatypes.descriptors import DataType, Field, JsonObject
from vitalkeep.datatypes.dialects.health_connect_values import is_absent, to_whole
from vitalkeep.datatypes.dialects.healthkit_values import (
    find_value,
    to_quantity,
    to_stage,
    to_time,
)
from vitalkeep.datatypes.fragments import LONGEST_SAMPLE, Fragment
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.registry import TYPES

EXAMPLES: Final[Mapping[str, JsonObject]] = {t.name: dict(t.healthkit.example) for t in TYPES}
"""One realistic HealthKit sample per type of ours."""
CHANGES: Final = ("samples", None)
"""Where an anchored query's result holds its samples, and under what each of them stands."""
DELETIONS: Final = ("deletedSamples", "uuid")
"""Where an anchored query's result holds its deletions, and what each is called by."""

_TYPE_KEYS: Final = ("quantityType", "categoryType", "correlationType", "sampleType", "type")
_FRACTION: Final = "; HealthKit's % is a fraction: 0.965 stands for 96.5 percent"


class _Translated(NamedTuple):
    """A record in our terms, and for pointers into it those into what was sent."""

    record: JsonObject
    original: Original | None
    places: dict[str, str]


def _spell(identifier: str) -> tuple[str, str, str]:
    """How bridges write an identifier: whole, without `HK`, and without what kind it is of."""
    return identifier, identifier.removeprefix("HK"), identifier.partition("Identifier")[2]


_KINDS: Final = {name: kind for kind in TYPES for name in _spell(kind.healthkit.identifier)}
_PARTS: Final = {
    name: (kind, index)
    for kind in TYPES
    for index, part in enumerate(kind.healthkit.parts)
    for name in _spell(part)
}


def measurement(obj: object, sender: str, now: datetime) -> Measurement | Fragment:
    """What a phone sent, in its stored form. `sender` is the app that sent it, `now` is aware.

    Raises RecordRejected whose pointer leads into what the phone sent.
    """
    given, kind = _require_sample(obj)
    translated = _translate(given, kind, sender)
    try:
        record = validate_record(translated.record)
        measured = to_measurement(record, now, translated.original)
    except RecordRejected as refusal:
        detail = refusal.detail
        if refusal.code == "out_of_range" and kind.healthkit.unit == "1":
            detail += _FRACTION
        pointer = _sender_pointer(translated.places, refusal.pointer)
        raise RecordRejected(refusal.code, pointer, detail) from None
    if kind.healthkit.values is None:
        return measured
    if measured.end - measured.start > LONGEST_SAMPLE:
        detail = f"must not be more than {LONGEST_SAMPLE.days} days after the start"
        raise RecordRejected("out_of_range", "/endDate", detail)
    stage = to_stage(given.get("value"), kind.healthkit.values, "/value")
    method = translated.record.get("recording_method")
    return Fragment(measured, stage, None if method is None else str(method))


def _require_sample(obj: object) -> tuple[JsonObject, DataType]:
    if not isinstance(obj, dict):
        raise RecordRejected("invalid", "", "must be an object")
    key = next((key for key in _TYPE_KEYS if not is_absent(obj.get(key))), _TYPE_KEYS[0])
    name, pointer = _type_name(obj, key)
    kind = _KINDS.get(name)
    if kind is None and name in _PARTS:
        joined = _PARTS[name][0].healthkit.identifier
        raise RecordRejected("invalid", pointer, f"must come inside its correlation, {joined}")
    if kind is None:
        known = ", ".join(t.healthkit.identifier for t in TYPES)
        raise RecordRejected("unknown_type", pointer, f"must be one of {known}")
    return obj, kind


def _type_name(sample: JsonObject, key: str) -> tuple[str, str]:
    """A sample's identifier, empty for none, and the pointer to it."""
    name, pointer = sample.get(key), "/" + key
    if isinstance(name, dict):
        name, pointer = name.get("identifier"), pointer + "/identifier"
    return name if isinstance(name, str) else "", pointer


def _translate(given: JsonObject, kind: DataType, sender: str) -> _Translated:
    metadata = _require_object(given, "metadata")
    record: JsonObject = {"type": kind.name}
    places = {"/time": "/startDate", "/start": "/startDate", "/end": "/endDate"}
    times = [to_time(given, name, metadata.get("HKTimeZone")) for name in ("startDate", "endDate")]
    start, end = times[0], times[1]
    if is_absent(end) and kind.shape == "series":
        end = start
    for field, time in zip(list_times(kind), (start, end), strict=False):
        _put(record, field.name, time)
    original = _add_values(record, given, kind, places)
    for choice in kind.healthkit.choices:
        number = to_whole(metadata.get(choice.key))
        if not is_absent(number):
            known = type(number) is int and number in choice.names
            record[choice.field] = choice.names[number] if known else "unknown"  # type: ignore[index]
    _add_identity(record, given, metadata, places)
    record["origin"] = _origin(given, sender, places)
    return _Translated(record, original, places)


def _add_values(
    record: JsonObject, given: JsonObject, kind: DataType, places: dict[str, str]
) -> Original | None:
    """Adds what was measured; what it was converted from."""
    if kind.shape == "stages":
        record["stages"] = []
        return None
    if kind.healthkit.parts:
        for field, (part, pointer) in zip(kind.fields, _find_parts(given, kind), strict=False):
            record[field.name], _ = to_quantity(part, field, pointer)
            places["/" + field.name] = find_value(part, pointer)[1]
        return None
    field = kind.fields[0]
    pointer = find_value(given, "")[1]
    places["/" + field.name] = pointer
    if kind.shape != "series":
        record[field.name], original = to_quantity(given, field, "")
        return original
    time, measured = field.parts
    sample: JsonObject = {}
    _put(sample, time.name, record.get("start"))
    sample[measured.name], original = to_quantity(given, measured, "")
    record[field.name] = [sample]
    places[f"/{field.name}/0/{time.name}"] = "/startDate"
    return original


def _find_parts(given: JsonObject, kind: DataType) -> list[tuple[JsonObject, str]]:
    """The samples that a correlation joins, in the order of the type's fields.

    They stand in `objects`, or under `systolic` and `diastolic`. Raises RecordRejected when one is
    missing.
    """
    found: dict[int, tuple[JsonObject, str]] = {}
    listed = given.get("objects")
    for index, part in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(part, dict):
            names = [_type_name(part, key)[0] for key in _TYPE_KEYS]
            place = next((_PARTS[name] for name in names if name in _PARTS), None)
            if place is not None and place[0] is kind:
                found.setdefault(place[1], (part, f"/objects/{index}"))
    for index in range(len(kind.healthkit.parts)):
        key = _short_name(kind.fields[index])
        if isinstance(part := given.get(key), dict):
            found.setdefault(index, (part, "/" + key))
    if len(found) < len(kind.healthkit.parts):
        needed = " and ".join(kind.healthkit.parts)
        raise RecordRejected("invalid", "/objects", f"must hold {needed}")
    return [found[index] for index in sorted(found)]


def _short_name(field: Field) -> str:
    return field.name.partition("_")[0]


def _add_identity(
    record: JsonObject, given: JsonObject, metadata: JsonObject, places: dict[str, str]
) -> None:
    """Adds what the sample is called and who entered it."""
    _put(record, "platform_id", given.get("uuid"))
    places["/platform_id"] = "/uuid"
    if not is_absent(name := metadata.get("HKSyncIdentifier")):
        record["client_id"] = name
        _put(record, "client_version", to_whole(metadata.get("HKSyncVersion")))
    places["/client_id"] = "/metadata/HKSyncIdentifier"
    places["/client_version"] = "/metadata/HKSyncVersion"
    if metadata.get("HKWasUserEntered") in (True, 1):
        record["recording_method"] = "manual_entry"


def _origin(given: JsonObject, sender: str, places: dict[str, str]) -> JsonObject:
    revision = _require_object(given, "sourceRevision")
    app, places["/origin/app"] = _find_app(given, revision)
    origin: JsonObject = {"app": sender if is_absent(app) else app}
    product = revision.get("productType")
    device: JsonObject = {}
    named = given.get("device")
    given_device: JsonObject = {"model": named} if isinstance(named, str) else {}
    if isinstance(named, dict):
        given_device = named
    if (form := _device_type(product, given_device)) is not None:
        device["type"] = form
    _put(device, "manufacturer", given_device.get("manufacturer"))
    _put(device, "model", given_device.get("model") if given_device else product)
    places["/origin/device"] = "/device"
    places["/origin/device/model"] = (
        "/device/model" if given_device else "/sourceRevision/productType"
    )
    if device:
        origin["device"] = device
    return origin


def _find_app(given: JsonObject, revision: JsonObject) -> tuple[object, str]:
    """The bundle identifier of the app that wrote the sample, and the pointer to it."""
    for holder, pointer in ((revision, "/sourceRevision/source"), (given, "/source")):
        source = holder.get("source")
        if isinstance(source, dict):
            source, pointer = source.get("bundleIdentifier"), pointer + "/bundleIdentifier"
        if not is_absent(source):
            return source, pointer
    return given.get("sourceId"), "/sourceId"


def _device_type(product: object, device: JsonObject) -> str | None:
    """What the sample was taken with, as far as Apple's product names tell.

    An app on the phone may have it from a scale or a cuff: then `device` is not the phone.
    """
    names = [device.get("hardwareVersion"), device.get("model"), product]
    known = [name for name in names if isinstance(name, str) and name]
    if any(name.startswith("Watch") and name[5:6] in ("", *"0123456789") for name in known):
        return "watch"
    return "phone" if known and known[0].startswith("iPhone") else None


def _require_object(given: JsonObject, name: str) -> JsonObject:
    value = given.get(name)
    if is_absent(value):
        return {}
    if not isinstance(value, dict):
        raise RecordRejected("invalid", "/" + name, "must be an object")
    return value


def _put(record: JsonObject, name: str, value: object) -> None:
    if not is_absent(value):
        record[name] = value


def _sender_pointer(places: dict[str, str], pointer: str) -> str:
    """The pointer into the sender's sample for one into our record."""
    begun = pointer
    while begun and begun not in places:
        begun = begun.rpartition("/")[0]
    if not begun:
        return ""
    rest = pointer[len(begun) :]
    return places[begun] + (rest if begun == "/origin/device" else "")
