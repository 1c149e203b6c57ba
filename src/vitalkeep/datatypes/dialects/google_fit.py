"""Data points and sessions of Google Fit's REST API as our records.

Fit has no ids of points and no local offsets, prints 32-bit floats as 64-bit ones, and has
nanoseconds as text: they are read exactly, and what is below the microsecond is cut off.
`original` tells a quantity's unit only, so an enumeration's number that can't be trusted is lost:
a meal is `unknown`, since two of Google's tables number them differently.

Source: Fitness API v1 discovery document; developers.google.com/fit/datatypes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from vitalkeep.datatypes.descriptors import DataType, Field, JsonObject
from vitalkeep.datatypes.dialects.google_fit_points import (
    data_type_of,
    find_number,
    require_point,
    to_point_source,
    to_times,
)
from vitalkeep.datatypes.dialects.google_fit_sleep import ACTIVITY_SEGMENTS, draft_session
from vitalkeep.datatypes.dialects.google_fit_streams import pick_stream
from vitalkeep.datatypes.dialects.google_hours import Beat, to_hours, to_rate
from vitalkeep.datatypes.dialects.google_points import (
    Draft,
    Outcome,
    measure,
    name_by_times,
    settle,
    to_origin,
)
from vitalkeep.datatypes.dialects.google_values import (
    to_number,
    to_numbered,
    to_quantity,
    to_text,
)
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.registry import BY_NAME, TYPES

SUPPORTED: Final = frozenset(kind.name for kind in TYPES if kind.google_fit is not None)
"""Names of our types that Fit has; sleep is read by session, the others by point."""

_FIELDS: Final = {
    "steps": "count",
    "distance": "meters",
    "weight": "kilograms",
    "percentage": "percent",
    "systolic": "systolic_mmhg",
    "diastolic": "diastolic_mmhg",
    "body_position": "body_position",
    "blood_pressure_measurement_location": "measurement_location",
    "blood_glucose_level": "millimoles_per_liter",
    "temporal_relation_to_meal": "relation_to_meal",
    "meal_type": "meal_type",
    "blood_glucose_specimen_source": "specimen_source",
    "body_temperature": "celsius",
    "body_temperature_measurement_location": "measurement_location",
    "oxygen_saturation": "percent",
}
_UNTRUSTED: Final = "meal_type"


def pick_source(type_name: str, data_sources: Sequence[object]) -> str | None:
    """The `dataStreamId` to read for a type, None where nobody has written any of it.

    `data_sources` is the `dataSource` of an answer to GET dataSources. Google's merged stream is
    preferred (for steps the one that its app shows), then a raw one, of a device if there is one.
    For sleep it is the stream of segments, old ones if there are no others.
    """
    kind = BY_NAME[type_name]
    picked = pick_stream(data_type_of(kind), data_sources)
    if picked is None and kind.shape == "stages":
        return pick_stream(ACTIVITY_SEGMENTS, data_sources)
    return picked


def read_points(
    type_name: str,
    points: Sequence[object],
    sender: str,
    now: datetime,
    *,
    stream: str | None = None,
) -> list[Outcome]:
    """The records of points of a type other than sleep, by time, then what was refused.

    `points` may come in any order, and more than once. Heart rates become a record per source and
    hour of UTC: give all points of an hour at once. A refusal's pointer leads into its point.
    `sender` is the app of points whose stream tells none; `stream` is the one that was read, for
    points that don't name the one they are from. `now` is aware.
    """
    kind = BY_NAME[type_name]
    if kind.shape == "stages":
        raise ValueError("read sleep by session, with read_session")
    if kind.shape == "series":
        return to_hours(_beats(kind, points, sender, stream), now, "/endTimeNanos")
    return settle(_records(kind, points, sender, stream, now))


def read_session(
    session: object, segments: Sequence[object], sender: str, now: datetime
) -> Outcome:
    """The night or nap of a session, with the stages that points tell of it.

    `segments` are points of com.google.sleep.segment or, for old nights, of
    com.google.activity.segment; those of the session's own app are preferred, and what lies outside
    or can't be read is passed over.
    `sender` is the app of a session that tells none; `now` is aware.
    """
    try:
        return measure(draft_session(session, segments, sender), now)
    except RecordRejected as refusal:
        return refusal


def _records(
    kind: DataType, points: Iterable[object], sender: str, stream: str | None, now: datetime
) -> Iterator[Outcome]:
    for point in points:
        try:
            yield measure(_draft(kind, point, sender, stream), now)
        except RecordRejected as refusal:
            yield refusal


def _beats(
    kind: DataType, points: Iterable[object], sender: str, stream: str | None
) -> Iterator[Beat | RecordRejected]:
    for each in points:
        try:
            point = require_point(kind, each)
            _, end = to_times(point, instant=True)
            number, pointer = find_number(point, 0)
            if number is None:
                raise RecordRejected("invalid", pointer, "is required")
            rate = to_rate(to_number(number, pointer), pointer)
            yield Beat(to_point_source(point, sender, stream), end, None, rate)
        except RecordRejected as refusal:
            yield refusal


def _draft(kind: DataType, obj: object, sender: str, stream: str | None) -> Draft:
    point = require_point(kind, obj)
    source = to_point_source(point, sender, stream)
    instant = kind.shape == "instant"
    start, end = to_times(point, instant=instant)
    record: JsonObject = {"type": kind.name, "client_id": name_by_times(source, start, end)}
    record |= {"time": to_text(end, None)} if instant else _span(start, end)
    places = {"/time": "/endTimeNanos", "/start": "/startTimeNanos", "/end": "/endTimeNanos"}
    original = None
    fields = {field.name: field for field in kind.fields}
    for index, name in enumerate(kind.google_fit.values if kind.google_fit is not None else ()):
        field = fields.get(_FIELDS.get(name, ""))
        if field is None:
            continue
        number, pointer = find_number(point, index)
        places["/" + field.name] = pointer
        if field.choices is not None:
            if number is not None:
                record[field.name] = _choice(number, pointer, field)
            continue
        if number is None:
            raise RecordRejected("invalid", pointer, "is required")
        record[field.name], converted = to_quantity(
            to_number(number, pointer), field, str(field.unit)
        )
        original = converted or original
    record["origin"] = to_origin(source)
    if source.method is not None:
        record["recording_method"] = source.method
    return Draft(record, original, places)


def _choice(number: object, pointer: str, field: Field) -> str:
    value = to_number(number, pointer)
    if field.choices is None or field.name == _UNTRUSTED or int(value) != value:
        return "unknown"
    return to_numbered(int(value), field.choices)


def _span(start: int, end: int) -> JsonObject:
    return {"start": to_text(start, None), "end": to_text(end, None)}
