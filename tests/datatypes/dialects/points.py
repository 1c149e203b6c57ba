"""Data points of Open mHealth, from the types' examples and from records, and what they say."""

import copy
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from vitalkeep.datatypes.descriptors import DataType, OpenMHealth
from vitalkeep.datatypes.dialects.open_mhealth import EXAMPLES, MODALITIES, measurement
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.registry import BY_NAME

Json = dict[str, Any]

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
APP = "jp.example.sender"
ABSENT = object()
DAY = {
    "start_date_time": "2026-11-20T07:00:00+09:00",
    "end_date_time": "2026-11-20T08:00:00+09:00",
}
HOUR = {"time_interval": DAY}


def point(name: str, body: Json | None = None, **header: Any) -> Json:
    """The type's example with members of body and header replaced; ABSENT takes one out."""
    made = copy.deepcopy(EXAMPLES[name])
    assert isinstance(made["header"], dict)
    assert isinstance(made["body"], dict)
    made["header"] = present({**made["header"], **header})
    made["body"] = present({**made["body"], **(body or {})})
    return made


def present(members: Json) -> Json:
    """The members that are not ABSENT."""
    return {name: value for name, value in members.items() if value is not ABSENT}


def schema_id(text: str) -> Json:
    """`omh:body-weight:3.0` as a header has it."""
    namespace, name, version = text.split(":")
    return {"namespace": namespace, "name": name, "version": version}


def asleep(schema: str, **body: Any) -> Json:
    """A point about the night of the example, of another schema about sleep."""
    frame = EXAMPLES["sleep"]["body"]
    assert isinstance(frame, dict)
    held = {"effective_time_frame": frame["effective_time_frame"], **body}
    header = {"id": "night-1", "schema_id": schema_id(schema)}
    return {"header": header, "body": present(held)}


def content(made: object) -> Json:
    """What is stored of a point besides type, times, version and origin."""
    parsed: Json = orjson.loads(b"{" + measurement(made, APP, NOW).content + b"}")
    return parsed


def refusal(made: object) -> tuple[str, str]:
    """Code and pointer of a point's refusal."""
    with pytest.raises(RecordRejected) as caught:
        measurement(made, APP, NOW)
    return caught.value.code, caught.value.pointer


def write_point(record: Json) -> Json:
    """The data point that an exporter would make of a canonical record, from the descriptors."""
    kind = BY_NAME[record["type"]]
    theirs = kind.open_mhealth
    assert theirs is not None
    staged = bool(record.get("stages"))
    schema = theirs.staged_schema if staged and theirs.staged_schema else theirs.schema
    provenance: Json = {"source_name": record["origin"]["app"]}
    for word, ours in MODALITIES.items():
        if record.get("recording_method") == ours:
            provenance["modality"] = word
    header = {"schema_id": schema_id(schema), "acquisition_provenance": provenance}
    if "client_id" in record:
        header["id"] = record["client_id"]
    return {"header": header, "body": {**write_frame(record), **write_body(kind, theirs, record)}}


def write_frame(record: Json) -> Json:
    """The effective time frame of a record, or of one of its stages."""
    if "time" in record:
        return {"effective_time_frame": {"date_time": record["time"]}}
    interval = {"start_date_time": record["start"], "end_date_time": record["end"]}
    return {"effective_time_frame": {"time_interval": interval}}


def write_body(kind: DataType, theirs: OpenMHealth, record: Json) -> Json:
    """Every field that has a member, in the stored unit and the first word for it."""
    if kind.name == "sleep":
        return write_stages(theirs, record)
    if kind.name == "heart_rate":
        (sample,) = record["samples"]
        record = {**record, "beats_per_minute": sample["beats_per_minute"]}
    body: Json = {}
    for member in theirs.members:
        value = record.get(member.field)
        if value is None or member.member in body:
            continue
        if member.words:
            known = [theirs for theirs, ours in member.words if ours == value]
            if known:
                body[member.member] = known[0]
        else:
            body[member.member] = {"value": value, "unit": member.unit}
    meal = record.get("meal_type")
    relation = record.get("relation_to_meal", "").removesuffix("_meal")
    if meal in ("breakfast", "lunch", "dinner") and relation in ("before", "after"):
        body["temporal_relationship_to_meal"] = f"{relation} {meal}"
    return body


def write_stages(theirs: OpenMHealth, record: Json) -> Json:
    """The stages of a night with a summary that says as little as it may."""
    if not record["stages"]:
        return {}
    words = {ours: word for word, ours in theirs.members[0].words}
    episodes = [
        {
            "sleep_stage_state": words[stage["stage"]],
            "sleep_stage_time_frame": write_frame(stage)["effective_time_frame"],
        }
        for stage in record["stages"]
    ]
    total = {"total_sleep_time": {"value": 0, "unit": "min"}}
    return {"sleep_stage_summary": total, "sleep_stage_episodes": episodes}
