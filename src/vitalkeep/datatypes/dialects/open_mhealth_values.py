"""How Open mHealth and IEEE 1752.1 write single values: numbers with units, durations, times.

Source: openmhealth/schemas, the unit-value schemas, date-time, time-frame and time-interval; the
IEEE 1752.1 schemas of the same names.
"""

import math
import re
from datetime import timedelta
from typing import Final, NamedTuple, TypeGuard

from vitalkeep.datatypes import units
from vitalkeep.datatypes.canonical import Original
from vitalkeep.datatypes.descriptors import JsonObject, OpenMHealthMember
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.times import offset_minutes, time_text, to_instant
from vitalkeep.datatypes.wire import TIME_PATTERN

UCUM: Final = {
    "kg": "kg",
    "g": "g",
    "mg": "mg",
    "ug": "ug",
    "lb": "[lb_av]",
    "oz": "[oz_av]",
    "C": "Cel",
    "F": "[degF]",
    "K": "K",
    "mmHg": "mm[Hg]",
    "mmol/L": "mmol/L",
    "mg/dL": "mg/dL",
    "%": "%",
    "beats/min": "/min",
}
"""Open mHealth's words for units, and the UCUM code of each."""

DURATIONS: Final = {
    "ps": ("ps", 1e-6),
    "ns": ("ns", 1e-3),
    "us": ("us", 1.0),
    "ms": ("ms", 1e3),
    "sec": ("s", 1e6),
    "min": ("min", 60e6),
    "h": ("h", 3600e6),
    "d": ("d", 86400e6),
    "wk": ("wk", 604800e6),
}
"""Words for units of duration, with the UCUM code and the microseconds in one of each.

Months and years (`Mo`, `yr`) have no fixed length and are no units here.
"""

_TIME: Final = re.compile(TIME_PATTERN)
_WITHOUT_ZONE: Final = re.compile(r"[0-9-]{10}T[0-9:]{8}(\.[0-9]{1,9})?")
_TIME_DETAIL: Final = "must be an RFC 3339 time with offset, as 2026-11-20T07:00:00+09:00"
_INTERVAL_DETAIL: Final = (
    "must have start_date_time and end_date_time, or one of them and a duration"
)


class Span(NamedTuple):
    """When something was: the texts of its start and end, and pointers to what told them."""

    start: str
    end: str
    start_pointer: str
    end_pointer: str


def get_object(holder: JsonObject, name: str, pointer: str) -> JsonObject:
    """The object that is a member of another, which stands at `pointer`. Raises RecordRejected."""
    value = holder.get(name)
    if not isinstance(value, dict):
        detail = "must be an object" if name in holder else "is required"
        raise RecordRejected("invalid", f"{pointer}/{name}", detail)
    return value


def to_quantity(
    value: object, member: OpenMHealthMember, pointer: str
) -> tuple[float, Original | None]:
    """The number in the stored unit, and the value and UCUM unit it was converted from, if it was.

    Raises RecordRejected where no unit is declared, or one that this member can't have.
    """
    if member.bare and _is_number(value):
        return value, None
    stored = member.unit or ""
    number, word = to_number(value, list_words(stored), pointer)
    unit = units.get_ucum(UCUM[word]) if word in UCUM else None
    if unit is None or units.is_stored(unit):
        return number, None
    try:
        return units.to_stored(number, unit), (float(number), unit.ucum)
    except OverflowError:
        detail = "must be a finite number"
        raise RecordRejected("out_of_range", f"{pointer}/value", detail) from None


def list_words(word: str) -> tuple[str, ...]:
    """The words for every unit of the quantity that has a unit called `word`, that one first."""
    if word not in UCUM:
        return (word,)
    quantity = units.get_ucum(UCUM[word]).quantity
    same = [each for each, code in UCUM.items() if units.get_ucum(code).quantity == quantity]
    return (word, *(each for each in same if each != word))


def to_number(value: object, words: tuple[str, ...], pointer: str) -> tuple[float, str]:
    """The number and the declared unit of `{"value", "unit"}`. Raises RecordRejected."""
    names = ", ".join(words)
    if not isinstance(value, dict):
        detail = f"must be an object of value and unit, unit one of {names}"
        raise RecordRejected("invalid", pointer, detail)
    word = value.get("unit")
    if not isinstance(word, str) or word not in words:
        raise RecordRejected("invalid", f"{pointer}/unit", f"must be one of {names}")
    number = value.get("value")
    if not _is_number(number):
        raise RecordRejected("invalid", f"{pointer}/value", "must be a number")
    if isinstance(number, float) and not math.isfinite(number):
        raise RecordRejected("out_of_range", f"{pointer}/value", "must be a finite number")
    return number, word


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_duration(value: object, pointer: str) -> tuple[timedelta, Original]:
    """A length of time to the microsecond, and its value and UCUM unit. Raises RecordRejected."""
    number, word = to_number(value, tuple(DURATIONS), pointer)
    code, microseconds = DURATIONS[word]
    try:
        length = timedelta(microseconds=round(number * microseconds))
    except OverflowError:
        length = timedelta(-1)
    if length < timedelta():
        detail = "must be a length of time that is not negative"
        raise RecordRejected("out_of_range", f"{pointer}/value", detail)
    return length, (float(number), code)


def to_time(value: object, pointer: str) -> str:
    """The time as the wire has it; without an offset it is UTC, its local offset unknown."""
    if isinstance(value, str) and _WITHOUT_ZONE.fullmatch(value):
        value += "Z"
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise RecordRejected("invalid", pointer, _TIME_DETAIL)
    return value


def to_span(holder: JsonObject, name: str, pointer: str) -> Span:
    """The time frame that is a member of an object at `pointer`: a moment, or an interval.

    A moment is a span that starts and ends there. Raises RecordRejected.
    """
    frame = get_object(holder, name, pointer)
    pointer = f"{pointer}/{name}"
    if "time_interval" in frame:
        return to_interval(get_object(frame, "time_interval", pointer), f"{pointer}/time_interval")
    if "date_time" not in frame:
        raise RecordRejected("invalid", pointer, "must have a date_time or a time_interval")
    pointer += "/date_time"
    moment = to_time(frame["date_time"], pointer)
    return Span(moment, moment, pointer, pointer)


def to_interval(interval: JsonObject, pointer: str) -> Span:
    """The interval at `pointer`; of start, end and duration the first two count.

    Raises RecordRejected for a part of a day, too: a morning has no start.
    """
    start, end, length = (
        f"{pointer}/{n}" for n in ("start_date_time", "end_date_time", "duration")
    )
    begun = ended = None
    if "start_date_time" in interval:
        begun = to_time(interval["start_date_time"], start)
    if "end_date_time" in interval:
        ended = to_time(interval["end_date_time"], end)
    if begun is not None and ended is not None:
        return Span(begun, ended, start, end)
    if "duration" in interval:
        duration, _ = to_duration(interval["duration"], length)
        if begun is not None:
            return Span(begun, _moved(begun, duration, start, length), start, length)
        if ended is not None:
            return Span(_moved(ended, -duration, end, length), ended, length, end)
    if "part_of_day" in interval:
        raise RecordRejected("invalid", f"{pointer}/part_of_day", _INTERVAL_DETAIL)
    raise RecordRejected("invalid", pointer, _INTERVAL_DETAIL)


def _moved(text: str, by: timedelta, pointer: str, length: str) -> str:
    """The time `by` later, told at the same offset."""
    moment = to_instant(text, *pointer.split("/")[1:])
    try:
        return time_text(moment + by, offset_minutes(text))
    except OverflowError:
        detail = "must not lead beyond the calendar"
        raise RecordRejected("out_of_range", f"{length}/value", detail) from None
