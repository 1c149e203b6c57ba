"""What Google Health's notifications say, as pure functions: whose data changed, and when.

They hold no values: what changed in an interval is found by reading it again. An entry that can't
be read or used is passed over, since sending it again would not make it better.
Source: developers.google.com/health/api (webhooks).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from vitalkeep.base.bodies import RFC3339
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.registry import TYPES

VERIFICATION: Final = {"type": "verification"}
MAX_ID_CHARS: Final = 255

Outcome: TypeAlias = Literal[
    "noted", "unknown_person", "not_collected", "out_of_reach",
    "unreadable", "unknown_version", "unknown_operation", "unknown_type",
]  # fmt: skip
"""What becomes of an entry."""


class Span(NamedTuple):
    """From when to when, both inclusive; without zones it is the person's own clock."""

    start: datetime
    end: datetime


class Notice(NamedTuple):
    """One entry that can be used: new, changed and deleted data are told alike."""

    user_id: str
    type: int
    spans: tuple[Span, ...]


def read_notices(body: object) -> Iterator[Notice | Outcome]:
    """What one entry or a list of them says, in order: each a Notice, or why it is passed over."""
    for entry in body if isinstance(body, list) else [body]:
        data = entry.get("data") if isinstance(entry, dict) else None
        yield read_notice(data) if isinstance(data, dict) else "unreadable"


def read_notice(data: JsonObject) -> Notice | Outcome:
    """What the `data` of one entry says."""
    version, user_id = data.get("version", "1"), data.get("healthUserId")
    listed, name = data.get("intervals"), data.get("dataType")
    if not isinstance(user_id, str) or not 0 < len(user_id) <= MAX_ID_CHARS:
        return "unreadable"
    if str(version).removeprefix("v").partition(".")[0] != "1":
        return "unknown_version"
    if data.get("operation") not in ("UPSERT", "DELETE"):
        return "unknown_operation"
    if not isinstance(name, str) or not isinstance(listed, list):
        return "unreadable"
    if _plain(name) not in _BY_PLAIN_NAME:
        return "unknown_type"
    spans = tuple(span for each in listed if (span := read_span(each)) is not None)
    return Notice(user_id, _BY_PLAIN_NAME[_plain(name)], spans) if spans else "unreadable"


def read_span(interval: object) -> Span | None:
    """An interval: by its instants where it has them, else by the person's clock."""
    if not isinstance(interval, dict):
        return None
    physical = interval.get("physicalTimeInterval")
    if isinstance(physical, dict):
        return _to_span(_instant(physical.get("startTime")), _instant(physical.get("endTime")))
    iso = interval.get("civilIso8601TimeInterval")
    if isinstance(iso, dict):
        return _to_span(_iso(iso.get("startTime")), _iso(iso.get("endTime")))
    civil = interval.get("civilDateTimeInterval")
    if isinstance(civil, dict):
        return _to_span(_civil(civil.get("startDateTime")), _civil(civil.get("endDateTime")))
    return None


def to_instants(span: Span, zone: str) -> Span:
    """The span in UTC; where the person's clock is set back or forward, the longer of two.

    Raises OverflowError for times that have no year in UTC.
    """
    starts, ends = (
        [each.replace(tzinfo=each.tzinfo or ZoneInfo(zone), fold=fold).astimezone(UTC)
         for fold in (0, 1)]
        for each in span
    )  # fmt: skip
    return Span(min(starts), max(ends))


def _to_span(start: datetime | None, end: datetime | None) -> Span | None:
    if start is None or end is None or (start.tzinfo is None) != (end.tzinfo is None):
        return None
    return Span(start, end) if start <= end else None


def _instant(text: object) -> datetime | None:
    if not isinstance(text, str) or not RFC3339.fullmatch(text):
        return None
    return _iso(text)


def _iso(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _civil(value: object) -> datetime | None:
    """A date with a time of day, of which Google leaves out what is zero."""
    date = value.get("date") if isinstance(value, dict) else None
    time = value.get("time", {}) if isinstance(value, dict) else None
    if not isinstance(date, dict) or not isinstance(time, dict):
        return None
    parts = [date.get(name) for name in ("year", "month", "day")]
    parts += [time.get(name, 0) for name in ("hours", "minutes", "seconds")]
    numbers = [each for each in parts if type(each) is int]
    try:
        year, month, day, hours, minutes, seconds = numbers
        return datetime(year, month, day, hours, minutes, seconds)  # noqa: DTZ001 - their clock
    except (ValueError, OverflowError):
        return None


def _plain(name: str) -> str:
    """A type's name without how it is spelled: Google has three ways in three places."""
    return name.replace("-", "").replace("_", "").lower()


_BY_PLAIN_NAME: Final = {
    _plain(kind.google_health.data_type): kind.number for kind in TYPES if kind.google_health
}
