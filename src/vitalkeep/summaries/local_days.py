"""Local days: which date a moment has, for a known offset or in an IANA zone.

A day begins at its first midnight and ends where the next one begins, so in a zone it has 23, 24
or 25 hours, and the dates of two moments never stand in the other order. Pure.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
INSTANT = timedelta(0)
JUST_BEFORE = timedelta(microseconds=1)


class Local(NamedTuple):
    """A fixed offset east of UTC, or a zone where the offset is unknown."""

    offset: timedelta | None
    zone: ZoneInfo


@lru_cache(maxsize=8192)
def midnight(day: date, local: Local) -> datetime:
    """When the day begins, in UTC. Where the clock skips midnight, when it was skipped."""
    if local.offset is not None:
        return datetime(day.year, day.month, day.day, tzinfo=UTC) - local.offset
    return datetime(day.year, day.month, day.day, tzinfo=local.zone).astimezone(UTC)


def local_date(moment: datetime, local: Local) -> date:
    """The day that `moment`, in UTC, lies on."""
    if local.offset is not None:
        return (moment + local.offset).date()
    day = moment.astimezone(local.zone).date()
    # Only where a clock is changed across midnight does it show another date than the day's.
    while moment < midnight(day, local):
        day -= ONE_DAY
    while midnight(day + ONE_DAY, local) <= moment:
        day += ONE_DAY
    return day


class Frame(NamedTuple):
    """How one record's time is divided into days: by its start's offset, but never beyond `last`.

    `last` is the date on which the record ends by its end's own offset: a record of a whole day on
    which the clock changes is that day's, though it takes 23 or 25 hours.
    """

    local: Local
    last: date

    def date_at(self, moment: datetime) -> date:
        """The day of a moment of the record."""
        return min(local_date(moment, self.local), self.last)


def frame(
    start: tuple[datetime, timedelta | None],
    end: tuple[datetime, timedelta | None],
    zone: ZoneInfo,
) -> Frame:
    """The frame of a record that holds the moments from `start` to `end`, the latter included.

    Each comes with its offset; without any the zone divides the record, which knows its changes.
    """
    offsets = [offset for _, offset in (start, end) if offset is not None]
    if len(offsets) < 2 or offsets[0] == offsets[1]:
        return Frame(Local(offsets[0] if offsets else None, zone), date.max)
    first, last = (local_date(at, Local(offset, zone)) for at, offset in (start, end))
    return Frame(Local(offsets[0], zone), max(first, last))


def split(frame: Frame, begun: datetime, ended: datetime) -> Iterator[tuple[date, timedelta]]:
    """The days of a part of a record and how much of it lies on each; an instant takes no time."""
    if begun == ended:
        yield frame.date_at(begun), INSTANT
    while begun < ended:
        day = frame.date_at(begun)
        until = ended if day >= frame.last else min(ended, midnight(day + ONE_DAY, frame.local))
        yield day, until - begun
        begun = until
