"""Data points of the Google Health API v4 as our records.

One type has three spellings there: kebab case in paths, snake case in filters, camel case in JSON.
int64 is text, a type's number is an enumeration's name, and only some types have ids.
Blood pressure does not exist there.

Source: google.devicesandservices.health.v4, discovery revision 20261030.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from vitalkeep.datatypes.choices import (
    MEAL_TYPE,
    RELATION_TO_MEAL,
    SPECIMEN_SOURCE,
    TEMPERATURE_LOCATION,
)
from vitalkeep.datatypes.descriptors import Choices, DataType, Field, GoogleHealth, JsonObject
from vitalkeep.datatypes.dialects.google_health_points import (
    ECHOES,
    Moment,
    to_interval,
    to_point_source,
    to_sample_time,
)
from vitalkeep.datatypes.dialects.google_health_sleep import to_night
from vitalkeep.datatypes.dialects.google_hours import Beat, to_hours, to_rate
from vitalkeep.datatypes.dialects.google_points import (
    FIT,
    Draft,
    Outcome,
    Source,
    measure,
    name_by_times,
    settle,
    to_origin,
)
from vitalkeep.datatypes.dialects.google_values import (
    find_object,
    get_object,
    to_name,
    to_named,
    to_number,
    to_quantity,
    to_text,
)
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.datatypes.times import time_text

SUPPORTED: Final = frozenset(kind.name for kind in TYPES if kind.google_health is not None)
"""Names of our types that Google Health has."""

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_CHOICES: Final[dict[str, tuple[tuple[str, str, Choices, dict[str, str]], ...]]] = {
    "blood_glucose": (
        ("measurementTiming", "relation_to_meal", RELATION_TO_MEAL, {}),
        ("mealType", "meal_type", MEAL_TYPE, {}),
        ("specimen", "specimen_source", SPECIMEN_SOURCE, {}),
    ),
    "body_temperature": (
        ("measurementLocation", "measurement_location", TEMPERATURE_LOCATION, {"EAR_DRUM": "ear"}),
    ),
}
"""Theirs, ours, and words that differ by more than case."""


def path_name(type_name: str) -> str:
    """The name that a type has in paths, as `body-fat`. Raises KeyError for one not `SUPPORTED`."""
    return _theirs(type_name).data_type


def filter_for(type_name: str, start: datetime, end: datetime) -> str:
    """The filter for points that begin from `start` on and before `end`, both aware.

    Sleep can only be asked for by its end. Raises KeyError for a type not `SUPPORTED`.
    Source: AIP-160; users.dataTypes.dataPoints.list, filter.
    """
    name, shape = path_name(type_name).replace("-", "_"), BY_NAME[type_name].shape
    member = {"interval": "interval.start_time", "stages": "interval.end_time"}.get(
        shape, "sample_time.physical_time"
    )
    first, last = (time_text(each.astimezone(UTC), None) for each in (start, end))
    return f'{name}.{member} >= "{first}" AND {name}.{member} < "{last}"'


def is_pending(point: object) -> bool:
    """Whether a point is sleep whose stages are not there yet: fetch it again later."""
    return find_object(point, "sleep", "metadata").get("processed") is False


def read_points(
    type_name: str, points: Sequence[object], sender: str, now: datetime
) -> list[Outcome]:
    """The records of the points of a list, by time, then what was refused.

    `points` may come in any order, and more than once. Heart rates become a record per source and
    hour of UTC: give all points of an hour at once. A refusal's pointer leads into its point.
    `sender` is the app of points that tell none; `now` is aware.

    Raises KeyError for a type that is not `SUPPORTED`.
    """
    kind, key = BY_NAME[type_name], _json_name(type_name)
    if kind.shape == "series":
        return to_hours(_beats(key, points, sender), now, f"/{key}/sampleTime/physicalTime")
    return settle(_records(kind, key, points, sender, now))


def _theirs(type_name: str) -> GoogleHealth:
    theirs = BY_NAME[type_name].google_health
    if theirs is None:
        raise KeyError(type_name)
    return theirs


def _json_name(type_name: str) -> str:
    first, *others = path_name(type_name).split("-")
    return first + "".join(each.title() for each in others)


def _member(type_name: str) -> str:
    """The member of a type's object that holds the value."""
    return _theirs(type_name).value.partition(".")[2]


def _records(
    kind: DataType, key: str, points: Iterable[object], sender: str, now: datetime
) -> Iterator[Outcome]:
    for point in points:
        try:
            yield measure(_draft(kind, key, point, sender), now)
        except RecordRejected as refusal:
            yield refusal


def _beats(key: str, points: Iterable[object], sender: str) -> Iterator[Beat | RecordRejected]:
    for each in points:
        try:
            point = get_object(each, "")
            value = get_object(point.get(key), f"/{key}")
            moment = to_sample_time(value, f"/{key}")
            pointer = f"/{key}/{_member('heart_rate')}"
            rate = to_rate(to_number(value.get(_member("heart_rate")), pointer), pointer)
            yield Beat(to_point_source(point, sender), moment.time, moment.offset, rate)
        except RecordRejected as refusal:
            yield refusal


def _draft(kind: DataType, key: str, obj: object, sender: str) -> Draft:
    point = get_object(obj, "")
    value = get_object(point.get(key), f"/{key}")
    source = to_point_source(point, sender)
    start, end, places = _times(kind, value, f"/{key}")
    record: JsonObject = {"type": kind.name, "origin": to_origin(source)}
    if kind.shape == "instant":
        record["time"] = to_text(*start)
    else:
        record |= {"start": to_text(*start), "end": to_text(*end)}
    if source.method is not None:
        record["recording_method"] = source.method
    record |= _identity(point, value, source, (start, end))
    if kind.shape == "stages":
        return Draft({**record, "stages": to_night(value, start, end)}, None, places)
    field, pointer = kind.fields[0], f"/{key}/{_member(kind.name)}"
    number = to_number(value.get(_member(kind.name)), pointer)
    record[field.name], original = to_quantity(number, field, _unit(kind.name, field))
    for theirs, ours, choices, words in _CHOICES.get(kind.name, ()):
        if (word := to_named(value.get(theirs), choices, words)) is not None:
            record[ours] = word
    return Draft(record, original, {**places, f"/{field.name}": pointer})


def _unit(type_name: str, field: Field) -> str:
    return str(_theirs(type_name).unit or field.unit)


def _times(
    kind: DataType, value: JsonObject, pointer: str
) -> tuple[Moment, Moment, dict[str, str]]:
    if kind.shape == "instant":
        moment = to_sample_time(value, pointer)
        return moment, moment, {"/time": f"{pointer}/sampleTime/physicalTime"}
    pointer += "/interval"
    start, end = to_interval(find_object(value, "interval"), pointer)
    return start, end, {"/start": f"{pointer}/startTime", "/end": f"{pointer}/endTime"}


def _identity(
    point: JsonObject, value: JsonObject, source: Source, times: tuple[Moment, Moment]
) -> JsonObject:
    """What the record is called; nothing, for an echo that is one with a push only by its times.

    What a phone's store calls a record comes back as `externalId` (sleep) or `id` (temperature),
    where it comes back at all.
    """
    by_times = name_by_times(source, times[0].time, times[1].time)
    given = to_name(find_object(value, "metadata").get("externalId")) or to_name(value.get("id"))
    if source.platform not in ECHOES:
        name = point.get("name")
        last = name.rpartition("/")[2] if isinstance(name, str) else None
        return {"client_id": to_name(last) or by_times}
    if source.platform == FIT:
        return {"client_id": given or by_times}
    if given is None:
        return {}
    return {"platform_id" if _UUID.fullmatch(given) else "client_id": given}
