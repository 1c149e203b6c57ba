from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datatypes.dialects.google import (
    APP,
    END,
    NAMED,
    NOW,
    SEVEN,
    START,
    Json,
    interval,
    junk,
    only,
    refusals,
    sample,
    source,
    timed,
    told,
    values,
    weight,
)
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.dialects.google_health import (
    SUPPORTED,
    filter_for,
    is_pending,
    path_name,
    read_points,
)
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.registry import TYPES


def test_everything_but_blood_pressure_is_supported() -> None:
    assert {kind.name for kind in TYPES} - {"blood_pressure"} == SUPPORTED
    with pytest.raises(KeyError):
        path_name("blood_pressure")
    with pytest.raises(KeyError):
        read_points("blood_pressure", [], APP, NOW)


@pytest.mark.parametrize(
    ("name", "point", "stored"),
    [
        ("steps", interval("steps", START, END, count="2310"), {"count": 2310}),
        (
            "distance",
            interval("distance", START, END, millimeters="1650500"),
            {"meters": 1650.5, "original": {"value": 1650500.0, "unit": "mm"}},
        ),
        (
            "weight",
            sample("weight", weightGrams=68400),
            {"kilograms": 68.4, "original": {"value": 68400.0, "unit": "g"}},
        ),
        # What was 72.1 as a 32-bit float of kilograms.
        (
            "weight",
            sample("weight", weightGrams=72099.9984741211),
            {"kilograms": 72.1, "original": {"value": 72099.9984741211, "unit": "g"}},
        ),
        ("body_fat", sample("bodyFat", percentage=22.8), {"percent": 22.8}),
        (
            "blood_glucose",
            sample(
                "bloodGlucose",
                bloodGlucoseMilligramsPerDeciliter=110.0,
                measurementTiming="BEFORE_MEAL",
                mealType="BREAKFAST",
                specimen="CAPILLARY_BLOOD",
            ),
            {
                "millimoles_per_liter": 6.111111,
                "relation_to_meal": "before_meal",
                "meal_type": "breakfast",
                "specimen_source": "capillary_blood",
                "original": {"value": 110.0, "unit": "mg/dL"},
            },
        ),
        (
            "blood_glucose",
            sample(
                "bloodGlucose",
                bloodGlucoseMilligramsPerDeciliter=90,
                measurementTiming="BEFORE_BED",
                mealType="MEAL_TYPE_UNSPECIFIED",
                specimen=2,
            ),
            {
                "millimoles_per_liter": 5.0,
                "relation_to_meal": "unknown",
                "original": {"value": 90.0, "unit": "mg/dL"},
            },
        ),
        (
            "body_temperature",
            sample("coreBodyTemperature", temperatureCelsius=36.6, measurementLocation="EAR_DRUM"),
            {"celsius": 36.6, "measurement_location": "ear"},
        ),
        (
            "body_temperature",
            sample("coreBodyTemperature", temperatureCelsius=36.6, measurementLocation="NASAL"),
            {"celsius": 36.6, "measurement_location": "unknown"},
        ),
        ("oxygen_saturation", sample("oxygenSaturation", percentage=96.5), {"percent": 96.5}),
    ],
)
def test_values_are_converted_by_the_unit_of_their_member(
    name: str, point: Json, stored: Json
) -> None:
    record = only(read_points(name, [point], APP, NOW))
    assert values(record) == stored
    assert record.start == datetime.fromtimestamp(SEVEN, UTC)
    assert record.start_offset == record.end_offset == 540


@pytest.mark.parametrize(
    ("point", "refusal"),
    [
        ([], ("invalid", "")),
        ({}, ("invalid", "/weight")),
        (sample("bodyFat", percentage=22.8), ("invalid", "/weight")),
        (weight(weightGrams=None), ("invalid", "/weight/weightGrams")),
        (weight(weightGrams="heavy"), ("invalid", "/weight/weightGrams")),
        (weight(weightGrams=1_000_001), ("out_of_range", "/weight/weightGrams")),
        (weight(weightGrams=10**400), ("out_of_range", "/weight/weightGrams")),
        (weight(sampleTime=None), ("invalid", "/weight/sampleTime/physicalTime")),
        (
            timed(physicalTime="2026-02-30T00:00:00Z"),
            ("invalid", "/weight/sampleTime/physicalTime"),
        ),
        (
            timed(physicalTime="1970-01-01T00:00:00Z"),
            ("time_out_of_window", "/weight/sampleTime/physicalTime"),
        ),
        (
            timed(physicalTime="2026-11-23T00:00:00Z"),
            ("time_out_of_window", "/weight/sampleTime/physicalTime"),
        ),
        (timed(utcOffset="9h"), ("invalid", "/weight/sampleTime/utcOffset")),
        (timed(utcOffset="64801s"), ("invalid", "/weight/sampleTime/utcOffset")),
    ],
)
def test_a_bad_point_says_where_and_costs_no_other(point: object, refusal: tuple[str, str]) -> None:
    outcomes = read_points("weight", [point, weight()], APP, NOW)
    assert refusals(outcomes) == [refusal]
    assert only(outcomes[:1]).type.name == "weight"


def test_an_interval_is_refused_at_its_own_times() -> None:
    backwards = interval("steps", END, START, count="5")
    unended = interval("steps", START, "", count="5")
    assert refusals(read_points("steps", [backwards, unended], APP, NOW)) == [
        ("end_before_start", "/steps/interval/endTime"),
        ("invalid", "/steps/interval/endTime"),
    ]


@pytest.mark.parametrize(
    ("name", "path", "member"),
    [
        ("steps", "steps", "steps.interval.start_time"),
        ("weight", "weight", "weight.sample_time.physical_time"),
        ("body_fat", "body-fat", "body_fat.sample_time.physical_time"),
        ("heart_rate", "heart-rate", "heart_rate.sample_time.physical_time"),
        (
            "body_temperature",
            "core-body-temperature",
            "core_body_temperature.sample_time.physical_time",
        ),
        ("sleep", "sleep", "sleep.interval.end_time"),
    ],
)
def test_a_filter_has_snake_case_and_a_path_kebab_case(name: str, path: str, member: str) -> None:
    start = datetime(2026, 11, 20, 8, tzinfo=timezone(timedelta(hours=9)))
    asked = filter_for(name, start, NOW)
    assert asked == f'{member} >= "{START}" AND {member} < "2026-11-21T03:00:00Z"'
    assert path_name(name) == path


@settings(max_examples=50)
@given(st.data())
def test_the_order_of_points_and_their_repetition_do_not_show(data: st.DataObject) -> None:
    drawn = st.tuples(
        st.integers(-1, 2),
        st.sampled_from([START, END]),
        st.sampled_from(["", "HEALTH_CONNECT", "FIT"]),
        st.sampled_from([None, "0s", "32400s"]),
    )
    points = [
        {
            **weight(weightGrams=grams, sampleTime={"physicalTime": at, "utcOffset": offset}),
            **origin,
        }
        for grams, at, platform, offset in data.draw(st.lists(drawn, max_size=8))
        for origin in [source(platform, "a.b")]
    ]
    shuffled = data.draw(st.permutations(points))
    first = told(read_points("weight", points, APP, NOW))
    assert told(read_points("weight", shuffled, APP, NOW)) == first
    assert told(read_points("weight", points + shuffled, APP, NOW))[0] == first[0]


KEYS: dict[str, tuple[str, Json]] = {
    "weight": ("weight", {"weightGrams": 68400}),
    "steps": ("steps", {"count": "5"}),
    "heart_rate": ("heartRate", {"beatsPerMinute": "64"}),
    "sleep": ("sleep", {"stages": []}),
    "blood_glucose": ("bloodGlucose", {"bloodGlucoseMilligramsPerDeciliter": 90}),
}
TIMES: Json = {
    "sampleTime": {"physicalTime": START, "utcOffset": "32400s"},
    "interval": {"startTime": START, "endTime": END, "startUtcOffset": "0s"},
}


@settings(max_examples=80)
@given(name=st.sampled_from(sorted(KEYS)), data=st.data(), anything=junk)
def test_any_json_has_an_outcome(name: str, data: st.DataObject, anything: object) -> None:
    key, held = KEYS[name]
    good: Json = {**held, **TIMES, "metadata": {}}
    point: Json = {key: good, "name": NAMED, **source("HEALTH_KIT", "a.b")}
    member = data.draw(st.sampled_from(["name", "dataSource", key]))
    inner = data.draw(st.sampled_from([*good, "mealType", "id"]))
    part = data.draw(st.sampled_from(["physicalTime", "utcOffset", "civilTime", "startTime"]))
    points = [
        anything,
        {**point, member: anything},
        {**point, key: {**good, inner: anything}},
        {**point, key: {**good, **{name: {**at, part: anything} for name, at in TIMES.items()}}},
        {**point, key: {**good, "stages": [anything, {"type": anything}]}},
        {**point, "dataSource": {"platform": anything, "device": {"formFactor": anything}}},
        {**point, key: {**good, "metadata": {"externalId": anything}}},
    ]
    outcomes = read_points(name, points, APP, NOW)
    assert outcomes
    assert all(isinstance(each, Measurement | RecordRejected) for each in outcomes)
    assert [is_pending(each) for each in points].count(True) <= 1
