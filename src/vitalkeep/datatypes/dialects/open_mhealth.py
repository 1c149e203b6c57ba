"""Data points of Open mHealth and of IEEE 1752.1, which grew out of it.

A point's header names the schema of its body. Which member of a body is which of our fields comes
from the descriptors; members this module does not know are passed over, so that newer minor
versions are understood. A statistic (an average, a maximum) is no measurement and is refused.

The header's id becomes the record's client id: it names the point in its sender's store, which is
no phone's store of health records. Distance has no schema in either collection.

Source: openmhealth/schemas, header 1.2 and data-point 1.0; IEEE 1752.1 header and data-point 1.0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from vitalkeep.datatypes.canonical import Measurement, Original, to_measurement
from vitalkeep.datatypes.descriptors import DataType, Field, JsonObject, OpenMHealthMember
from vitalkeep.datatypes.dialects.open_mhealth_sleep import SUMMARY, to_stages, to_total
from vitalkeep.datatypes.dialects.open_mhealth_values import Span, get_object, to_quantity, to_span
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.registry import TYPES

EXAMPLES: Final[Mapping[str, JsonObject]] = {
    t.name: dict(t.open_mhealth.example) for t in TYPES if t.open_mhealth is not None
}
"""One realistic data point per type of ours that has a schema."""

MODALITIES: Final = {"sensed": "automatically_recorded", "self-reported": "manual_entry"}
"""A header's words for how a value came about, and ours."""

_KINDS: Final = {
    schema: kind for kind in TYPES if kind.open_mhealth for schema in kind.open_mhealth.reads
}
_NAMES: Final = {schema.rpartition(":")[0] for schema in _KINDS}
_VERSION: Final = re.compile(r"([0-9]{1,4})(\.[0-9A-Za-z]{1,8}){0,3}")
_STATISTIC: Final = ("descriptive_statistic", "descriptive_statistic_denominator")


class _Schema(NamedTuple):
    kind: DataType
    name: str
    members: tuple[OpenMHealthMember, ...]


@dataclass(slots=True)
class _Reading:
    """The record as far as it is read; `places` has the sender's pointer for each of ours."""

    record: JsonObject
    places: dict[str, str] = field(default_factory=dict)
    original: Original | None = None


def measurement(obj: object, sender: str, now: datetime) -> Measurement:
    """What a data point tells, in its stored form. `sender` is its app, `now` is aware.

    Raises RecordRejected whose pointer leads into the data point.
    """
    reading = _read(obj, sender)
    try:
        return to_measurement(validate_record(reading.record), now, reading.original)
    except RecordRejected as refusal:
        pointer = _sender_pointer(reading.places, refusal.pointer)
        raise RecordRejected(refusal.code, pointer, refusal.detail) from None


def to_record(obj: object, sender: str) -> JsonObject:
    """The canonical record that a data point stands for, not yet validated.

    Raises RecordRejected for an unknown schema and for what can't be told in our terms.
    """
    return _read(obj, sender).record


def _read(obj: object, sender: str) -> _Reading:
    if not isinstance(obj, dict):
        raise RecordRejected("invalid", "", "must be an object")
    header = get_object(obj, "header", "")
    schema = _find_schema(header)
    body = get_object(obj, "body", "")
    _refuse_statistic(body)
    reading = _Reading({"type": schema.kind.name})
    span = to_span(body, "effective_time_frame", "/body")
    if schema.kind.shape == "stages":
        _put_span(reading, span)
        _put_sleep(reading, body, schema, span)
    elif schema.kind.shape == "series":
        _put_span(reading, span, may_be_moment=True)
        _put_sample(reading, body, schema, span)
    else:
        if schema.kind.shape == "interval":
            _put_span(reading, span)
        else:
            _put_time(reading, span)
        _put_members(reading, body, schema)
    _put_header(reading, header, sender)
    return reading


def _find_schema(header: JsonObject) -> _Schema:
    """The type by the schema's namespace, name and major version."""
    pointer = "/header/schema_id"
    given = get_object(header, "schema_id", "/header")
    named = f"{given.get('namespace')}:{given.get('name')}"
    if named not in _NAMES:
        known = ", ".join(sorted(_NAMES))
        detail = f"namespace and name must be one of {known}"
        raise RecordRejected("unknown_type", f"{pointer}/name", detail)
    version = given.get("version")
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    kind = None if match is None else _KINDS.get(f"{named}:{match[1]}")
    if kind is None or kind.open_mhealth is None:
        known = ", ".join(sorted(s.rpartition(":")[2] for s in _KINDS if s.startswith(named + ":")))
        detail = f"major version must be one of {known}"
        raise RecordRejected("unknown_type", f"{pointer}/version", detail)
    return _Schema(kind, named.partition(":")[2], kind.open_mhealth.members)


def _refuse_statistic(body: JsonObject) -> None:
    summary = body.get(SUMMARY)
    holders = [("/body", body)]
    if isinstance(summary, dict):
        holders.append((f"/body/{SUMMARY}", summary))
    for pointer, holder in holders:
        for name in _STATISTIC:
            if name in holder:
                detail = "must be left out: a statistic is no measurement, send what it was made of"
                raise RecordRejected("invalid", f"{pointer}/{name}", detail)


def _put_span(reading: _Reading, span: Span, *, may_be_moment: bool = False) -> None:
    if span.start_pointer == span.end_pointer and not may_be_moment:
        pointer = span.start_pointer.rpartition("/")[0]
        raise RecordRejected("invalid", pointer, "must be a time_interval for this type")
    reading.record |= {"start": span.start, "end": span.end}
    reading.places |= {"/start": span.start_pointer, "/end": span.end_pointer}


def _put_time(reading: _Reading, span: Span) -> None:
    """The moment of an instant; an interval will do if it has no length."""
    if span.start != span.end:
        detail = "must be a date_time for this type, or an interval without length"
        raise RecordRejected("invalid", "/body/effective_time_frame", detail)
    reading.record["time"] = span.start
    reading.places["/time"] = span.start_pointer


def _put_members(reading: _Reading, body: JsonObject, schema: _Schema) -> None:
    for member in schema.members:
        known = next(f for f in schema.kind.fields if f.name == member.field)
        pointer = f"/body/{member.member}"
        if member.member not in body:
            if known.required:
                raise RecordRejected("invalid", pointer, "is required")
        elif member.words:
            _put_choice(reading, body[member.member], member, known)
        else:
            number, converted = to_quantity(body[member.member], member, pointer)
            reading.record[member.field] = _whole(number) if known.kind == "integer" else number
            reading.original = converted or reading.original
            value_in = "/value" if isinstance(body[member.member], dict) else ""
            reading.places[f"/{member.field}"] = pointer + value_in


def _put_choice(reading: _Reading, value: object, member: OpenMHealthMember, known: Field) -> None:
    """The field by the sender's word; of several members that tell it the first counts."""
    if not isinstance(value, str) or known.choices is None:
        raise RecordRejected("invalid", f"/body/{member.member}", "must be text")
    told = dict(member.words).get(value)
    if told is not None or not member.partial:
        reading.record.setdefault(member.field, told or known.choices.values[0])


def _put_sample(reading: _Reading, body: JsonObject, schema: _Schema, span: Span) -> None:
    """A series of one sample, at the start of the interval that the value is told for.

    A fraction is rounded to the whole number that a sample has, and kept as the original.
    """
    (series,) = schema.kind.fields
    (member,) = schema.members
    pointer = f"/body/{member.member}"
    if member.member not in body:
        raise RecordRejected("invalid", pointer, "is required")
    number, _ = to_quantity(body[member.member], member, pointer)
    value = _whole(number)
    part = next(p for p in series.parts if p.name == member.field)
    if isinstance(value, float):
        value, reading.original = round(value), (value, part.unit or "")
    reading.record[series.name] = [{"time": span.start, part.name: value}]
    reading.places |= {
        f"/{series.name}": pointer,
        f"/{series.name}/0/time": span.start_pointer,
        f"/{series.name}/0/{part.name}": f"{pointer}/value",
    }


def _put_sleep(reading: _Reading, body: JsonObject, schema: _Schema, span: Span) -> None:
    stages, places = to_stages(body, schema.members)
    total = to_total(body, schema.name, span)
    reading.record["stages"] = stages
    reading.places |= places
    if not stages:
        reading.original = total


def _whole(value: float) -> float:
    """An integer for a whole number, as JSON does not tell the two apart."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _put_header(reading: _Reading, header: JsonObject, sender: str) -> None:
    """Who measured it and how; IEEE 1752.1 has the modality in the header itself."""
    name = "id" if "id" in header else "uuid"
    if name in header:
        reading.record["client_id"] = header[name]
        reading.places["/client_id"] = f"/header/{name}"
    provenance: JsonObject = {}
    pointer = "/header/acquisition_provenance"
    if "acquisition_provenance" in header:
        provenance = get_object(header, "acquisition_provenance", "/header")
    reading.record["origin"] = {"app": provenance.get("source_name", sender)}
    reading.places["/origin"] = f"{pointer}/source_name"
    holder, place = (header, "/header") if "modality" in header else (provenance, pointer)
    if "modality" in holder:
        modality = holder["modality"]
        if not isinstance(modality, str):
            raise RecordRejected("invalid", f"{place}/modality", "must be text")
        reading.record["recording_method"] = MODALITIES.get(modality, "unknown")


def _sender_pointer(places: dict[str, str], pointer: str) -> str:
    """The sender's pointer for the nearest thing at or above one of ours."""
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return places.get(pointer, "")
