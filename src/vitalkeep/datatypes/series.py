"""Samples and stages inside a record: checked against its interval and put in order of time.

What comes in has passed validation, which also put each entry's members in the descriptors' order.
Entries in order and in canonical form, the usual case, are passed on as they are.
"""

from datetime import datetime
from operator import ge
from typing import Final, TypedDict

import orjson

from vitalkeep.datatypes.descriptors import Field
from vitalkeep.datatypes.records import RecordRejected, to_pointer
from vitalkeep.datatypes.times import canonical_text, to_instant

_OUTSIDE: Final = "must lie inside the record's start and end"


class Sample(TypedDict):
    """A sample, as far as this module looks into it: what it holds besides varies by type."""

    time: str


class Stage(TypedDict):
    """A stage, as far as this module looks into it."""

    start: str
    end: str


def sort_samples(
    samples: list[Sample], field: Field, start: datetime, end: datetime
) -> list[Sample]:
    """The samples in canonical form, by time; equal times are ordered by what they hold.

    Raises RecordRejected, pointing at the place in the order in which they were sent.
    """
    if _is_canonical(samples, start, end):
        return samples
    timed: list[tuple[datetime, Sample]] = []
    for index, sample in enumerate(samples):
        text = sample["time"]
        moment = to_instant(text, field.name, index, "time")
        if not start <= moment <= end:
            raise _outside(field.name, index, "time")
        timed.append((moment, {**sample, "time": canonical_text(text)}))
    timed.sort(key=lambda pair: (pair[0], orjson.dumps(pair[1])))
    return [sample for _, sample in timed]


def _is_canonical(samples: list[Sample], start: datetime, end: datetime) -> bool:
    """Whether nothing is left to do, told without looking at each sample for itself.

    Times to the second at one offset sort as text just as their instants do.
    """
    texts = [sample["time"] for sample in samples]
    zone = texts[0][19:]
    if zone == "-00:00" or zone[0] == "." or any(map(ge, texts, texts[1:])):
        return False
    if any(text[19:] != zone for text in texts):
        return False
    try:
        moments = [datetime.fromisoformat(text) for text in texts]
    except ValueError:
        return False
    return start <= moments[0] and moments[-1] <= end


def sort_stages(stages: list[Stage], field: Field, start: datetime, end: datetime) -> list[Stage]:
    """The stages in canonical form, by time; they may leave gaps but never overlap.

    Raises RecordRejected, pointing at the place in the order in which they were sent.
    """
    timed: list[tuple[datetime, datetime, int, Stage]] = []
    for index, stage in enumerate(stages):
        first = to_instant(stage["start"], field.name, index, "start")
        last = to_instant(stage["end"], field.name, index, "end")
        if not start <= first <= end:
            raise _outside(field.name, index, "start")
        if last < first:
            pointer = to_pointer((field.name, index, "end"))
            raise RecordRejected("end_before_start", pointer, "must not be before its start")
        if last > end:
            raise _outside(field.name, index, "end")
        begun, ended = canonical_text(stage["start"]), canonical_text(stage["end"])
        timed.append((first, last, index, {**stage, "start": begun, "end": ended}))
    timed.sort(key=lambda span: (span[0], span[1], orjson.dumps(span[3])))
    reached = start
    for first, last, index, _ in timed:
        if first < reached:
            detail = "must not begin before another stage has ended"
            raise RecordRejected("overlapping_stages", to_pointer((field.name, index)), detail)
        reached = last
    return [stage for *_, stage in timed]


def _outside(*place: str | int) -> RecordRejected:
    return RecordRejected("sample_outside_interval", to_pointer(place), _OUTSIDE)
