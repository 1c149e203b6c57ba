"""Heart rates as one record per source and hour of UTC: Google has a point for every sample.

The record is named by its hour. Whoever reads whole hours gives the same record again, and the same
content, whatever the order of points and pages; part of an hour would take the place of all of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from vitalkeep.datatypes.canonical import to_measurement
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.google_points import (
    Outcome,
    Source,
    name_by_hour,
    settle,
    to_origin,
)
from vitalkeep.datatypes.dialects.google_values import Number, to_quantity, to_text
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.registry import BY_NAME

_HOUR_US: Final = 3_600_000_000
_SAMPLES: Final = BY_NAME["heart_rate"].fields[0]
_BEATS: Final = _SAMPLES.parts[1]
_MAX_SAMPLES: Final = int(_SAMPLES.high or 0)


class Beat(NamedTuple):
    """One sample: microseconds since 1970, minutes east of UTC, beats per minute."""

    source: Source
    time: int
    offset: int | None
    rate: int


def to_rate(number: Number, pointer: str) -> int:
    """Whole beats per minute. Raises RecordRejected for what no heart can do."""
    rate = int(to_quantity(number, _BEATS, "/min")[0])
    if not (_BEATS.low or 0) <= rate <= (_BEATS.high or 0):
        detail = f"must be between {_BEATS.low} and {_BEATS.high} /min"
        raise RecordRejected("out_of_range", pointer, detail)
    return rate


def to_hours(
    samples: Iterable[Beat | RecordRejected], now: datetime, time_pointer: str
) -> list[Outcome]:
    """A record per source and hour, by time, and after them what was refused.

    An hour that can't be stored is refused once for each of its samples, at `time_pointer`.
    """
    hours: defaultdict[tuple[object, ...], list[Beat]] = defaultdict(list)
    outcomes: list[Outcome] = []
    for sample in samples:
        if isinstance(sample, RecordRejected):
            outcomes.append(sample)
        else:
            hours[(*sample.source.streams, sample.time // _HOUR_US)].append(sample)
    for beats in hours.values():
        for record in _to_records(beats):
            try:
                outcomes.append(to_measurement(validate_record(record), now))
            except RecordRejected as refusal:
                again = RecordRejected(refusal.code, time_pointer, refusal.detail)
                outcomes.extend([again] * len(beats))
    return settle(outcomes)


def _to_records(beats: list[Beat]) -> Iterator[JsonObject]:
    """The record of an hour, or several where it has more samples than a record may have."""
    folded = _fold(beats)
    source = _common_source(beats)
    name = name_by_hour(source, to_text(beats[0].time // _HOUR_US * _HOUR_US, None)[:13] + "Z")
    for part, first in enumerate(range(0, len(folded), _MAX_SAMPLES)):
        held = folded[first : first + _MAX_SAMPLES]
        record: JsonObject = {
            "type": "heart_rate",
            "start": to_text(held[0].time, held[0].offset),
            "end": to_text(held[-1].time, held[-1].offset),
            "samples": [
                {"time": to_text(beat.time, beat.offset), "beats_per_minute": beat.rate}
                for beat in held
            ],
            "client_id": f"{name}.{part}" if part else name,
            "origin": to_origin(source),
        }
        if source.method is not None:
            record["recording_method"] = source.method
        yield record


def _fold(beats: list[Beat]) -> list[Beat]:
    """One sample per microsecond, in order: the highest, so that nothing alarming is lost."""
    folded: dict[int, Beat] = {}
    for beat in beats:
        other = folded.get(beat.time)
        if other is None or _weight(beat) > _weight(other):
            folded[beat.time] = beat
    return [folded[time] for time in sorted(folded)]


def _weight(beat: Beat) -> tuple[int, bool, int]:
    return beat.rate, beat.offset is not None, beat.offset or 0


def _common_source(beats: list[Beat]) -> Source:
    """The source of an hour; a device type or method that not all samples share is left out."""
    kinds = {beat.source.kind for beat in beats}
    methods = {beat.source.method for beat in beats}
    return beats[0].source._replace(
        kind=kinds.pop() if len(kinds) == 1 else None,
        method=methods.pop() if len(methods) == 1 else None,
    )
