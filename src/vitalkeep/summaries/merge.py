"""Whose record counts when: one sweep over the moments at which anything begins or ends. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

Span: TypeAlias = tuple[datetime, datetime]


class Segment(NamedTuple):
    """A time during which the span number `at` counts and no other."""

    at: int
    begun: datetime
    ended: datetime


def merge(spans: Sequence[Span]) -> list[Segment]:
    """Divides the time that `spans` cover among them, by time; an earlier one counts before a
    later one, which is left with what remains.

    A span without length is a segment without length, unless an earlier one covers its instant
    (spans are half-open) or is the same instant. n log n in the number of spans.
    """
    beginning = sorted(range(len(spans)), key=lambda index: spans[index][0])
    moments = sorted({moment for span in spans for moment in span})
    segments: list[Segment] = []
    running: list[int] = []
    at = 0
    for here, following in zip(moments, [*moments[1:], None], strict=False):
        impulses = []
        while at < len(beginning) and spans[beginning[at]][0] == here:
            index = beginning[at]
            impulses += [index] if spans[index][1] == here else []
            if spans[index][1] > here:
                heappush(running, index)
            at += 1
        while running and spans[running[0]][1] <= here:
            heappop(running)
        best = running[0] if running else len(spans)
        if impulses and min(impulses) < best:
            segments.append(Segment(min(impulses), here, here))
        if running and following is not None:
            segments.append(Segment(best, here, following))
    return list(_joined(segments))


def _joined(segments: list[Segment]) -> Iterator[Segment]:
    """The segments, with those of one span that touch made one."""
    held: Segment | None = None
    for each in segments:
        if held is not None and held.at == each.at and held.ended == each.begun:
            held = Segment(held.at, held.begun, each.ended)
            continue
        if held is not None:
            yield held
        held = each
    if held is not None:
        yield held
