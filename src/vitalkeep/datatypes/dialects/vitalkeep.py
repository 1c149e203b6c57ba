"""Our own records as they are answered and exported, so that an export can be taken in again.

They carry `id` and `modified_at`, which are made anew, and `original`, which is kept.
"""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Final

from vitalkeep.datatypes.canonical import Measurement, Original, to_measurement
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.structs import KINDS, HealthRecord
from vitalkeep.datatypes.units import UNITS, to_stored

ANSWERED: Final = frozenset({"id", "modified_at", "original"})
"""Members that only answers carry."""
ROUNDING: Final = 1e-6
LONGEST_UNIT: Final = 64
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


def to_original(value: object, record: HealthRecord) -> Original:
    """What a value of a good record was converted from. Raises RecordRejected if it can't be."""
    if not isinstance(value, Mapping) or set(value) != {"value", "unit"}:
        raise RecordRejected("invalid", "/original", "must be an object of value and unit")
    number, unit = value["value"], value["unit"]
    if not isinstance(unit, str) or not 1 <= len(unit) <= LONGEST_UNIT or not unit.isprintable():
        raise RecordRejected("invalid", "/original/unit", "must be a UCUM unit")
    if isinstance(number, bool) or not isinstance(number, int | float) or not is_finite(number):
        raise RecordRejected("invalid", "/original/value", "must be a finite number")
    known = _UNITS.get(unit)
    for field in KINDS[type(record)].fields:
        stored = getattr(record, field.name)
        if field.quantity is None or not isinstance(stored, float):
            continue
        if known is None or known.quantity != field.quantity:
            raise RecordRejected("invalid", "/original/unit", f"must be a unit of {field.quantity}")
        if abs(to_stored(number, known) - stored) > ROUNDING:
            detail = f"does not convert to {field.name}"
            raise RecordRejected("invalid", "/original/value", detail)
    return number, unit


def is_finite(number: float) -> bool:
    """Whether a double can hold the number."""
    try:
        return isfinite(number)
    except OverflowError:
        return False
