"""How HealthKit's bridges write single values: times and zones, quantities, categories."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from vitalkeep.datatypes import units
from vitalkeep.datatypes.canonical import Original
from vitalkeep.datatypes.descriptors import Field, JsonObject
from vitalkeep.datatypes.dialects.health_connect_values import is_absent, to_whole
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.times import time_text, to_instant
from vitalkeep.datatypes.wire import TIME_PATTERN

_TIME: Final = re.compile(TIME_PATTERN)
_OFFSET_WITHOUT_COLON: Final = re.compile(r"(.*[+-][0-9]{2})([0-9]{2})")
_FIXED_ZONE: Final = re.compile(r"GMT([+-])([0-9]{2})([0-9]{2})")


def to_time(sample: JsonObject, name: str, zone: object) -> object:
    """The instant as local time in `zone`; as it was sent where there is no such zone.

    The zone (HKTimeZone) is where the sample was made. It also wins over a numeric offset, which
    tells where the phone was when the bridge wrote the text; the instant stays the same.

    Raises RecordRejected for a date that does not exist.
    Source: HealthKit, HKMetadataKeyTimeZone.
    """
    text = sample.get(name)
    if not isinstance(text, str):
        return text
    bare = _OFFSET_WITHOUT_COLON.fullmatch(text)
    text = f"{bare[1]}:{bare[2]}" if bare else text
    if not _TIME.fullmatch(text):
        return text
    moment = to_instant(text, name)
    offset = zone_offset(zone, moment)
    try:
        return text if offset is None else time_text(moment, offset)
    except OverflowError:
        return text


def zone_offset(zone: object, moment: datetime) -> int | None:
    """Minutes east of UTC in an IANA zone, or in a fixed one as `GMT+0900`, at that instant.

    None for what is no zone: an app's metadata are not in the hands of who sends them.
    """
    if not isinstance(zone, str):
        return None
    if fixed := _FIXED_ZONE.fullmatch(zone):
        minutes = int(fixed[2]) * 60 + int(fixed[3])
        return -minutes if fixed[1] == "-" else minutes
    found = _find_zone(zone)
    try:
        offset = None if found is None else moment.astimezone(found).utcoffset()
    except OverflowError:
        return None
    return None if offset is None else int(offset.total_seconds() / 60)


@lru_cache(maxsize=1024)
def _find_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no path below the data, a directory
        return None


def to_quantity(sample: JsonObject, field: Field, pointer: str) -> tuple[object, Original | None]:
    """The sample's value in the field's stored unit, and what it was converted from, if it was.

    Whole fields are rounded. `pointer` leads to the sample.

    Raises RecordRejected where no unit is declared, or one that this quantity does not have.
    """
    member, place = find_value(sample, pointer)
    number, text = member, sample.get("unit")
    unit_place = pointer + "/unit"
    if isinstance(member, dict):
        found = (member.get(key) for key in ("value", "doubleValue", "quantity"))
        number = next((value for value in found if not is_absent(value)), None)
        if "unit" in member:
            text, unit_place = member["unit"], place + "/unit"
    quantity = units.get_ucum(str(field.unit)).quantity
    unit = units.find_healthkit(quantity, text)
    if unit is None:
        names = ", ".join(units.HEALTHKIT[quantity])
        raise RecordRejected("invalid", unit_place, f"must declare the unit, one of {names}")
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise RecordRejected("invalid", place, "must be a number")
    return _converted(number, unit, field, place)


def find_value(sample: JsonObject, pointer: str) -> tuple[object, str]:
    """What a sample measured, and the pointer to it: `quantity`, which some bridges call `value`.

    `pointer` leads to the sample.
    """
    key = "value" if is_absent(sample.get("quantity")) and "value" in sample else "quantity"
    return sample.get(key), f"{pointer}/{key}"


def _converted(
    number: float, unit: units.Unit, field: Field, place: str
) -> tuple[object, Original | None]:
    try:
        value, given = units.to_stored(number, unit), float(number)
        stored: float = math.floor(value + 0.5) if field.kind == "integer" else value
    except (OverflowError, ValueError):  # too large for a double, infinite, no number
        raise RecordRejected("out_of_range", place, "must be a finite number") from None
    changed = not units.is_stored(unit) or stored != value
    return stored, (given, unit.ucum) if changed else None


def to_stage(value: object, stages: Mapping[int | str, str | None], pointer: str) -> str | None:
    """The stage that a category's number or name stands for; of a later number it is unknown.

    Raises RecordRejected for anything else.
    """
    whole = to_whole(value)
    if type(whole) is int:
        return stages.get(whole, "unknown")
    name = whole.lower() if isinstance(whole, str) else ""
    if name not in stages:
        raise RecordRejected("invalid", pointer, "must be one of HealthKit's category values")
    return stages[name]
