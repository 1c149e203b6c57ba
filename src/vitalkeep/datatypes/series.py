"""Samples and stages inside a record: checked against its interval and put in order of time."""

from operator import ge, gt, itemgetter
from typing import Final, Protocol

import msgspec

from vitalkeep.datatypes.descriptors import Field
from vitalkeep.datatypes.records import RecordRejected, to_pointer
from vitalkeep.datatypes.times import are_plain, canonical_text, read_time

_OUTSIDE: Final = "must lie inside the record's start and end"


class Sample(Protocol):
    """A sample, as far as this module looks into it: what it holds besides varies by type."""

    time: str


class Stage(Protocol):
    """A stage, as far as this module looks into it."""

    start: str
    end: str


def sort_samples(samples: list[Sample], field: Field, start: int, end: int) -> list[Sample]:
    """The samples in canonical form, by time; equal times are ordered by what they hold.

    `start` and `end` are in microseconds. Raises RecordRejected, pointing at the place in the order
    in which they were sent.
    """
    texts = [sample.time for sample in samples]
    if not any(map(ge, texts, texts[1:])) and _lie_within(texts, start, end):
        return samples
    timed: list[tuple[int, bytes, Sample]] = []
    for index, sample in enumerate(samples):
        moment, _ = read_time(sample.time, field.name, index, "time")
        if not start <= moment <= end:
            raise _outside(field.name, index, "time")
        sample.time = canonical_text(sample.time)
        timed.append((moment, msgspec.json.encode(sample), sample))
    timed.sort(key=itemgetter(0, 1))
    return [sample for *_, sample in timed]


def sort_stages(stages: list[Stage], field: Field, start: int, end: int) -> list[Stage]:
    """The stages in canonical form, by time; they may leave gaps but never overlap.

    `start` and `end` are in microseconds. Raises RecordRejected, pointing at the place in the order
    in which they were sent.
    """
    texts = [text for stage in stages for text in (stage.start, stage.end)]
    starts = texts[::2]
    disjoint = not any(map(gt, texts, texts[1:])) and not any(map(ge, starts, starts[1:]))
    if disjoint and _lie_within(texts, start, end):
        return stages
    timed: list[tuple[int, int, bytes, int, Stage]] = []
    for index, stage in enumerate(stages):
        first, last = _read_stage(stage, field, index, start, end)
        stage.start, stage.end = canonical_text(stage.start), canonical_text(stage.end)
        timed.append((first, last, msgspec.json.encode(stage), index, stage))
    timed.sort(key=itemgetter(0, 1, 2))
    reached = start
    for first, last, _, index, _ in timed:
        if first < reached:
            detail = "must not begin before another stage has ended"
            raise RecordRejected("overlapping_stages", to_pointer((field.name, index)), detail)
        reached = last
    return [stage for *_, stage in timed]


def _read_stage(stage: Stage, field: Field, index: int, start: int, end: int) -> tuple[int, int]:
    first, _ = read_time(stage.start, field.name, index, "start")
    last, _ = read_time(stage.end, field.name, index, "end")
    if not start <= first <= end:
        raise _outside(field.name, index, "start")
    if last < first:
        pointer = to_pointer((field.name, index, "end"))
        raise RecordRejected("end_before_start", pointer, "must not be before its start")
    if last > end:
        raise _outside(field.name, index, "end")
    return first, last


def _lie_within(texts: list[str], start: int, end: int) -> bool:
    """Whether times in the order of their text are plain and inside the interval.

    Plain times sort as text just as their instants do.
    """
    if not texts:
        return True
    if not are_plain(texts):
        return False
    return start <= read_time(texts[0])[0] and read_time(texts[-1])[0] <= end


def _outside(*place: str | int) -> RecordRejected:
    return RecordRejected("sample_outside_interval", to_pointer(place), _OUTSIDE)
