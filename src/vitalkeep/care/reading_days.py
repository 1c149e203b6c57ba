"""Daily summaries through the door: the same predicate, the same consents, an event each.

A day is given when the consent covers all of it, from midnight to midnight in the person's time
zone; of sleep the day before has to be covered, too, since a night begins there. It is computed
from covered records only, so the person's kept days, which know all records, are not used.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.keys import Keyring
from vitalkeep.care.readers import Reader
from vitalkeep.care.reading import OpenCase, open_case, write_down
from vitalkeep.care.reading_denied import Wanted
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.records.query import Window
from vitalkeep.summaries.cache import EARLIEST_DAY, latest_day
from vitalkeep.summaries.compute import View, compute_days
from vitalkeep.summaries.local_days import ONE_DAY, Local, midnight
from vitalkeep.summaries.priority import find_priority
from vitalkeep.summaries.routes import to_dates
from vitalkeep.summaries.schemas import DayQuery


async def read_case_days(
    connection: AsyncConnection,
    keyring: Keyring,
    reader: Reader,
    case_id: UUID,
    types: list[int],
    asked: DayQuery,
) -> list[bytes]:
    """Days of a case's person as JSON objects, by date and type, written down as read.

    Raises what `open_case` raises; InvalidRequest for dates that don't fit.
    """
    wanted = Wanted(
        data="days",
        types=types,
        since=_utc_midnight(asked.first),
        until=_utc_midnight(asked.last and asked.last + ONE_DAY),
    )
    case = await open_case(connection, keyring, reader, case_id, wanted)
    first, last = to_dates(asked, case.time_zone)
    priority = await find_priority(connection, case.person_id, case.key)
    view = View(case.person_id, case.key, case.time_zone, priority)
    found: dict[tuple[date, str], bytes] = {}
    counts: dict[int, int] = {}
    for number in case.types:
        window = case.window(number, None, None)
        days = await _list_covered(connection, view, window, first, last)
        counts[number] = len(days)
        found |= {(day, BY_NUMBER[number].name): content for day, content in days.items()}
    await write_down(connection, _over_dates(case, first, last), counts)
    return [found[key] for key in sorted(found)]


def _over_dates(case: OpenCase, first: date, last: date) -> OpenCase:
    """The case with the period that the event tells: the dates in the person's time zone."""
    local = Local(None, ZoneInfo(case.time_zone))
    return case.over(midnight(first, local), midnight(last + ONE_DAY, local))


async def _list_covered(
    connection: AsyncConnection, view: View, window: Window, first: date, last: date
) -> dict[date, bytes]:
    first, last = max(first, EARLIEST_DAY), min(last, latest_day())
    covered = list(covered_days(window, first, last, ZoneInfo(view.time_zone)))
    if not covered:
        return {}
    return await compute_days(connection, view, window, covered[0], covered[-1])


def covered_days(window: Window, first: date, last: date, zone: ZoneInfo) -> Iterator[date]:
    """The days from `first` to `last`, without a gap, that lie wholly in the window."""
    before = ONE_DAY if BY_NUMBER[window.type].summary == "sleep" else 0 * ONE_DAY
    local = Local(None, zone)
    for n in range((last - first).days + 1):
        day = first + n * ONE_DAY
        if window.since <= midnight(day - before, local):
            if midnight(day + ONE_DAY, local) > window.until:
                return
            yield day


def _utc_midnight(day: date | None) -> datetime | None:
    """What a refusal tells of a date: the door is shut, so the person's zone is not known."""
    return None if day is None else datetime.combine(day, time(), UTC)
