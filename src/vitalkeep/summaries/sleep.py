"""Days of sleep, each sleep on the local date of waking. Pure.

Sessions of one source that overlap or nearly touch are one sleep, which ends when the last of them
does. Where sessions meet, of one source or of several, the one that counts first has the time.
Time in no stage, or in one that is not known, counts as asleep.
Source: Health Connect, SleepSessionRecord.SLEEP_DURATION_TOTAL: the session without its stages
awake, out of bed and awake in bed.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Final, TypedDict, cast
from zoneinfo import ZoneInfo

from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.times import time_text, to_instant
from vitalkeep.records.touched import FOLD_GAP, FOLD_WITHIN, LONGEST_SLEEP
from vitalkeep.summaries.entries import Entry, Json
from vitalkeep.summaries.local_days import Local, local_date
from vitalkeep.summaries.merge import Segment, Span, merge

NOT_ASLEEP: Final = frozenset({"awake", "out_of_bed", "awake_in_bed"})
SECOND: Final = timedelta(seconds=1)


class _Stage(TypedDict):
    start: str
    end: str
    stage: str


def summarize_sleep(kind: DataType, entries: Sequence[Entry], zone: ZoneInfo) -> dict[date, Json]:
    """Days of the entries, which come in the order in which they count.

    Sessions over LONGEST_SLEEP are left out.
    """
    kept = [entry for entry in entries if entry.length <= LONGEST_SLEEP]
    waking = wake_dates(kept, zone)
    days: dict[date, list[Segment]] = defaultdict(list)
    for segment in merge([(entry.start, entry.end) for entry in kept]):
        days[waking[segment.at]].append(segment)
    (stages,) = (field.name for field in kind.fields if field.kind == "list")
    parsed = {index: _stages(kept[index], stages) for index in _indices(days.values())}
    return {day: _tell(kept, segments, parsed) for day, segments in days.items()}


def _indices(segments: Iterable[list[Segment]]) -> set[int]:
    return {segment.at for each in segments for segment in each}


def wake_dates(entries: Sequence[Entry], zone: ZoneInfo) -> list[date]:
    """The local date, for each session, on which the sleep ends that it is part of.

    A session's sleep goes on with every session of its source that starts less than FOLD_GAP
    after the end of the sleep so far, and less than FOLD_WITHIN after the start of the session.
    """
    sources: dict[bytes, list[int]] = defaultdict(list)
    for index in sorted(range(len(entries)), key=lambda index: entries[index].start):
        sources[entries[index].origin].append(index)
    dates = [date.min] * len(entries)
    for indices in sources.values():
        starts = [entries[index].start for index in indices]
        # The last to end among the sessions up to each; of several the one that counts first.
        latest = list(accumulate(indices, lambda one, other: _later(entries, one, other)))
        for index in indices:
            last = entries[_last_of_sleep(entries, index, starts, latest)]
            dates[index] = local_date(last.end, Local(last.end_offset, zone))
    return dates


def _later(entries: Sequence[Entry], one: int, other: int) -> int:
    return max(one, other, key=lambda index: (entries[index].end, -index))


def _last_of_sleep(
    entries: Sequence[Entry], index: int, starts: list[datetime], latest: list[int]
) -> int:
    last = index
    bound = entries[index].start + FOLD_WITHIN
    while True:
        reached = bisect_left(starts, min(entries[last].end + FOLD_GAP, bound))
        if latest[reached - 1] == last:
            return last
        last = latest[reached - 1]


def _stages(entry: Entry, name: str) -> list[tuple[datetime, datetime, str]]:
    return [
        (to_instant(each["start"]), to_instant(each["end"]), each["stage"])
        for each in cast(list[_Stage], entry.content[name])
    ]


def _tell(
    entries: Sequence[Entry],
    segments: Sequence[Segment],
    stages: dict[int, list[tuple[datetime, datetime, str]]],
) -> Json:
    """One day. Stages that take no time are left out; seconds are rounded half up, at the end."""
    in_stage: dict[str, timedelta] = defaultdict(timedelta)
    asleep = timedelta()
    for index, begun, ended in segments:
        asleep += ended - begun
        for stage, length in _in_stages(stages[index], (begun, ended)):
            in_stage[stage] += length
            asleep -= length if stage in NOT_ASLEEP else timedelta()
    first = min(segments, key=lambda segment: segment.begun)
    last = max(segments, key=lambda segment: segment.ended)
    return {
        "asleep_s": seconds(asleep),
        "stages_s": {stage: seconds(length) for stage, length in sorted(in_stage.items())},
        "start": _at(first.begun, entries[first.at].offset),
        "end": _at(last.ended, entries[last.at].end_offset),
    }


def _in_stages(
    stages: Iterable[tuple[datetime, datetime, str]], span: Span
) -> Iterator[tuple[str, timedelta]]:
    """How much of a span lies in each stage."""
    for begun, ended, stage in stages:
        length = min(ended, span[1]) - max(begun, span[0])
        if length > timedelta():
            yield stage, length


def _at(moment: datetime, offset: timedelta | None) -> str:
    return time_text(moment, None if offset is None else offset // timedelta(minutes=1))


def seconds(length: timedelta) -> int:
    """Whole seconds, half up."""
    return (length + SECOND / 2) // SECOND
