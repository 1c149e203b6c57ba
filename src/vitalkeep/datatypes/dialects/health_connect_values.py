"""How Health Connect's JSON writes single values: quantities, offsets, enumerations, numbers."""

import re
from typing import Final

from vitalkeep.datatypes import units
from vitalkeep.datatypes.canonical import Original
from vitalkeep.datatypes.descriptors import Choices, Quantity
from vitalkeep.datatypes.records import RecordRejected

_OFFSET: Final = re.compile(r"([+-])([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2}))?)?")
_MAX_OFFSET_S: Final = 18 * 3600
_OFFSET_DETAIL: Final = "must be null, {id, totalSeconds} or text as +09:00, within 18 hours"


def is_absent(value: object) -> bool:
    """Whether a phone means nothing by it: null and empty text stand for what it doesn't know."""
    return value is None or value == ""


def to_whole(value: object) -> object:
    """An integer for a whole JavaScript number (812.0); anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def to_choice(value: object, choices: Choices, pointer: str) -> str:
    """The name of an enumeration's integer; one that a later SDK added is `unknown`.

    Raises RecordRejected for anything but a whole number.
    """
    number = to_whole(value)
    if type(number) is not int:
        raise RecordRejected("invalid", pointer, "must be one of Health Connect's whole numbers")
    known = 0 <= number < len(choices.values)
    return choices.values[number] if known else choices.values[0]


def to_quantity(value: object, quantity: Quantity, pointer: str) -> tuple[object, Original | None]:
    """The value in its stored unit, and the value and UCUM unit it was converted from, if it was.

    Raises RecordRejected where no unit is declared, or one that this quantity does not have.
    """
    known = units.list_units(quantity)
    names = ", ".join(unit.name for unit in known)
    if not isinstance(value, dict):
        detail = f"must declare its unit, as value and unit, unit one of {names}"
        raise RecordRejected("invalid", pointer, detail)
    member = find_number(value, quantity)
    if member is None:
        raise RecordRejected("invalid", pointer, f"must be in one of {names}")
    unit = next((u for u in known if member == _read_name(u)), None)
    if unit is None:
        unit = units.find_unit(quantity, value.get("unit"))
    if unit is None:
        raise RecordRejected("invalid", f"{pointer}/unit", f"must be one of {names}")
    return _converted(value.get(member), unit, f"{pointer}/{member}")


def find_number(value: object, quantity: Quantity) -> str | None:
    """The member of a quantity that holds the number to take: `value`, or one that names its unit.

    Of several units that is the stored one.
    """
    if not isinstance(value, dict):
        return None
    if "unit" in value or "value" in value:
        return "value"
    named = (_read_name(unit) for unit in units.list_units(quantity))
    return next((name for name in named if not is_absent(value.get(name))), None)


def _read_name(unit: units.Unit) -> str:
    return "in" + unit.name[0].upper() + unit.name[1:]


def _converted(number: object, unit: units.Unit, pointer: str) -> tuple[object, Original | None]:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise RecordRejected("invalid", pointer, "must be a number")
    if units.is_stored(unit):
        return number, None
    try:
        return units.to_stored(number, unit), (float(number), unit.ucum)
    except OverflowError:
        raise RecordRejected("out_of_range", pointer, "must be a finite number") from None


def to_offset(value: object, pointer: str) -> int | None:
    """Minutes east of UTC, None when unknown; seconds, which RFC 3339 can't write, are cut off.

    `Z` is Java's id of the offset zero, so here it says that the offset is known.

    Raises RecordRejected for anything that is no offset within 18 hours.
    """
    if isinstance(value, dict):
        seconds = to_whole(value.get("totalSeconds"))
        value = value.get("id") if is_absent(seconds) else seconds
        if type(value) is int:
            return _minutes(value, pointer)
    if is_absent(value):
        return None
    if value == "Z":
        return 0
    match = _OFFSET.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise RecordRejected("invalid", pointer, _OFFSET_DETAIL)
    sign, hours, minutes, seconds_text = match.groups(default="0")
    total = int(hours) * 3600 + int(minutes) * 60 + int(seconds_text)
    return _minutes(-total if sign == "-" else total, pointer)


def _minutes(seconds: int, pointer: str) -> int:
    if abs(seconds) > _MAX_OFFSET_S:
        raise RecordRejected("invalid", pointer, _OFFSET_DETAIL)
    return int(seconds / 60)
