"""Sleep in Open mHealth and IEEE 1752.1: an episode, a summary of its stages, or a total.

Stages become ours where the point says when they were. A total of sleep without them says how long
and not when, so the record is the session with no stages, and the total stays as its `original`.

Source: openmhealth/schemas, sleep-episode 1.1, sleep-duration 2.0, total-sleep-time 1.0;
IEEE 1752.1 sleep-episode, total-sleep-time and sleep-stage-summary 1.0.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NamedTuple

from vitalkeep.datatypes.canonical import Original
from vitalkeep.datatypes.choices import SLEEP_STAGE
from vitalkeep.datatypes.descriptors import JsonObject, OpenMHealthMember
from vitalkeep.datatypes.dialects.open_mhealth_values import (
    Span,
    get_object,
    to_duration,
    to_interval,
    to_span,
)
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.times import to_instant

SUMMARY: Final = "sleep_stage_summary"
"""The member in which a summary of stages keeps its totals."""


class Total(NamedTuple):
    """Where a schema has the total of sleep: the object's path in the body, and the member."""

    path: tuple[str, ...]
    member: str
    required: bool


TOTALS: Final[Mapping[str, Total]] = {
    "sleep-episode": Total((), "total_sleep_time", required=False),
    "total-sleep-time": Total((), "total_sleep_time", required=True),
    "sleep-duration": Total((), "sleep_duration", required=True),
    "sleep-stage-summary": Total((SUMMARY,), "total_sleep_time", required=True),
}


class Stages(NamedTuple):
    """Stages in our terms, and for each of our pointers into them the sender's."""

    stages: list[JsonObject]
    places: dict[str, str]


def to_stages(body: JsonObject, members: tuple[OpenMHealthMember, ...]) -> Stages:
    """The stages of which the point says when they were; none if it does not."""
    for member in members:
        if member.member in body:
            return _listed(body[member.member], member, f"/body/{member.member}")
    return Stages([], {"/stages": "/body"})


def _listed(given: object, member: OpenMHealthMember, pointer: str) -> Stages:
    if not isinstance(given, list):
        raise RecordRejected("invalid", pointer, "must be a list")
    stages: list[JsonObject] = []
    places = {f"/{member.field}": pointer}
    for index, entry in enumerate(given):
        ours, theirs = f"/{member.field}/{index}", f"{pointer}/{index}"
        if not isinstance(entry, dict):
            raise RecordRejected("invalid", theirs, "must be an object")
        span = _span(entry, member, theirs)
        stages.append(
            {"start": span.start, "end": span.end, "stage": _stage(entry, member, theirs)}
        )
        places |= {
            ours: theirs,
            f"{ours}/start": span.start_pointer,
            f"{ours}/end": span.end_pointer,
        }
    return Stages(stages, places)


def _span(entry: JsonObject, member: OpenMHealthMember, pointer: str) -> Span:
    """Sleep events are intervals themselves; stages have theirs in a time frame."""
    if not member.words:
        return to_interval(entry, pointer)
    return to_span(entry, "sleep_stage_time_frame", pointer)


def _stage(entry: JsonObject, member: OpenMHealthMember, pointer: str) -> str:
    if not member.words:
        return "sleeping"
    word = entry.get("sleep_stage_state")
    if not isinstance(word, str):
        raise RecordRejected("invalid", f"{pointer}/sleep_stage_state", "must be text")
    return dict(member.words).get(word, SLEEP_STAGE.values[0])


def to_total(body: JsonObject, schema: str, span: Span) -> Original | None:
    """The total of sleep that a point of the schema tells, with its UCUM unit.

    Raises RecordRejected where the schema is about the total and there is none, or it is longer
    than the point's own interval.
    """
    place = TOTALS[schema]
    holder, pointer = body, "/body"
    for name in place.path:
        holder, pointer = get_object(holder, name, pointer), f"{pointer}/{name}"
    pointer += f"/{place.member}"
    if place.member not in holder:
        if place.required:
            raise RecordRejected("invalid", pointer, "is required")
        return None
    length, original = to_duration(holder[place.member], pointer)
    start = to_instant(span.start, *span.start_pointer.split("/")[1:])
    end = to_instant(span.end, *span.end_pointer.split("/")[1:])
    # A span that ends before its start is refused as such.
    if length > end - start >= timedelta():
        detail = "must not be longer than the time interval"
        raise RecordRejected("out_of_range", f"{pointer}/value", detail)
    return original
