from typing import Any

import pytest

from tests.datatypes.dialects.points import (
    ABSENT,
    APP,
    HOUR,
    NOW,
    point,
    present,
    refusal,
    schema_id,
)
from vitalkeep.datatypes.dialects.open_mhealth import EXAMPLES, measurement
from vitalkeep.datatypes.records import RecordRejected

every_example = pytest.mark.parametrize("name", EXAMPLES)
FRAME = "/body/effective_time_frame"
INTERVAL = f"{FRAME}/time_interval"
START = "2026-11-20T07:00:00+09:00"


def at(text: object) -> dict[str, Any]:
    return {"effective_time_frame": {"date_time": text}}


def during(**members: object) -> dict[str, Any]:
    return {"effective_time_frame": {"time_interval": members}}


def bare(**members: object) -> dict[str, Any]:
    """The weight's example with members of the point itself replaced."""
    return present({**EXAMPLES["weight"], **members})


@pytest.mark.parametrize(
    ("made", "code", "pointer"),
    [
        (None, "invalid", ""),
        ([], "invalid", ""),
        ({}, "invalid", "/header"),
        (bare(header=ABSENT), "invalid", "/header"),
        (bare(header="x"), "invalid", "/header"),
        (bare(body=ABSENT), "invalid", "/body"),
        (bare(body=[]), "invalid", "/body"),
        (point("weight", schema_id=ABSENT), "invalid", "/header/schema_id"),
        (point("weight", schema_id="omh:body-weight:3.0"), "invalid", "/header/schema_id"),
    ],
    ids=range(9),
)
def test_a_point_is_a_header_and_a_body(made: object, code: str, pointer: str) -> None:
    assert refusal(made) == (code, pointer)


@pytest.mark.parametrize(
    ("named", "member"),
    [
        ({}, "name"),
        ({"namespace": "omh", "name": ["body-weight"], "version": "3.0"}, "name"),
        (schema_id("omh:body-height:1.0"), "name"),
        (schema_id("ieee:physical-activity:1.0"), "name"),
        (schema_id("granola:body-weight:3.0"), "name"),
        (schema_id("ieee:body-weight:3.0"), "name"),
        (schema_id("omh:body-weight:0.9"), "version"),
        (schema_id("omh:body-weight:4.0"), "version"),
        (schema_id("omh:body-weight:"), "version"),
        (schema_id("omh:body-weight:3.0 "), "version"),
        (schema_id("omh:body-weight:30"), "version"),
        ({"namespace": "omh", "name": "body-weight"}, "version"),
        ({"namespace": "omh", "name": "body-weight", "version": 3}, "version"),
    ],
    ids=range(13),
)
def test_another_schema_is_an_unknown_type(named: dict[str, Any], member: str) -> None:
    refused = refusal(point("weight", schema_id=named))
    assert refused == ("unknown_type", f"/header/schema_id/{member}")


@every_example
@pytest.mark.parametrize("member", ["descriptive_statistic", "descriptive_statistic_denominator"])
def test_a_statistic_is_no_measurement(name: str, member: str) -> None:
    for word in ("average", "sum", None):
        assert refusal(point(name, {member: word})) == ("invalid", f"/body/{member}")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"effective_time_frame": ABSENT}, "invalid", FRAME),
        ({"effective_time_frame": START}, "invalid", FRAME),
        ({"effective_time_frame": {}}, "invalid", FRAME),
        ({"effective_time_frame": HOUR}, "invalid", FRAME),
        ({"effective_time_frame": {"time_interval": START}}, "invalid", INTERVAL),
        (at(None), "invalid", f"{FRAME}/date_time"),
        (at(1763622000), "invalid", f"{FRAME}/date_time"),
        (at("2026-11-20"), "invalid", f"{FRAME}/date_time"),
        (at("2026-11-20T07:02"), "invalid", f"{FRAME}/date_time"),
        (at("2026-02-30T07:02:11Z"), "invalid", f"{FRAME}/date_time"),
        (at("1999-12-31T07:02:11Z"), "time_out_of_window", f"{FRAME}/date_time"),
        (at("2026-11-22T07:02:11Z"), "time_out_of_window", f"{FRAME}/date_time"),
    ],
    ids=range(12),
)
def test_a_weight_has_a_moment(body: dict[str, Any], code: str, pointer: str) -> None:
    assert refusal(point("weight", body)) == (code, pointer)


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (at(START), "invalid", FRAME),
        (during(), "invalid", INTERVAL),
        (during(start_date_time=START), "invalid", INTERVAL),
        (during(duration={"value": 1, "unit": "h"}), "invalid", INTERVAL),
        (during(date="2026-11-20", part_of_day="morning"), "invalid", f"{INTERVAL}/part_of_day"),
        (
            during(start_date_time=START, end_date_time="2026-11-20T06:00:00+09:00"),
            "end_before_start",
            f"{INTERVAL}/end_date_time",
        ),
        (
            during(start_date_time="7 o'clock", duration={"value": 1, "unit": "h"}),
            "invalid",
            f"{INTERVAL}/start_date_time",
        ),
        (
            during(start_date_time="2026-02-30T07:00:00Z", duration={"value": 1, "unit": "h"}),
            "invalid",
            f"{INTERVAL}/start_date_time",
        ),
        (during(start_date_time=START, duration=60), "invalid", f"{INTERVAL}/duration"),
        (
            during(start_date_time=START, duration={"value": 1, "unit": "Mo"}),
            "invalid",
            f"{INTERVAL}/duration/unit",
        ),
        (
            during(start_date_time=START, duration={"value": "1", "unit": "h"}),
            "invalid",
            f"{INTERVAL}/duration/value",
        ),
        (
            during(start_date_time=START, duration={"value": -1, "unit": "h"}),
            "out_of_range",
            f"{INTERVAL}/duration/value",
        ),
        (
            during(start_date_time=START, duration={"value": 2**60, "unit": "wk"}),
            "out_of_range",
            f"{INTERVAL}/duration/value",
        ),
        (
            during(start_date_time=START, duration={"value": 500_000, "unit": "wk"}),
            "out_of_range",
            f"{INTERVAL}/duration/value",
        ),
        (
            during(start_date_time=START, duration={"value": 10, "unit": "d"}),
            "time_out_of_window",
            f"{INTERVAL}/duration",
        ),
        (
            during(end_date_time=START, duration={"value": 2000, "unit": "wk"}),
            "time_out_of_window",
            f"{INTERVAL}/duration",
        ),
    ],
    ids=range(16),
)
def test_steps_have_an_interval(body: dict[str, Any], code: str, pointer: str) -> None:
    assert refusal(point("steps", body)) == (code, pointer)


VALUES = {
    "steps": "step_count",
    "weight": "body_weight",
    "body_fat": "body_fat_percentage",
    "blood_pressure": "systolic_blood_pressure",
    "blood_glucose": "blood_glucose",
    "heart_rate": "heart_rate",
    "body_temperature": "body_temperature",
    "oxygen_saturation": "oxygen_saturation",
}


@pytest.mark.parametrize(("name", "member"), VALUES.items())
def test_a_value_has_a_number_in_bounds_and_a_unit_it_can_have(name: str, member: str) -> None:
    body = EXAMPLES[name]["body"]
    assert isinstance(body, dict)
    unit = body[member]["unit"]
    for value, code, place in (
        (ABSENT, "invalid", ""),
        (None, "invalid", ""),
        ("72", "invalid", ""),
        ([72], "invalid", ""),
        (True, "invalid", ""),
        ({"value": 72}, "invalid", "/unit"),
        ({"value": 72, "unit": None}, "invalid", "/unit"),
        ({"value": 72, "unit": ["kg"]}, "invalid", "/unit"),
        ({"value": 72, "unit": "stone"}, "invalid", "/unit"),
        ({"value": 72, "unit": "m"}, "invalid", "/unit"),
        ({"unit": unit}, "invalid", "/value"),
        ({"value": "72", "unit": unit}, "invalid", "/value"),
        ({"value": True, "unit": unit}, "invalid", "/value"),
        ({"value": 1e9, "unit": unit}, "out_of_range", "/value"),
        ({"value": 10**400, "unit": unit}, "out_of_range", "/value"),
        ({"value": -1, "unit": unit}, "out_of_range", "/value"),
        ({"value": float("inf"), "unit": unit}, "out_of_range", "/value"),
        ({"value": float("nan"), "unit": unit}, "out_of_range", "/value"),
    ):
        assert refusal(point(name, {member: value})) == (code, f"/body/{member}{place}"), value


def test_a_bare_number_is_one_of_steps_only_and_whole() -> None:
    assert refusal(point("weight", {"body_weight": 68.4})) == ("invalid", "/body/body_weight")
    assert refusal(point("steps", {"step_count": -1})) == ("out_of_range", "/body/step_count")
    assert refusal(point("steps", {"step_count": 812.5})) == ("invalid", "/body/step_count")
    half = point("steps", {"step_count": {"value": 812.5, "unit": "steps"}})
    assert refusal(half) == ("invalid", "/body/step_count/value")


@pytest.mark.parametrize(
    ("name", "body", "header", "pointer"),
    [
        ("blood_pressure", {"body_posture": 1}, {}, "/body/body_posture"),
        ("blood_pressure", {"body_posture": None}, {}, "/body/body_posture"),
        ("blood_glucose", {"specimen_source": ["plasma"]}, {}, "/body/specimen_source"),
        ("weight", {}, {"id": 7}, "/header/id"),
        ("weight", {}, {"id": ""}, "/header/id"),
        ("weight", {}, {"id": "x" * 129}, "/header/id"),
        ("weight", {}, {"id": ABSENT, "uuid": "\n"}, "/header/uuid"),
        ("weight", {}, {"modality": 1}, "/header/modality"),
        ("weight", {}, {"acquisition_provenance": "x"}, "/header/acquisition_provenance"),
        (
            "weight",
            {},
            {"acquisition_provenance": {"source_name": 7}},
            "/header/acquisition_provenance/source_name",
        ),
        (
            "weight",
            {},
            {"acquisition_provenance": {"modality": ["sensed"]}},
            "/header/acquisition_provenance/modality",
        ),
    ],
    ids=range(11),
)
def test_text_is_text(
    name: str, body: dict[str, Any], header: dict[str, Any], pointer: str
) -> None:
    assert refusal(point(name, body, **header)) == ("invalid", pointer)


def test_a_refusal_never_repeats_what_was_sent() -> None:
    plant = "98765432"
    for made in (
        point("weight", {"body_weight": {"value": 98765432, "unit": "kg"}}),
        point("weight", {"body_weight": {"value": 1, "unit": plant}}),
        point("weight", {"body_weight": plant}),
        point("weight", at(plant)),
        point("weight", schema_id=schema_id(f"{plant}:body-weight:3.0")),
        point("weight", schema_id=schema_id(f"omh:body-weight:{plant}")),
        point("weight", {"descriptive_statistic": plant}),
        point("steps", during(start_date_time=START, duration={"value": 1, "unit": plant})),
        point("weight", id=plant * 20),
    ):
        with pytest.raises(RecordRejected) as caught:
            measurement(made, APP, NOW)
        assert plant not in repr(caught.value)
