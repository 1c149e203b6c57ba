"""Days of what is counted over time: steps, distance. Pure.

A record counts for the part of its time in which no record of a source before it was running, and
its value is taken to be spread evenly over its time. All of it is exact, and rounded at the very
end: integers half up to whole ones, other numbers to six decimals, and what the sources counted so
that it adds up to the day's total (largest remainder).
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, TypeAlias, cast
from zoneinfo import ZoneInfo

import orjson

from vitalkeep.datatypes.descriptors import DataType, Field
from vitalkeep.summaries.entries import Entry, Json
from vitalkeep.summaries.exact import ExactSum, apportion, round_half_up
from vitalkeep.summaries.local_days import JUST_BEFORE, Frame, frame, split
from vitalkeep.summaries.merge import Span, merge

QUANTA: Final = {"integer": 1, "number": 10**6}
"""How many parts of one are told, by the kind of the field."""

Times: TypeAlias = dict[date, dict[int, timedelta]]
"""How long each entry, by its position, counts on each day."""


def summarize_totals(
    kind: DataType, entries: Sequence[Entry], zone: ZoneInfo, period: Span
) -> dict[date, Json]:
    """Days of the entries, which come in the order in which they count.

    `period` bounds the time looked at; days that are not wholly inside are not told rightly.
    """
    field = total_field(kind)
    kept = [entry for entry in entries if _is_inside(entry, period)]
    frames = [_frame(entry, zone) for entry in kept]
    spans = [(max(entry.start, period[0]), min(entry.end, period[1])) for entry in kept]
    own: Times = defaultdict(lambda: defaultdict(timedelta))
    counted: Times = defaultdict(lambda: defaultdict(timedelta))
    for index, (begun, ended) in enumerate(spans):
        for day, length in split(frames[index], begun, ended):
            own[day][index] += length
    for index, begun, ended in merge(spans):
        for day, length in split(frames[index], begun, ended):
            counted[day][index] += length
    return {day: _tell(field, kept, times, counted[day]) for day, times in own.items()}


def total_field(kind: DataType) -> Field:
    """What is added up of a type that is told by its total."""
    return next(field for field in kind.fields if field.kind in QUANTA)


def _is_inside(entry: Entry, period: Span) -> bool:
    since, until = period
    return entry.start < until and (entry.end > since or entry.start == since)


def _frame(entry: Entry, zone: ZoneInfo) -> Frame:
    last = max(entry.start, entry.end - JUST_BEFORE)
    return frame((entry.start, entry.offset), (last, entry.end_offset), zone)


class _Source:
    """What one source measured on a day, and what of it counts, both in quanta."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.own = ExactSum()
        self.counted = ExactSum()


def _tell(
    field: Field, entries: Sequence[Entry], own: dict[int, timedelta], counted: dict[int, timedelta]
) -> Json:
    """One day: the total, and each source's own total with what of it entered the day's."""
    sources: dict[bytes, _Source] = {}
    for index, length in own.items():
        entry = entries[index]
        source = sources.setdefault(entry.origin, _Source(entry.rank))
        _add(source.own, field, entry, length)
        if index in counted:
            _add(source.counted, field, entry, counted[index])
    listed = sorted(sources.items(), key=lambda item: (item[1].rank, item[0]))
    total, parts = apportion([source.counted.total() for _, source in listed])
    return {
        field.name: _number(field, total),
        "by_source": [
            {
                "origin": orjson.loads(origin),
                field.name: _number(field, round_half_up(source.own.total())),
                "counted": _number(field, part),
            }
            for (origin, source), part in zip(listed, parts, strict=True)
        ],
    }


def _add(to: ExactSum, field: Field, entry: Entry, length: timedelta) -> None:
    """Adds the part of a record's value that a time is; of one without length it is all."""
    over, under = cast(float, entry.content[field.name]).as_integer_ratio()
    over *= QUANTA[field.kind]
    if length == entry.length:
        to.add(over, under)
    else:
        to.add(over * (length // JUST_BEFORE), under * (entry.length // JUST_BEFORE))


def _number(field: Field, quanta: int) -> int | float:
    return quanta if field.kind == "integer" else quanta / QUANTA[field.kind]
