"""Stages of a night in the Google Health API.

Its stages, what lies over them as short awakenings, and the times out of bed are lists of their
own. RESTLESS is being awake in bed: Google's own totals of sleep leave it out.

Source: google.devicesandservices.health.v4, Sleep.
"""

from collections.abc import Iterator
from typing import Final

from vitalkeep.datatypes.choices import SLEEP_STAGE
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.google_health_points import Moment, to_interval
from vitalkeep.datatypes.dialects.google_sleep import Segment, to_stages
from vitalkeep.datatypes.dialects.google_values import find_object, list_entries, to_named
from vitalkeep.datatypes.records import RecordRejected

_WORDS: Final = {"ASLEEP": "sleeping", "RESTLESS": "awake_in_bed"}
_LISTS: Final = (
    ("stages", "SLEEP_STAGE_TYPE_UNSPECIFIED"),
    ("shortAwakenings", "AWAKE"),
    ("outOfBedSegments", "OUT_OF_BED"),
)
"""Where stages are, and what they are if they don't say it themselves."""


def to_night(sleep: JsonObject, start: Moment, end: Moment) -> list[JsonObject]:
    """The stages of a `sleep` object; what lies outside or can't be read is passed over."""
    return to_stages(_segments(sleep), start.time, end.time)


def _segments(sleep: JsonObject) -> Iterator[Segment]:
    for name, silent in _LISTS:
        for entry in list_entries(sleep.get(name)):
            given = find_object(entry)
            try:
                first, last = to_interval(given, "")
            except RecordRejected:
                continue
            word = silent if name == "outOfBedSegments" else given.get("type", silent)
            stage = to_named(word, SLEEP_STAGE, _WORDS) or "unknown"
            yield Segment(first.time, last.time, stage, first.offset, last.offset)
