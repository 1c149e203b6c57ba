"""How Google Fit and Google Health write single values: numbers, 32-bit floats, texts, names."""

import math
import re
import struct
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, TypeAlias
from unicodedata import normalize

from vitalkeep.datatypes import units
from vitalkeep.datatypes.canonical import EARLIEST, Original
from vitalkeep.datatypes.descriptors import Choices, Field, JsonObject
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.times import from_microseconds, microseconds, time_text

Number: TypeAlias = int | float

_EARLIEST_US: Final = microseconds(EARLIEST)
_LATEST_US: Final = microseconds(datetime(9999, 12, 30, tzinfo=UTC))
_WHOLE: Final = re.compile(r"-?[0-9]{1,20}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?")
_UNWRITABLE: Final = re.compile("[\u0000-\u001f\u007f-\u009f\ud800-\udfff]+")
_PLAIN_NAME: Final = re.compile(r"[!-~]{1,128}")
_SINGLE: Final = struct.Struct("<f")
# Any decimal of 6 digits survives a 32-bit float, and 9 tell any two of those apart.
_SAFE_DIGITS: Final = 6
_MAX_DIGITS: Final = 9


def get_object(value: object, pointer: str) -> JsonObject:
    """The JSON object. Raises RecordRejected for anything else."""
    if not isinstance(value, dict):
        raise RecordRejected("invalid", pointer, "must be an object")
    return value


def find_object(holder: object, *path: str) -> JsonObject:
    """The object at the end of the path, an empty one where there is none."""
    for name in path:
        holder = holder.get(name) if isinstance(holder, dict) else None
    return holder if isinstance(holder, dict) else {}


def list_entries(value: object) -> list[object]:
    """The entries of a list, none where there is no list."""
    return value if isinstance(value, list) else []


def to_integer(value: object, pointer: str) -> int:
    """An int64, which Google writes as text. Raises RecordRejected for anything else."""
    if type(value) is int:
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise RecordRejected("invalid", pointer, "must be a whole number, as text or number")


def to_number(value: object, pointer: str) -> Number:
    """A finite number, or the text of one. Raises RecordRejected for anything else."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value) if _WHOLE.fullmatch(value) else float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RecordRejected("invalid", pointer, "must be a number")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise RecordRejected("out_of_range", pointer, "must be a finite number")
    return value


def to_moment(count: int, pointer: str) -> int:
    """Microseconds since 1970 that are in our calendar.

    Raises RecordRejected for those that are not.
    """
    if count < _EARLIEST_US:
        raise RecordRejected("time_out_of_window", pointer, "must not be before 2000-01-01")
    if count > _LATEST_US:
        raise RecordRejected("time_out_of_window", pointer, "is beyond the calendar")
    return count


def to_text(count: int, offset: int | None) -> str:
    """The wire's text of microseconds since 1970 that `to_moment` let pass."""
    return time_text(from_microseconds(count), offset)


def to_decimal(value: Number) -> Number:
    """The shortest decimal of a 32-bit float that was printed as a 64-bit one: 72.1 for
    72.0999984741211. A number that no 32-bit float can be behind stays as it is.
    """
    if isinstance(value, int):
        return value
    single = _to_single(value)
    # Google prints 15 significant digits or more.
    if single is None or f"{single:.15g}" != f"{value:.15g}":
        return value
    for digits in range(_SAFE_DIGITS, _MAX_DIGITS):
        short = float(f"{single:.{digits}g}")
        if _to_single(short) == single:
            return short
    return float(f"{single:.{_MAX_DIGITS}g}")


def _to_single(value: float) -> float | None:
    """The nearest 32-bit float, None beyond the largest of them."""
    try:
        (single,) = _SINGLE.unpack(_SINGLE.pack(value))
    except OverflowError:
        return None
    return float(single)


def to_quantity(number: Number, field: Field, ucum: str) -> tuple[Number, Original | None]:
    """The number in the field's stored unit, and what it was converted from, if it was.

    `ucum` is the unit it came in; whole fields are rounded. Noise of 32-bit floats goes first, and
    again after a conversion, since it may have come in by one.
    """
    unit, given = units.get_ucum(ucum), to_decimal(number)
    stored = given
    if not units.is_stored(unit):
        exact = (float(given) - unit.shift) * unit.times / unit.per
        short = to_decimal(exact)
        stored = units.to_stored(given, unit) if short == exact else short
    if field.kind == "integer":
        stored = math.floor(stored + 0.5)
    changed = not units.is_stored(unit) or stored != given
    return stored, (float(given), ucum) if changed else None


def to_numbered(value: int, choices: Choices) -> str:
    """The name of an enumeration's number; one that is not in it is `unknown`."""
    return choices.values[value] if 0 <= value < len(choices.values) else choices.values[0]


def to_named(value: object, choices: Choices, words: dict[str, str]) -> str | None:
    """The name of an enumeration's name: `words` has those that differ from ours in upper case.

    None where nothing is said, `unknown` for a name that has no counterpart.
    """
    if not isinstance(value, str) or not value or value.endswith("_UNSPECIFIED"):
        return None
    name = words.get(value, value.lower())
    return name if name in choices.values else choices.values[0]


def to_line(value: object, limit: int) -> str | None:
    """A text for people in one line of at most `limit` characters; None where there is none.

    Never a reason to refuse a measurement: what can't be written is left out.
    """
    return _to_line(value, limit) if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _to_line(text: str, limit: int) -> str | None:
    return normalize("NFC", _UNWRITABLE.sub(" ", text)).strip()[:limit].strip() or None


def to_name(value: object) -> str | None:
    """What Google calls a record, fit for a client id: long and odd names are hashed."""
    if not isinstance(value, str) or not value:
        return None
    if _PLAIN_NAME.fullmatch(value):
        return value
    return "sha256:" + sha256(value.encode(errors="surrogatepass")).hexdigest()
