"""Days computed from the records, whoever asks for them.

A person reads all of their records; for others the caller gives the window that a consent covers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.sealing import PersonKey
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.records.query import Window, list_overlapping
from vitalkeep.records.touched import AFTER, BEFORE, FOLD_GAP, FOLD_WITHIN, LONGEST_SLEEP
from vitalkeep.summaries.entries import Entry, Json, in_order, to_entry
from vitalkeep.summaries.local_days import ONE_DAY
from vitalkeep.summaries.merge import Span
from vitalkeep.summaries.priority import Priority
from vitalkeep.summaries.sleep import summarize_sleep
from vitalkeep.summaries.spread import summarize_pulse, summarize_spread
from vitalkeep.summaries.totals import summarize_totals

CHUNK: Final = timedelta(days=7)
"""As many days are read at a time: a year of records is neither held at once nor opened without
letting other requests in between.
"""


@dataclass(frozen=True, slots=True)
class View:
    """Whose days, and what they depend on besides the records."""

    person_id: UUID
    key: PersonKey
    time_zone: str
    priority: Priority


async def compute_days(
    connection: AsyncConnection, view: View, window: Window, first: date, last: date
) -> dict[date, bytes]:
    """The days from `first` to `last`, both included, that have data, as JSON objects.

    Only records of the window count, which the caller has proven the right to read. Raises
    SealBroken.
    """
    kind = BY_NUMBER[window.type]
    days: dict[date, bytes] = {}
    while first <= last:
        until = min(last, first + CHUNK - ONE_DAY)
        since, before = period_of(kind, first, until)
        stored = await list_overlapping(connection, view.person_id, view.key, window, since, before)
        entries = in_order(to_entry(*each, view.priority) for each in stored)
        told = summarize(kind, entries, ZoneInfo(view.time_zone), (since, before))
        for day in sorted(told):
            if first <= day <= until:
                head = {"date": day, "type": kind.name}
                days[day] = orjson.dumps({**head, **told[day]})
        first = until + ONE_DAY
    return days


def period_of(kind: DataType, first: date, last: date) -> Span:
    """All moments that can matter to the days, wherever on earth they were had."""
    since = _midnight_utc(first) - AFTER
    until = _midnight_utc(last) + BEFORE
    if kind.summary == "sleep":
        # A sleep of these days, and all that is folded with it or takes time from it.
        return since - FOLD_WITHIN - LONGEST_SLEEP, until + FOLD_GAP
    return since, until


def _midnight_utc(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def summarize(
    kind: DataType, entries: Sequence[Entry], zone: ZoneInfo, period: Span
) -> dict[date, Json]:
    """Days of the entries, which come in the order in which they count; those whose period is
    within `period` are told rightly, others may not be.
    """
    match kind.summary:
        case "total":
            return summarize_totals(kind, entries, zone, period)
        case "sleep":
            return summarize_sleep(kind, entries, zone)
        case "pulse":
            return summarize_pulse(kind, entries, zone)
        case "spread":
            return summarize_spread(kind, entries, zone)
