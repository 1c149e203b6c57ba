from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.datatypes.dialects.kit import content, fragment, kit, measured
from tests.datatypes.dialects.phone import ABSENT, APP, NOW
from vitalkeep.datatypes.canonical import Measurement, to_measurement
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.dialects.healthkit import EXAMPLES, measurement
from vitalkeep.datatypes.records import validate_record
from vitalkeep.datatypes.registry import TYPES

every_type = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)


def kind_of(sample: object) -> str:
    found = measurement(sample, APP, NOW)
    return (found if isinstance(found, Measurement) else found.sample).type.name


@every_type
def test_every_example_is_of_its_type(kind: DataType) -> None:
    assert kind_of(EXAMPLES[kind.name]) == kind.name


@every_type
@pytest.mark.parametrize("key", ["quantityType", "categoryType", "correlationType", "type"])
def test_the_type_may_stand_under_any_of_its_names(kind: DataType, key: str) -> None:
    nowhere = dict.fromkeys(("quantityType", "categoryType", "correlationType"), ABSENT)
    identifier = kind.healthkit.identifier
    for name in (identifier, identifier[2:], identifier.partition("Identifier")[2]):
        assert kind_of(kit(kind.name, **{**nowhere, key: name})) == kind.name
    boxed = {**nowhere, "sampleType": {"identifier": identifier, "isMinimumDurationRestricted": 1}}
    assert kind_of(kit(kind.name, **boxed)) == kind.name


@every_type
def test_members_that_nobody_told_us_of_are_passed_over(kind: DataType) -> None:
    sample = kit(kind.name, hasUndeterminedDuration=False, metadataTimeZone="Asia/Tokyo")
    sample["metadata"] = {**sample.get("metadata", {}), "HKMetadataOfTomorrow": {"a": [None]}}
    assert measurement(sample, APP, NOW) == measurement(EXAMPLES[kind.name], APP, NOW)


@pytest.mark.parametrize(
    ("name", "member", "value", "unit", "stored", "ucum"),
    [
        ("weight", "kilograms", 68.4, "kg", 68.4, None),
        ("weight", "kilograms", 68_400, "g", 68.4, "g"),
        ("weight", "kilograms", 68_400_000, "mg", 68.4, "mg"),
        ("weight", "kilograms", 68_400_000_000, "mcg", 68.4, "ug"),
        ("weight", "kilograms", 151, "lb", 68.492448, "[lb_av]"),
        ("weight", "kilograms", 2412.74, "oz", 68.400028, "[oz_av]"),
        ("weight", "kilograms", 10, "st", 63.502932, "[stone_av]"),
        ("distance", "meters", 1650.5, "m", 1650.5, None),
        ("distance", "meters", 1.6505, "km", 1650.5, "km"),
        ("distance", "meters", 165_050, "cm", 1650.5, "cm"),
        ("distance", "meters", 1_650_500, "mm", 1650.5, "mm"),
        ("distance", "meters", 1, "mi", 1609.344, "[mi_i]"),
        ("distance", "meters", 10, "ft", 3.048, "[ft_i]"),
        ("distance", "meters", 10, "in", 0.254, "[in_i]"),
        ("distance", "meters", 10, "yd", 9.144, "[yd_i]"),
        ("blood_glucose", "millimoles_per_liter", 110, "mg/dL", 6.111111, "mg/dL"),
        ("blood_glucose", "millimoles_per_liter", 6.1, "mmol<180.15588000005408>/L", 6.1, None),
        ("blood_glucose", "millimoles_per_liter", 6.1, "mmol<180.1558800000541>/l", 6.1, None),
        ("blood_glucose", "millimoles_per_liter", 6.1, "mmol/L", 6.1, None),
        ("body_temperature", "celsius", 36.6, "degC", 36.6, None),
        ("body_temperature", "celsius", 97.88, "degF", 36.6, "[degF]"),
        ("body_temperature", "celsius", 309.75, "K", 36.6, "K"),
        ("body_fat", "percent", 0.228, "%", 22.8, "1"),
        ("body_fat", "percent", 1, "%", 100.0, "1"),
        ("oxygen_saturation", "percent", 0.965, "%", 96.5, "1"),
        ("oxygen_saturation", "percent", 0.009, "%", 0.9, "1"),
        ("steps", "count", 2310, "count", 2310, None),
        ("steps", "count", 2310.0, "count", 2310, None),
        ("steps", "count", 2309.5, "count", 2310, "{steps}"),
    ],
)
def test_a_value_is_converted_by_its_unit_and_what_was_sent_is_kept(
    name: str, member: str, value: float, unit: str, stored: float, ucum: str | None
) -> None:
    original = None if ucum is None else {"value": float(value), "unit": ucum}
    for quantity in (
        {"quantity": value, "unit": unit},
        {"quantity": ABSENT, "value": value, "unit": unit},
        {"quantity": {"value": value, "unit": unit}, "unit": ABSENT},
        {"quantity": {"doubleValue": value, "unit": unit}, "unit": ABSENT},
        {"quantity": {"quantity": value}, "unit": unit},
    ):
        found = content(kit(name, **quantity))
        assert (found[member], found.get("original")) == (stored, original)


@pytest.mark.parametrize(
    ("value", "unit", "bpm", "original"),
    [
        (71, "count/min", 71, None),
        (71.0, "count/min", 71, None),
        (62.5, "count/min", 63, {"value": 62.5, "unit": "/min"}),
        (1.2, "count/s", 72, {"value": 1.2, "unit": "/s"}),
    ],
)
def test_a_heart_rate_is_a_series_of_one(
    value: float, unit: str, bpm: int, original: object
) -> None:
    sample = kit("heart_rate", quantity=value, unit=unit, endDate="2026-11-19T22:10:09Z")
    found = content(sample)
    assert found["samples"] == [{"time": "2026-11-20T07:10:05+09:00", "beats_per_minute": bpm}]
    assert found.get("original") == original
    assert measured(sample).end - measured(sample).start == timedelta(seconds=4)
    alone = measured(kit("heart_rate", endDate=ABSENT))
    assert alone == measured(EXAMPLES["heart_rate"])


def test_the_time_of_an_instant_is_when_it_began() -> None:
    long = measured(kit("weight", endDate="2026-11-20T07:12:00Z"))
    assert long == measured(kit("weight", endDate=ABSENT)) == measured(EXAMPLES["weight"])
    assert long.start == long.end


def parts(**places: object) -> dict[str, object]:
    return kit("blood_pressure", **{"objects": ABSENT, **places})


def test_both_pressures_come_in_their_correlation_in_any_order_and_shape() -> None:
    expected = measured(EXAMPLES["blood_pressure"])
    upper, lower = kit("blood_pressure")["objects"]
    assert b'"systolic_mmhg":128.0,"diastolic_mmhg":82.0' in expected.content
    other = {"quantityType": "HKQuantityTypeIdentifierHeartRate", "quantity": 7, "unit": "count/s"}
    plain = {"quantity": {"value": 82, "unit": "mmHg"}}
    for sample in (
        parts(objects=[lower, upper]),
        parts(objects=[other, None, upper, lower]),
        parts(systolic=upper, diastolic=lower),
        parts(objects=[upper], diastolic=plain),
        parts(systolic={"value": 128, "unit": "mmHg"}, diastolic=plain),
    ):
        assert measured(sample) == expected


@pytest.mark.parametrize(
    ("number", "relation"),
    [(1, "before_meal"), (2, "after_meal"), (2.0, "after_meal"), (9, "unknown"), (None, None)],
)
def test_the_meal_time_is_the_relation_to_the_meal(number: object, relation: str | None) -> None:
    sample = kit("blood_glucose", metadata={"HKBloodGlucoseMealTime": number})
    assert content(sample).get("relation_to_meal") == relation


PLACES = [
    *("unknown", "armpit", "unknown", "ear", "finger", "unknown", "mouth", "rectum", "toe"),
    *("ear", "temporal_artery", "forehead", "unknown"),
]


@pytest.mark.parametrize(("number", "location"), list(enumerate(PLACES)))
def test_the_sensor_location_is_the_measurement_location(number: int, location: str) -> None:
    sample = kit("body_temperature", metadata={"HKBodyTemperatureSensorLocation": number})
    assert content(sample)["measurement_location"] == location


@pytest.mark.parametrize(
    ("value", "stage"),
    [
        (0, None),
        (1, "sleeping"),
        (2, "awake"),
        (3, "light"),
        (4, "deep"),
        (5, "rem"),
        (5.0, "rem"),
        (6, "unknown"),
        ("inBed", None),
        ("INBED", None),
        ("asleepUnspecified", "sleeping"),
        ("ASLEEP", "sleeping"),
        ("AWAKE", "awake"),
        ("asleepCore", "light"),
        ("DEEP", "deep"),
        ("asleepREM", "rem"),
    ],
)
def test_a_sample_of_sleep_is_a_fragment_with_its_stage(value: object, stage: str | None) -> None:
    found = fragment(kit("sleep", value=value))
    assert found.stage == stage
    assert found.sample.platform_id == "a1d6b2f0-3c52-4e6d-9b57-6f4d2c1e0005"
    assert (found.sample.start_offset, found.sample.end_offset) == (540, 540)
    assert "deep" not in repr(found)


@given(st.integers(0, 5), st.integers(0, 90))
def test_a_fragment_keeps_its_time(value: int, minutes: int) -> None:
    end = datetime(2026, 11, 19, 15, 5, tzinfo=UTC) + timedelta(minutes=minutes)
    found = fragment(kit("sleep", value=value, endDate=end.isoformat().replace("+00:00", "Z")))
    assert found.sample.end - found.sample.start == timedelta(minutes=minutes)


def test_the_same_measurement_gives_the_same_bytes_in_either_language() -> None:
    canonical = {
        "type": "weight",
        "time": "2026-11-20T07:02:11.5+09:00",
        "kilograms": 68.4,
        "client_id": "w-20261120",
        "client_version": 1,
        "platform_id": "A1D6B2F0-3C52-4E6D-9B57-6F4D2C1E0003",
        "origin": {
            "app": "jp.example.scale",
            "device": {"manufacturer": "Example", "model": "Scale S1"},
        },
    }
    assert measured(EXAMPLES["weight"]) == to_measurement(validate_record(canonical), NOW)
