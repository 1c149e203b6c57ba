"""Points and sessions as Google's two APIs answer them, and what they say."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import strategies as st

from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.records import RecordRejected

Json = dict[str, Any]
Outcomes = Sequence[Measurement | RecordRejected]

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
APP = "jp.example.pull"
SEVEN = 1_795_129_200
"""2026-11-19T23:00:00Z in seconds since 1970."""
START, END = "2026-11-19T23:00:00Z", "2026-11-19T23:10:00Z"
NAMED = "users/abc/dataTypes/weight/dataPoints/a1b2-c3d4"
SCALE = "raw:com.google.weight:jp.example.scale:Example:Scale S1:a1b2:"
FIT_TYPES = {
    "steps": "com.google.step_count.delta",
    "distance": "com.google.distance.delta",
    "weight": "com.google.weight",
    "body_fat": "com.google.body.fat.percentage",
    "blood_pressure": "com.google.blood_pressure",
    "blood_glucose": "com.google.blood_glucose",
    "heart_rate": "com.google.heart_rate.bpm",
    "body_temperature": "com.google.body.temperature",
    "oxygen_saturation": "com.google.oxygen_saturation",
}

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
    ),
    max_leaves=8,
)
"""Any JSON, and the numbers that only a parser lets through."""


def fit(name: str, *values: Json, at: float = 0, lasts: float = 0, origin: str = "") -> Json:
    """A point of Fit that begins `at` seconds after `SEVEN`; `origin` is the stream it is from."""
    start = SEVEN * 10**9 + round(at * 10**9)
    point: Json = {
        "startTimeNanos": str(start),
        "endTimeNanos": str(start + round(lasts * 10**9)),
        "dataTypeName": FIT_TYPES[name],
        "value": list(values),
    }
    return {**point, "originDataSourceId": origin} if origin else point


def real(number: object) -> Json:
    """A value of Fit that is a fraction."""
    return {"fpVal": number, "mapVal": []}


def whole(number: object) -> Json:
    """A value of Fit that is an integer."""
    return {"intVal": number, "mapVal": []}


def sample(key: str, time: str = START, **members: object) -> Json:
    """A point of Google Health that is of an instant; `key` is its type in camel case."""
    return {key: {"sampleTime": {"physicalTime": time, "utcOffset": "32400s"}, **members}}


def interval(key: str, start: str, end: str, **members: object) -> Json:
    """A point of Google Health that lasts."""
    times = {"startTime": start, "startUtcOffset": "32400s"}
    times |= {"endTime": end, "endUtcOffset": "32400s"}
    return {key: {"interval": times, **members}}


def source(platform: str, app: str = "", **device: str) -> Json:
    """A `dataSource` of Google Health."""
    made: Json = {"platform": platform, "recordingMethod": "PASSIVELY_MEASURED"}
    if app:
        made["application"] = {"packageName": app}
    return {"dataSource": {**made, "device": device} if device else made}


def weight(**changes: object) -> Json:
    """A weight of Google Health with members of its object replaced."""
    made = sample("weight", weightGrams=68400)
    return {"weight": {**made["weight"], **changes}}


def timed(**changes: object) -> Json:
    """A weight with members of its time replaced; None takes one out."""
    times = {"physicalTime": START, "utcOffset": "32400s", **changes}
    return weight(sampleTime={name: value for name, value in times.items() if value is not None})


def night(**metadata: object) -> Json:
    """A night of Google Health with these metadata."""
    made = interval("sleep", START, "2026-11-20T01:00:00Z", type="STAGES")
    made["sleep"]["metadata"] = metadata
    return {**made, "name": "users/me/dataTypes/sleep/dataPoints/zzzz"}


def only(outcomes: Outcomes) -> Measurement:
    """The one outcome, which is a record."""
    (outcome,) = outcomes
    assert isinstance(outcome, Measurement), outcome
    return outcome


def content(record: Measurement) -> Json:
    """What is stored of a record besides type, times, version and origin."""
    parsed: Json = orjson.loads(b"{" + record.content + b"}")
    return parsed


def values(record: Measurement) -> Json:
    """The content without what the record is called."""
    return {name: value for name, value in content(record).items() if name != "client_id"}


def refusals(outcomes: Outcomes) -> list[tuple[str, str]]:
    """Code and pointer of what was refused."""
    return [(each.code, each.pointer) for each in outcomes if isinstance(each, RecordRejected)]


def told(outcomes: Outcomes) -> list[object]:
    """Everything that the outcomes say, comparable."""
    refused = sorted(refusals(outcomes))
    return [[each for each in outcomes if isinstance(each, Measurement)], refused]
