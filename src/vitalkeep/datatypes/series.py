"""Samples and stages inside a record: checked against its interval and put in order of time.

What comes in has passed validation, which also put each entry's members in the descriptors' order.
Entries in order and in canonical form, the usual case, are passed on as they are.
"""

from datetime import datetime
from typing import Final, TypeAlias

from vitalkeep.datatypes.descriptors import Field
from vitalkeep.datatypes.records import RecordRejected, to_pointer
from vitalkeep.datatypes.times import canonical_text, to_instant

_OUTSIDE: Final = "must lie inside the record's start and end"
Value: TypeAlias = str | int | float
Entry: TypeAlias = dict[str, Value]
Entries: TypeAlias = list[Entry]


def sort_samples(samples: Entries, field: Field, start: datetime, end: datetime) -> Entries:
    """The samples in canonical form, by time; equal times are ordered by what they hold.

    Raises RecordRejected, pointing at the place in the order in which they were sent.
    """
    timed: list[tuple[datetime, Entry]] = []
    before: datetime | None = None
    in_order = True
    for index, sample in enumerate(samples):
        text = str(sample["time"])
        moment = to_instant(text, field.name, index, "time")
        if not start <= moment <= end:
            raise _outside(field.name, index, "time")
        in_order = in_order and (before is None or before < moment)
        before = moment
        timed.append((moment, _canonical(sample, "time")))
    if not in_order:
        timed.sort(key=lambda pair: (pair[0], list(pair[1].values())))
    return [entry for _, entry in timed]


def sort_stages(stages: Entries, field: Field, start: datetime, end: datetime) -> Entries:
    """The stages in canonical form, by time; they may leave gaps but never overlap.

    Raises RecordRejected, pointing at the place in the order in which they were sent.
    """
    timed: list[tuple[datetime, datetime, list[Value], int, Entry]] = []
    for index, stage in enumerate(stages):
        first = to_instant(str(stage["start"]), field.name, index, "start")
        last = to_instant(str(stage["end"]), field.name, index, "end")
        if not start <= first <= end:
            raise _outside(field.name, index, "start")
        if last < first:
            pointer = to_pointer((field.name, index, "end"))
            raise RecordRejected("end_before_start", pointer, "must not be before its start")
        if last > end:
            raise _outside(field.name, index, "end")
        entry = _canonical(_canonical(stage, "start"), "end")
        timed.append((first, last, list(entry.values()), index, entry))
    timed.sort(key=lambda stage: stage[:3])
    reached = start
    for first, last, _, index, _ in timed:
        if first < reached:
            detail = "must not begin before another stage has ended"
            raise RecordRejected("overlapping_stages", to_pointer((field.name, index)), detail)
        reached = last
    return [entry for *_, entry in timed]


def _canonical(entry: Entry, name: str) -> Entry:
    """The entry with one of its times in canonical form."""
    text = str(entry[name])
    written = canonical_text(text)
    return entry if written == text else {**entry, name: written}


def _outside(*place: str | int) -> RecordRejected:
    return RecordRejected("sample_outside_interval", to_pointer(place), _OUTSIDE)
