"""Instants and the local offsets they came with, as text and as numbers.

`Z` and `-00:00` say that the local offset is unknown, `+00:00` that it is zero.
Source: RFC 3339 section 4.3.

A push has thousands of times, so they are looked up rather than parsed: the day, the minute, the
second and the offset of a text are keys of tables that hold microseconds.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import orjson

from vitalkeep.datatypes.records import TIME_DETAIL, RecordRejected, to_pointer
from vitalkeep.datatypes.wire import TIME_PATTERN

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
_TIME: Final = re.compile(TIME_PATTERN[1:-1])
_SECOND: Final = 1_000_000
_MINUTE: Final = 60 * _SECOND
_DAY: Final = 24 * 60 * _MINUTE
_MAX_OFFSET: Final = 18 * 60


class _Days(dict[str, int]):
    """Microseconds from 1970 to the beginning of a day, by its text; the ones seen are kept."""

    def __missing__(self, text: str) -> int:
        if not _DATE.fullmatch(text):
            raise KeyError(text)
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise KeyError(text) from None
        start = (day - EPOCH.date()).days * _DAY
        if 2000 <= day.year < 2100:
            self[text] = start
        return start


def _suffix(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAYS: Final = _Days()
_MINUTES: Final = {
    f"T{minute // 60:02}:{minute % 60:02}": minute * _MINUTE for minute in range(24 * 60)
}
_SECONDS: Final = {f":{second:02}": second * _SECOND for second in range(60)}
_SUFFIX: Final[dict[int | None, str]] = {
    None: "Z",
    **{minutes: _suffix(minutes) for minutes in range(-_MAX_OFFSET, _MAX_OFFSET + 1)},
}
_LOCAL: Final = {minutes: timedelta(minutes=minutes) for minutes in _SUFFIX if minutes}
_OFFSETS: Final[dict[str, int | None]] = {
    **{suffix: minutes for minutes, suffix in _SUFFIX.items()},
    "-00:00": None,
}
_SHAPE: Final = bytes.maketrans(b"0123456789", b"0000000000")
_AHEAD: Final = {suffix: (minutes or 0) * _MINUTE for suffix, minutes in _OFFSETS.items()}


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, as PostgreSQL keeps them."""
    return (moment - EPOCH) // MICROSECOND


def from_microseconds(count: int) -> datetime:
    """The instant that many microseconds after 1970, in UTC."""
    return EPOCH + timedelta(microseconds=count)


def read_time(text: str, *place: str | int) -> tuple[int, int | None]:
    """Microseconds since 1970, and the offset in minutes east of UTC, None when it is unknown.

    Digits beyond the microsecond are cut off. Raises RecordRejected pointing at `place` for
    anything but a time on the wire (`wire.TIME_PATTERN`), and for a date that does not exist.
    """
    zone, fraction = text[19:], 0
    if zone not in _OFFSETS:
        if not _TIME.fullmatch(text):
            raise RecordRejected("invalid", to_pointer(place), TIME_DETAIL)
        local = _without_zone(text)
        zone, fraction = text[len(local) :], int(local[20:26].ljust(6, "0"))
    try:
        minutes = _DAYS[text[:10]] + _MINUTES[text[10:16]]
        return minutes + _SECONDS[text[16:19]] - _AHEAD[zone] + fraction, _OFFSETS[zone]
    except KeyError:
        detail = "is not a date that exists" if _TIME.fullmatch(text) else TIME_DETAIL
        raise RecordRejected("invalid", to_pointer(place), detail) from None


def are_plain(texts: list[str]) -> bool:
    """Whether all are times in canonical form, to the second and at one offset.

    Looks at all of them at once, since a series has many.
    """
    zone, joined = texts[0][19:], "".join(texts)
    if zone not in _OFFSETS or zone == "-00:00" or joined.count(zone) != len(texts):
        return False
    if not joined.isascii() or joined.encode().translate(_SHAPE) != len(texts) * (
        b"0000-00-00T00:00:00" + zone.encode().translate(_SHAPE)
    ):
        return False
    try:
        return all(map(datetime.fromisoformat, texts)) and "T24:" not in joined
    except ValueError:
        return False


def to_instant(text: str, *place: str | int) -> datetime:
    """The instant in UTC; digits beyond the microsecond are cut off.

    `text` has the wire's form (`wire.TIME_PATTERN`). Raises RecordRejected pointing at `place` for
    a date that does not exist or can't be told in UTC.
    """
    count, _ = read_time(text, *place)
    try:
        return from_microseconds(count)
    except OverflowError:
        detail = "is beyond the calendar"
        raise RecordRejected("time_out_of_window", to_pointer(place), detail) from None


def offset_minutes(text: str) -> int | None:
    """Minutes east of UTC that a time on the wire names, None when it leaves them unknown."""
    return _OFFSETS[text[len(_without_zone(text)) :]]


def _without_zone(text: str) -> str:
    return text[:-1] if text[-1] == "Z" else text[:-6]


def time_text(moment: datetime, offset: int | None) -> str:
    """The canonical text of an instant in UTC: local at `offset` minutes, in `Z` when None.

    Raises OverflowError where the local time falls outside the years 1 to 9999.
    """
    local = moment + _LOCAL[offset] if offset else moment
    # orjson writes a time in a fraction of what isoformat() needs; its own "Z" comes off.
    text = orjson.dumps(local, option=orjson.OPT_UTC_Z)[1:-2].decode()
    return (text.rstrip("0") if moment.microsecond else text) + _SUFFIX[offset]


@lru_cache(maxsize=4096)
def instant_text(moment: datetime) -> bytes:
    """The canonical text of an instant in UTC, kept: all records of a push were written at one."""
    return time_text(moment, None).encode()


def canonical_text(text: str) -> str:
    """The canonical text of a time that has the wire's form, its own offset kept."""
    local = _without_zone(text)
    zone = _SUFFIX[_OFFSETS[text[len(local) :]]]
    fraction = local[20:26].rstrip("0")
    return local[:19] + ("." + fraction if fraction else "") + zone
