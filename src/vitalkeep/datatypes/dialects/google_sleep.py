"""Stages of a night from segments that may overlap, repeat and reach beyond the night."""

from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import pairwise
from operator import attrgetter
from typing import Final, NamedTuple

from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.google_values import to_text

# Who is out of bed is awake as well, and who is in a known stage is asleep as well.
_RANK: Final = {"out_of_bed": 0, "sleeping": 2, "unknown": 3}
_NO_OFFSET: Final = -1 << 15


class Segment(NamedTuple):
    """A stage of ours; microseconds since 1970, each with its minutes east of UTC."""

    start: int
    end: int
    stage: str
    start_offset: int | None = None
    end_offset: int | None = None


class _Piece(NamedTuple):
    segment: Segment
    start: int
    end: int


def to_stages(segments: Iterable[Segment], start: int, end: int) -> list[JsonObject]:
    """The stages of a night from `start` to `end`, which may leave gaps and never overlap.

    Where segments overlap, out of bed wins over a known stage, that over sleep without a stage and
    over an unknown one; of equals the shorter wins, since it says more. The order of the segments
    does not show.
    """
    clipped = {
        each._replace(start=max(each.start, start), end=min(each.end, end)) for each in segments
    }
    waiting = [each for each in clipped if each.start < each.end]
    waiting.sort(key=attrgetter("start"), reverse=True)
    edges = sorted({edge for each in waiting for edge in (each.start, each.end)})
    active: list[tuple[tuple[int, int, int, str, int, int], Segment]] = []
    pieces: list[_Piece] = []
    for first, last in pairwise(edges):
        while waiting and waiting[-1].start == first:
            segment = waiting.pop()
            heappush(active, (_weight(segment), segment))
        while active and active[0][1].end <= first:
            heappop(active)
        if active:
            _append(pieces, active[0][1], first, last)
    return [_to_stage(piece) for piece in pieces]


def _weight(segment: Segment) -> tuple[int, int, int, str, int, int]:
    """What decides between segments at the same time; the least wins."""
    offsets = (segment.start_offset, segment.end_offset)
    first, last = (_NO_OFFSET if offset is None else offset for offset in offsets)
    length = segment.end - segment.start
    return _RANK.get(segment.stage, 1), length, segment.start, segment.stage, first, last


def _append(pieces: list[_Piece], segment: Segment, first: int, last: int) -> None:
    if pieces and pieces[-1].segment == segment and pieces[-1].end == first:
        first = pieces.pop().start
    pieces.append(_Piece(segment, first, last))


def _to_stage(piece: _Piece) -> JsonObject:
    return {
        "start": to_text(piece.start, piece.segment.start_offset),
        "end": to_text(piece.end, piece.segment.end_offset),
        "stage": piece.segment.stage,
    }
