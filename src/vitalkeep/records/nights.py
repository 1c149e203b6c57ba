"""Nights from samples, as pure functions: which samples make one session, and what it holds.

HealthKit has one sample for each stage of sleep and no session. The result depends on the set of
samples only, never on the order in which they came.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import groupby, pairwise
from typing import Final, NamedTuple
from uuid import UUID

from vitalkeep.datatypes.choices import SLEEP_STAGE
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.times import time_text

GAP: Final = timedelta(minutes=60)
"""Samples of one source that are further apart belong to two sessions.

Long enough for getting up in the night or a watch that lost the pulse, shorter than what lies
between a night and a nap. Decision: docs/decisions/0008-sleep-from-samples.md
"""
MAX_PARTS: Final = 4_999
"""Samples of one session; no two of them cut time into more stages than a record may hold."""
IN_BED: Final = "awake_in_bed"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_VAGUE: Final = {None: 0, "unknown": 1, "sleeping": 2}
_DETAILED: Final = 3


class Part(NamedTuple):
    """One sample of sleep. `record_id` is the session it went into, None if it is new.

    Times are in UTC, offsets in minutes east of it. `stage` is None for time in bed.
    """

    part_id: UUID
    record_id: UUID | None
    source_id: int
    version: int
    start: datetime
    end: datetime
    start_offset: int | None
    end_offset: int | None
    stage: str | None
    method: str | None


class Span(NamedTuple):
    """Time that one sample decides the stage of."""

    start: datetime
    end: datetime
    part: Part


def divide(parts: Iterable[Part]) -> list[list[Part]]:
    """The sessions that the samples make: by source, with gaps of at most `GAP`, each by time."""
    sessions: list[list[Part]] = []
    ordered = sorted(parts, key=lambda p: (p.source_id, p.start, p.end, p.part_id.bytes))
    for _, of_source in groupby(ordered, key=lambda part: part.source_id):
        reached: datetime | None = None
        for part in of_source:
            if reached is None or part.start > reached + GAP:
                sessions.append([])
                reached = part.end
            sessions[-1].append(part)
            reached = max(reached, part.end)
    return sessions


def claim(sessions: list[list[Part]], sent: frozenset[UUID]) -> list[UUID | None]:
    """Which stored session each of these continues, None for a new one; an id goes to one only.

    Of several the one with the earliest sample counts. Samples that were just `sent` may have
    moved, so what lies where it lay is asked before them.
    """
    claims = sorted(
        (part.part_id in sent, part.start, part.end, part.part_id.bytes, index)
        for index, session in enumerate(sessions)
        for part in session
        if part.record_id is not None
    )
    by_id = {part.part_id.bytes: part.record_id for session in sessions for part in session}
    chosen: dict[int, UUID | None] = {}
    given: set[UUID | None] = set()
    for _, _, _, part_id, index in claims:
        record_id = by_id[part_id]
        if index not in chosen and record_id not in given:
            chosen[index] = record_id
            given.add(record_id)
    return [chosen.get(index) for index in range(len(sessions))]


def to_record(session: list[Part], origin: object) -> JsonObject:
    """The canonical sleep record of one session's samples; `origin` is its JSON object.

    A method of recording is given when all samples share it.
    """
    start, end = min(part.start for part in session), max(part.end for part in session)
    starts = [part.start_offset for part in session if part.start == start]
    ends = [part.end_offset for part in session if part.end == end]
    record: JsonObject = {
        "type": "sleep",
        "start": time_text(start, min(starts, key=_known_first)),
        "end": time_text(end, min(ends, key=_known_first)),
        "stages": [_stage(spans) for spans in _join(_decide(session))],
        "origin": origin,
    }
    methods = {part.method for part in session}
    if len(methods) == 1 and (method := methods.pop()) is not None:
        record["recording_method"] = method
    return record


def _decide(session: list[Part]) -> list[Span]:
    """Time cut at every start and end, each piece with the sample that decides its stage.

    Where samples overlap the one that says more decides: a stage before sleep of unknown depth,
    that before an unknown stage, that before time in bed; then the one that began later, then the
    shorter one. Pieces that no sample covers are left out.
    """
    cuts = sorted({moment for part in session for moment in (part.start, part.end)})
    waiting = sorted(session, key=lambda part: part.start, reverse=True)
    running: list[tuple[_Rank, int, Part]] = []
    spans = []
    for start, end in pairwise(cuts):
        while waiting and waiting[-1].start <= start:
            part = waiting.pop()
            heappush(running, (_rank(part), len(waiting), part))
        while running and running[0][2].end <= start:
            heappop(running)
        if running:
            spans.append(Span(start, end, running[0][2]))
    return spans


_Rank = tuple[int, timedelta, datetime, int, tuple[bool, int], tuple[bool, int]]


def _rank(part: Part) -> _Rank:
    """Lower decides. Made of what a sample says only, so that equal samples are equal."""
    return (
        -_VAGUE.get(part.stage, _DETAILED),
        _EPOCH - part.start,
        part.end,
        SLEEP_STAGE.values.index(part.stage or IN_BED),
        _known_first(part.start_offset),
        _known_first(part.end_offset),
    )


def _known_first(offset: int | None) -> tuple[bool, int]:
    return offset is None, offset or 0


def _join(spans: list[Span]) -> list[list[Span]]:
    """Neighbours of one stage together."""
    joined: list[list[Span]] = []
    for span in spans:
        last = joined[-1][-1] if joined else None
        if last and last.end == span.start and last.part.stage == span.part.stage:
            joined[-1].append(span)
        else:
            joined.append([span])
    return joined


def _stage(spans: list[Span]) -> JsonObject:
    first, last = spans[0], spans[-1]
    return {
        "start": time_text(first.start, _offset_at(first.part, first.start)),
        "end": time_text(last.end, _offset_at(last.part, last.end)),
        "stage": first.part.stage or IN_BED,
    }


def _offset_at(part: Part, moment: datetime) -> int | None:
    """The local offset at a moment of the sample; unknown in the midst of one that changes it."""
    if moment == part.start:
        return part.start_offset
    if moment == part.end or part.start_offset == part.end_offset:
        return part.end_offset
    return None
