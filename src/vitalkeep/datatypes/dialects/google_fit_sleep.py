"""Nights and naps of Google Fit: a session, and the points that tell its stages."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from vitalkeep.datatypes.choices import SLEEP_STAGE
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.google_fit_points import find_number, to_point_source, to_times
from vitalkeep.datatypes.dialects.google_points import (
    FIT,
    Draft,
    Source,
    name_by_times,
    to_origin,
    to_source,
)
from vitalkeep.datatypes.dialects.google_sleep import Segment, to_stages
from vitalkeep.datatypes.dialects.google_values import (
    find_object,
    get_object,
    to_integer,
    to_line,
    to_moment,
    to_name,
    to_numbered,
    to_text,
)
from vitalkeep.datatypes.records import RecordRejected

SLEEP_ACTIVITY: Final = 72
"""The activity type of sessions of sleep."""
SLEEP_SEGMENTS: Final = "com.google.sleep.segment"
ACTIVITY_SEGMENTS: Final = "com.google.activity.segment"
"""The data type in which old nights have their stages."""

_LAST_STAGE: Final = 6
_OLD_STAGES: Final = {72: "sleeping", 109: "light", 110: "deep", 111: "rem", 112: "awake"}


def draft_session(obj: object, segments: Sequence[object], sender: str) -> Draft:
    """The record of a session. Raises RecordRejected for one that is not of sleep."""
    session = get_object(obj, "")
    if to_integer(session.get("activityType"), "/activityType") != SLEEP_ACTIVITY:
        raise RecordRejected("invalid", "/activityType", f"must be {SLEEP_ACTIVITY}, sleep")
    start, end = (
        to_moment(to_integer(session.get(name), "/" + name) * 1000, "/" + name)
        for name in ("startTimeMillis", "endTimeMillis")
    )
    app = find_object(session, "application").get("packageName")
    source = to_source(FIT, (app,), sender, (None, None))
    told = list(_segments(segments, start, end))
    own = [each for each in told if each[0].app == source.app] or told
    devices = {each[0]._replace(app=source.app, method=None) for each in own}
    record: JsonObject = {
        "type": "sleep",
        "client_id": to_name(session.get("id")) or name_by_times(source, start, end),
        "start": to_text(start, None),
        "end": to_text(end, None),
        "stages": to_stages((each[1] for each in own), start, end),
        "origin": to_origin(devices.pop() if len(devices) == 1 else source),
    }
    for name, theirs, limit in (("title", "name", 200), ("notes", "description", 2000)):
        if (line := to_line(session.get(theirs), limit)) is not None:
            record[name] = line
    places = {"/start": "/startTimeMillis", "/end": "/endTimeMillis", "/client_id": "/id"}
    return Draft(record, None, places)


def _segments(points: Iterable[object], start: int, end: int) -> Iterator[tuple[Source, Segment]]:
    """The segments that lie in a night with who measured them; old ones if there are no others."""
    found: dict[bool, list[tuple[Source, Segment]]] = {True: [], False: []}
    for point in points:
        segment = _segment(point)
        if segment is not None and max(segment.start, start) < min(segment.end, end):
            old = find_object(point).get("dataTypeName") == ACTIVITY_SEGMENTS
            found[old].append((to_point_source(find_object(point), "", None), segment))
    yield from found[False] or found[True]


def _segment(obj: object) -> Segment | None:
    """The stage that a point tells of, None for one that tells of none."""
    point = find_object(obj)
    name = point.get("dataTypeName", SLEEP_SEGMENTS)
    number, pointer = find_number(point, 0)
    try:
        start, end = to_times(point, instant=False)
        value = to_integer(number, pointer)
    except RecordRejected:
        return None
    if name == ACTIVITY_SEGMENTS:
        stage = _OLD_STAGES.get(value)
    elif name == SLEEP_SEGMENTS:
        stage = to_numbered(value if value <= _LAST_STAGE else 0, SLEEP_STAGE)
    else:
        stage = None
    return None if stage is None else Segment(start, end, stage)
