"""Our own records as they are answered and exported, so that an export can be taken in again.

They carry `id` and `modified_at`, which are made anew, and `original`, which is kept.
"""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Final

from vitalkeep.datatypes.canonical import Measurement, Original, to_measurement
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.datatypes.units import UNITS, to_stored

ANSWERED: Final = frozenset({"id", "modified_at", "original"})
"""Members that only answers carry."""
ROUNDING: Final = 1e-6
_UNITS: Final = {unit.ucum: unit for unit in UNITS}


def measurement(obj: object, _sender: str, now: datetime) -> Measurement:
    """A record of ours in its stored form, with or without what answers add. `now` is aware.

    Raises RecordRejected.
    """
    if not isinstance(obj, dict):
        return to_measurement(validate_record(obj), now)
    given = {name: value for name, value in obj.items() if name not in ANSWERED}
    record = validate_record(given)
    original = to_original(obj["original"], record) if "original" in obj else None
    return to_measurement(record, now, original)


def to_original(value: object, record: JsonObject) -> Original:
    """What a valid record's quantity was converted from. Raises RecordRejected if it can't be."""
    if not isinstance(value, Mapping) or set(value) != {"value", "unit"}:
        raise RecordRejected("invalid", "/original", "must be an object of value and unit")
    number, unit = value["value"], _UNITS.get(value["unit"]) if is_text(value["unit"]) else None
    if unit is None:
        raise RecordRejected("invalid", "/original/unit", "must be a UCUM unit that is known here")
    if isinstance(number, bool) or not isinstance(number, int | float) or not is_finite(number):
        raise RecordRejected("invalid", "/original/value", "must be a finite number")
    for field in BY_NAME[str(record["type"])].fields:
        stored = record.get(field.name)
        converted = field.quantity == unit.quantity and isinstance(stored, int | float)
        if converted and abs(to_stored(number, unit) - float(str(stored))) > ROUNDING:
            detail = f"does not convert to {field.name}"
            raise RecordRejected("invalid", "/original/value", detail)
    return number, unit.ucum


def is_text(value: object) -> bool:
    """Whether it is text."""
    return isinstance(value, str)


def is_finite(number: float) -> bool:
    """Whether a double can hold the number."""
    try:
        return isfinite(number)
    except OverflowError:
        return False
