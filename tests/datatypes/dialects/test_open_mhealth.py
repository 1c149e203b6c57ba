from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.datatypes.dialects.points import ABSENT, APP, HOUR, NOW, content, point, schema_id
from vitalkeep.datatypes import units
from vitalkeep.datatypes.common import list_members
from vitalkeep.datatypes.descriptors import DataType, OpenMHealth
from vitalkeep.datatypes.dialects.open_mhealth import EXAMPLES, measurement, to_record
from vitalkeep.datatypes.dialects.open_mhealth_values import DURATIONS, UCUM
from vitalkeep.datatypes.records import validate_record
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.datatypes.structs import KINDS

SPOKEN = [kind for kind in TYPES if kind.open_mhealth is not None]
every_spoken_type = pytest.mark.parametrize("kind", SPOKEN, ids=lambda kind: kind.name)


def theirs(kind: DataType) -> OpenMHealth:
    assert kind.open_mhealth is not None
    return kind.open_mhealth


def test_every_type_but_distance_has_a_schema() -> None:
    assert {kind.name for kind in TYPES} - EXAMPLES.keys() == {"distance"}


@every_spoken_type
def test_every_example_becomes_a_valid_record_of_its_type(kind: DataType) -> None:
    record = to_record(EXAMPLES[kind.name], APP)
    assert KINDS[type(validate_record(record))] is kind
    assert measurement(EXAMPLES[kind.name], APP, NOW).type is kind


@every_spoken_type
def test_the_mapping_names_fields_units_and_words_that_exist(kind: DataType) -> None:
    fields = {f.name: f for each in list_members(kind) for f in (each, *each.parts)}
    for schema in (theirs(kind).schema, theirs(kind).staged_schema):
        assert schema is None or schema.rpartition(".")[0] in theirs(kind).reads
    for member in theirs(kind).members:
        known = fields[member.field]
        if member.unit in UCUM:
            assert units.get_ucum(UCUM[member.unit]).ucum == known.unit
            assert units.is_stored(units.get_ucum(UCUM[member.unit]))
        choices = known.choices or next((p.choices for p in known.parts if p.choices), None)
        for _, ours in member.words:
            assert choices is not None
            assert ours in choices.values


@every_spoken_type
def test_every_schema_that_is_read_gives_the_same_record(kind: DataType) -> None:
    expected = measurement(EXAMPLES[kind.name], APP, NOW)
    for schema in theirs(kind).reads:
        if kind.name != "sleep":
            for version in (f"{schema}.0", f"{schema}.9", f"{schema}.x", schema):
                made = point(kind.name, schema_id=schema_id(version))
                assert measurement(made, APP, NOW) == expected


@every_spoken_type
def test_members_of_a_later_version_are_passed_over(kind: DataType) -> None:
    made = point(kind.name, {"confidence": {"value": 1}}, user_id="u", acquisition_rate={})
    made["header"]["schema_id"]["url"] = "https://example.jp/schema"
    assert measurement({**made, "id": 1}, APP, NOW) == measurement(EXAMPLES[kind.name], APP, NOW)


def test_steps_may_come_as_a_bare_number() -> None:
    bare = point("steps", {"step_count": 2310}, schema_id=schema_id("omh:step-count:2.0"))
    assert measurement(bare, APP, NOW) == measurement(EXAMPLES["steps"], APP, NOW)
    assert content(point("steps", {"step_count": 812.0}))["count"] == 812


@pytest.mark.parametrize(
    ("name", "member", "unit", "value", "stored"),
    [
        ("weight", "body_weight", "lb", 151, 68.492448),
        ("weight", "body_weight", "oz", 2412.74, 68.400028),
        ("weight", "body_weight", "g", 68400, 68.4),
        ("weight", "body_weight", "mg", 68400000, 68.4),
        ("weight", "body_weight", "ug", 68400000000, 68.4),
        ("body_temperature", "body_temperature", "F", 98.6, 37.0),
        ("body_temperature", "body_temperature", "K", 310.15, 37.0),
        ("blood_glucose", "blood_glucose", "mg/dL", 110, 6.111111),
    ],
)
def test_a_value_is_converted_by_its_declared_unit_and_kept(
    name: str, member: str, unit: str, value: float, stored: float
) -> None:
    converted = content(point(name, {member: {"value": value, "unit": unit}}))
    assert stored in converted.values()
    assert converted["original"] == {"value": value, "unit": UCUM[unit]}


@pytest.mark.parametrize(
    ("name", "member", "unit", "value"),
    [
        ("weight", "body_weight", "kg", 0.9),
        ("body_fat", "body_fat_percentage", "%", 0.9),
        ("oxygen_saturation", "oxygen_saturation", "%", 0.9),
        ("body_temperature", "body_temperature", "C", 36.6),
        ("blood_glucose", "blood_glucose", "mmol/L", 6.1),
        ("blood_pressure", "systolic_blood_pressure", "mmHg", 128.5),
        ("blood_pressure", "diastolic_blood_pressure", "mmHg", 82.5),
    ],
)
def test_a_value_in_the_stored_unit_stays_as_it_is(
    name: str, member: str, unit: str, value: float
) -> None:
    stored = content(point(name, {member: {"value": value, "unit": unit}}))
    assert value in stored.values()
    assert "original" not in stored


def test_a_fraction_of_a_beat_is_rounded_and_kept() -> None:
    pulse = content(point("heart_rate", {"heart_rate": {"value": 72.4, "unit": "beats/min"}}))
    assert [each["beats_per_minute"] for each in pulse["samples"]] == [72]
    assert pulse["original"] == {"value": 72.4, "unit": "/min"}
    whole = content(point("heart_rate", {"heart_rate": {"value": 72.0, "unit": "beats/min"}}))
    assert [each["beats_per_minute"] for each in whole["samples"]] == [72]
    assert "original" not in whole


def test_a_heart_rate_of_an_interval_keeps_the_interval() -> None:
    m = measurement(point("heart_rate", {"effective_time_frame": HOUR}), APP, NOW)
    assert m.end - m.start == timedelta(hours=1)
    assert b'{"time":"2026-11-20T07:00:00+09:00"' in m.content


def interval(**members: object) -> dict[str, Any]:
    return {"effective_time_frame": {"time_interval": members}}


def length(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


START, END = "2026-11-20T07:00:00+09:00", "2026-11-20T07:30:00+09:00"


@pytest.mark.parametrize(
    "frame",
    [
        interval(start_date_time=START, end_date_time=END),
        interval(start_date_time=START, duration=length(30, "min")),
        interval(end_date_time=END, duration=length(30, "min")),
        interval(end_date_time=END, duration=length(1800, "sec")),
        interval(start_date_time=START, duration=length(0.5, "h")),
        interval(start_date_time=START, end_date_time=END, duration=length(7, "d")),
    ],
    ids=range(6),
)
def test_an_interval_may_be_told_by_any_two_of_start_end_and_length(frame: dict[str, Any]) -> None:
    m = measurement(point("steps", frame), APP, NOW)
    assert m.start == datetime(2026, 11, 19, 22, tzinfo=UTC)
    assert m.end == datetime(2026, 11, 19, 22, 30, tzinfo=UTC)
    assert (m.start_offset, m.end_offset) == (540, 540)


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("ps", 2_000_000, timedelta(microseconds=2)),
        ("ns", 2_000, timedelta(microseconds=2)),
        ("us", 2, timedelta(microseconds=2)),
        ("ms", 1.5, timedelta(microseconds=1500)),
        ("sec", 90, timedelta(seconds=90)),
        ("min", 1.5, timedelta(seconds=90)),
        ("h", 2, timedelta(hours=2)),
        ("d", 1, timedelta(days=1)),
        ("wk", 1, timedelta(weeks=1)),
    ],
)
def test_every_unit_of_duration_has_its_length(
    unit: str, value: float, expected: timedelta
) -> None:
    frame = interval(start_date_time="2026-11-01T00:00:00Z", duration=length(value, unit))
    m = measurement(point("steps", frame), APP, NOW)
    assert m.end - m.start == expected
    assert unit in DURATIONS


@pytest.mark.parametrize(
    ("text", "start", "offset"),
    [
        ("2026-11-20T07:02:11+09:00", "2026-11-19T22:02:11", 540),
        ("2026-11-20T07:02:11.123456789Z", "2026-11-20T07:02:11.123456", None),
        # The schema says that a time without a zone is in UTC; where the person was is unknown.
        ("2026-11-20T07:02:11", "2026-11-20T07:02:11", None),
        ("2026-11-20T07:02:11.5", "2026-11-20T07:02:11.5", None),
        ("2026-11-20T07:02:11+00:00", "2026-11-20T07:02:11", 0),
    ],
)
def test_a_moment_keeps_the_offset_that_it_names(text: str, start: str, offset: int | None) -> None:
    m = measurement(point("weight", {"effective_time_frame": {"date_time": text}}), APP, NOW)
    assert m.start == datetime.fromisoformat(start + "+00:00")
    assert m.start_offset == offset


def test_an_interval_without_length_is_a_moment() -> None:
    frame = interval(start_date_time=START, end_date_time=START)
    assert measurement(point("weight", frame), APP, NOW).start.hour == 22


def words() -> list[Any]:
    return [
        pytest.param(kind.name, member.member, word, member.field, ours)
        for kind in SPOKEN
        for member in theirs(kind).members
        for word, ours in member.words
        if kind.name != "sleep"
    ]


@pytest.mark.parametrize(("name", "member", "word", "field", "ours"), words())
def test_every_word_has_its_meaning(
    name: str, member: str, word: str, field: str, ours: str
) -> None:
    others = {m.member: ABSENT for m in theirs(BY_NAME[name]).members if m.words}
    assert content(point(name, {**others, member: word}))[field] == ours


def test_a_meal_is_told_by_two_of_our_fields() -> None:
    before = content(point("blood_glucose", {"temporal_relationship_to_meal": "before dinner"}))
    assert (before["relation_to_meal"], before["meal_type"]) == ("before_meal", "dinner")
    fasting = content(point("blood_glucose"))
    assert (fasting["relation_to_meal"], "meal_type" in fasting) == ("fasting", False)


@pytest.mark.parametrize(
    ("name", "member", "field"),
    [
        ("blood_glucose", "temporal_relationship_to_meal", "relation_to_meal"),
        ("blood_glucose", "specimen_source", "specimen_source"),
        ("blood_pressure", "body_posture", "body_position"),
        ("blood_pressure", "measurement_location", "measurement_location"),
        ("body_temperature", "measurement_location", "measurement_location"),
    ],
)
@pytest.mark.parametrize("word", ["left thigh", "not fasting", ""])
def test_a_word_without_a_counterpart_is_unknown(
    name: str, member: str, field: str, word: str
) -> None:
    stored = content(point(name, {member: word}))
    assert stored[field] == "unknown"
    assert "meal_type" not in stored


def test_of_two_names_of_a_member_the_newer_counts() -> None:
    both = {"body_posture": "standing", "position_during_measurement": "sitting"}
    assert content(point("blood_pressure", both))["body_position"] == "standing_up"


@pytest.mark.parametrize("name", ["id", "uuid"])
def test_the_header_s_id_is_the_client_id_and_never_a_platform_s(name: str) -> None:
    header: dict[str, Any] = {"id": ABSENT, name: "5F2B7C1E-8d0a-4a5e-9b60-3f1d2c7a9e11"}
    m = measurement(point("weight", **header), APP, NOW)
    assert (m.client_id, m.platform_id) == ("5F2B7C1E-8d0a-4a5e-9b60-3f1d2c7a9e11", None)


@pytest.mark.parametrize(
    ("header", "app", "method"),
    [
        ({}, "jp.example.scale", "automatically_recorded"),
        ({"acquisition_provenance": ABSENT}, APP, None),
        ({"acquisition_provenance": {}}, APP, None),
        ({"acquisition_provenance": ABSENT, "modality": "sensed"}, APP, "automatically_recorded"),
        ({"acquisition_provenance": {"modality": "self-reported"}}, APP, "manual_entry"),
        ({"acquisition_provenance": {"modality": "guessed"}}, APP, "unknown"),
        ({"modality": "self-reported"}, "jp.example.scale", "manual_entry"),
    ],
    ids=range(7),
)
def test_the_header_tells_app_and_method(
    header: dict[str, Any], app: str, method: str | None
) -> None:
    made = point("weight", **header)
    assert orjson.loads(measurement(made, APP, NOW).origin) == {"app": app}
    assert content(made).get("recording_method") == method
