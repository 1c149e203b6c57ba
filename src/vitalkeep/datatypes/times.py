"""Instants and the local offsets they came with, as text and as numbers.

`Z` and `-00:00` say that the local offset is unknown, `+00:00` that it is zero.
Source: RFC 3339 section 4.3.
"""

from datetime import datetime, timedelta
from functools import lru_cache

import orjson

from vitalkeep.datatypes.records import RecordRejected, to_pointer


def to_instant(text: str, *place: str | int) -> datetime:
    """The instant in UTC; digits beyond the microsecond are cut off.

    `text` has the wire's form (`wire.TIME_PATTERN`). Raises RecordRejected pointing at `place` for
    a date that does not exist or can't be told in UTC.
    """
    try:
        if text[-1] == "Z":
            return datetime.fromisoformat(text)
        # Several times cheaper than parsing the offset and converting with astimezone().
        return datetime.fromisoformat(text[:-6] + "Z") - _shift(text[-6:])
    except ValueError:
        raise RecordRejected("invalid", to_pointer(place), "is not a date that exists") from None
    except OverflowError:
        detail = "is beyond the calendar"
        raise RecordRejected("time_out_of_window", to_pointer(place), detail) from None


@lru_cache(maxsize=4096)
def _shift(offset: str) -> timedelta:
    return timedelta(minutes=_minutes(offset) or 0)


def offset_minutes(text: str) -> int | None:
    """Minutes east of UTC that a time on the wire names, None when it leaves them unknown."""
    return None if text[-1] == "Z" else _minutes(text[-6:])


@lru_cache(maxsize=4096)
def _minutes(offset: str) -> int | None:
    if offset == "-00:00":
        return None
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return -minutes if offset[0] == "-" else minutes


@lru_cache(maxsize=4096)
def _east(minutes: int | None) -> timedelta:
    return timedelta(minutes=minutes or 0)


@lru_cache(maxsize=4096)
def _suffix(minutes: int | None) -> str:
    if minutes is None:
        return "Z"
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def time_text(moment: datetime, offset: int | None) -> str:
    """The canonical text of an instant in UTC: local at `offset` minutes, in `Z` when None.

    Raises OverflowError where the local time falls outside the years 1 to 9999.
    """
    local = moment + _east(offset) if offset else moment
    # orjson writes a time in a fraction of what isoformat() needs; its own "Z" comes off.
    text = orjson.dumps(local, option=orjson.OPT_UTC_Z)[1:-2].decode()
    return (text.rstrip("0") if moment.microsecond else text) + _suffix(offset)


def canonical_text(text: str) -> str:
    """The canonical text of a time that has the wire's form, its own offset kept."""
    if text[19] == ".":
        zone_at = -1 if text[-1] == "Z" else -6
        fraction = text[20:zone_at][:6].rstrip("0")
        text = text[:19] + ("." + fraction if fraction else "") + text[zone_at:]
    return text[:-6] + "Z" if text[-6:] == "-00:00" else text
