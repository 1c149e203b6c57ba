from datetime import UTC, datetime

import orjson
import pytest

from tests.datatypes.dialects.phone import ABSENT, APP, NOW, phone, with_metadata
from vitalkeep.datatypes.canonical import Measurement, to_measurement
from vitalkeep.datatypes.choices import DEVICE_TYPE, RECORDING_METHOD
from vitalkeep.datatypes.descriptors import DataType, JsonObject
from vitalkeep.datatypes.dialects.health_connect import EXAMPLES, measurement, to_record
from vitalkeep.datatypes.records import validate_record
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.structs import KINDS

every_type = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)


def content(record: object) -> JsonObject:
    parsed = orjson.loads(b"{" + measurement(record, APP, NOW).content + b"}")
    assert isinstance(parsed, dict)
    return parsed


@every_type
def test_every_example_becomes_a_valid_record_of_its_type(kind: DataType) -> None:
    record = to_record(EXAMPLES[kind.name], APP)
    assert KINDS[type(validate_record(record))] is kind
    assert measurement(EXAMPLES[kind.name], APP, NOW).type is kind


@every_type
def test_the_type_may_be_called_by_its_class_or_under_type(kind: DataType) -> None:
    expected = measurement(EXAMPLES[kind.name], APP, NOW)
    for naming in (
        {"recordType": kind.health_connect.record_class},
        {"recordType": ABSENT, "type": kind.health_connect.record_type},
        {"recordType": None, "type": kind.health_connect.record_type},
    ):
        assert measurement(phone(kind.name, **naming), APP, NOW) == expected


@every_type
def test_members_a_later_sdk_adds_are_passed_over(kind: DataType) -> None:
    record = with_metadata(kind.name, syncVersion=3, device={"type": 1, "battery": 80})
    expected = with_metadata(kind.name, device={"type": 1})
    for part in ("samples", "stages"):
        if isinstance(entries := record.get(part), list):
            record[part] = [{**entry, "confidence": 1} for entry in entries]
    assert measurement({**record, "exerciseRoute": []}, APP, NOW) == measurement(expected, APP, NOW)


@pytest.mark.parametrize(
    ("name", "member", "read", "write", "stored"),
    [
        ("weight", "weight", {"inKilograms": 68.4}, "kilograms", 68.4),
        ("distance", "distance", {"inMeters": 1650.5}, "meters", 1650.5),
        ("body_temperature", "temperature", {"inCelsius": 36.6}, "celsius", 36.6),
        ("blood_glucose", "level", {"inMillimolesPerLiter": 6.1}, "millimolesPerLiter", 6.1),
        (
            "blood_pressure",
            "systolic",
            {"inMillimetersOfMercury": 128},
            "millimetersOfMercury",
            128,
        ),
        ("blood_pressure", "diastolic", {"inMillimetersOfMercury": 82}, "millimetersOfMercury", 82),
    ],
)
def test_a_quantity_may_come_as_read_or_as_written(
    name: str, member: str, read: JsonObject, write: str, stored: float
) -> None:
    from_read = content(phone(name, **{member: read}))
    assert from_read == content(phone(name, **{member: {"value": stored, "unit": write}}))
    assert stored in from_read.values()
    assert "original" not in from_read


@pytest.mark.parametrize(
    ("name", "member", "unit", "value", "stored", "ucum"),
    [
        ("weight", "weight", "pounds", 151, 68.492448, "[lb_av]"),
        ("weight", "weight", "grams", 68400, 68.4, "g"),
        ("weight", "weight", "milligrams", 68400000, 68.4, "mg"),
        ("weight", "weight", "micrograms", 68400000000, 68.4, "ug"),
        ("weight", "weight", "ounces", 2412.74, 68.400028, "[oz_av]"),
        ("distance", "distance", "kilometers", 1.5, 1500.0, "km"),
        ("distance", "distance", "miles", 1, 1609.344, "[mi_i]"),
        ("distance", "distance", "feet", 10, 3.048, "[ft_i]"),
        ("distance", "distance", "inches", 10, 0.254, "[in_i]"),
        ("body_temperature", "temperature", "fahrenheit", 98.6, 37.0, "[degF]"),
        ("blood_glucose", "level", "milligramsPerDeciliter", 110, 6.111111, "mg/dL"),
    ],
)
def test_another_unit_is_converted_and_what_was_sent_is_kept(
    name: str, member: str, unit: str, value: float, stored: float, ucum: str
) -> None:
    read_name = "in" + unit[0].upper() + unit[1:]
    for quantity in ({"value": value, "unit": unit}, {read_name: value}):
        converted = content(phone(name, **{member: quantity}))
        assert converted["original"] == {"value": value, "unit": ucum}
        assert stored in converted.values()


def test_of_several_units_the_stored_one_is_taken() -> None:
    both = content(phone("weight", weight={"inPounds": 150.7962, "inKilograms": 68.4}))
    assert (both["kilograms"], "original" in both) == (68.4, False)


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        (ABSENT, None),
        (None, None),
        ("", None),
        ({}, None),
        ({"id": None, "totalSeconds": None}, None),
        ({"id": "+09:00", "totalSeconds": 32400}, 540),
        ({"id": "+09:00", "totalSeconds": 32400.0}, 540),
        ({"totalSeconds": -12600}, -210),
        ({"id": "+05:45"}, 345),
        ({"id": "Z", "totalSeconds": 0}, 0),
        ("+09:00", 540),
        ("-03:30", -210),
        ("Z", 0),
        ("+14:00", 840),
        ("+18:00", 1080),
        ("-18:00", -1080),
        ("+00:00", 0),
        ({"totalSeconds": 33539}, 558),
        ({"totalSeconds": -33539}, -558),
    ],
)
def test_an_offset_may_come_in_every_shape(zone: object, offset: int | None) -> None:
    m = measurement(phone("weight", zoneOffset=zone), APP, NOW)
    assert m.start_offset == offset
    assert m.start == datetime(2026, 11, 19, 22, 2, 11, 500000, tzinfo=UTC)


def test_start_and_end_have_offsets_of_their_own() -> None:
    m = measurement(phone("steps", startZoneOffset="+09:00", endZoneOffset=None), APP, NOW)
    assert (m.start_offset, m.end_offset) == (540, None)


def test_a_time_that_names_its_offset_itself_keeps_it() -> None:
    record = phone("weight", time="2026-11-20T07:02:11.500+09:00", zoneOffset=None)
    assert measurement(record, APP, NOW) == measurement(phone("weight"), APP, NOW)


def test_an_instant_is_told_in_the_records_own_offset() -> None:
    assert to_record(phone("weight"), APP)["time"] == "2026-11-20T07:02:11.5+09:00"
    assert to_record(phone("weight", zoneOffset=None), APP)["time"] == "2026-11-19T22:02:11.500Z"


@pytest.mark.parametrize("origin", ["jp.example.walk", {"packageName": "jp.example.walk"}])
def test_the_app_may_come_as_text_or_as_an_object(origin: object) -> None:
    m = measurement(with_metadata("steps", dataOrigin=origin, device=None), APP, NOW)
    assert m.origin == b'{"app":"jp.example.walk"}'


@pytest.mark.parametrize("origin", [None, "", {"packageName": ""}, {}])
def test_the_sender_stands_in_for_a_missing_app(origin: object) -> None:
    m = measurement(with_metadata("steps", dataOrigin=origin, device=None), APP, NOW)
    assert m.origin == b'{"app":"jp.example.sender"}'


@pytest.mark.parametrize("metadata", [ABSENT, None, {}])
def test_a_record_about_to_be_inserted_needs_no_metadata(metadata: object) -> None:
    m = measurement(phone("steps", metadata=metadata), APP, NOW)
    assert (m.platform_id, m.client_id, m.version) == (None, None, 0)
    assert m.origin == b'{"app":"jp.example.sender"}'


def test_nulls_and_empty_texts_of_metadata_mean_absent() -> None:
    nothing: JsonObject = {"type": None, "manufacturer": "", "model": None}
    for empty in (None, ""):
        record = with_metadata(
            "steps",
            id=empty,
            clientRecordId=empty,
            clientRecordVersion=None,
            recordingMethod=None,
            device=nothing,
        )
        m = measurement(record, APP, NOW)
        assert (m.platform_id, m.client_id, m.version) == (None, None, 0)
        assert m.content == b'"count":2310'
        assert m.origin == b'{"app":"jp.example.walk"}'


def test_identity_and_version_come_from_metadata() -> None:
    record = with_metadata("steps", id="ABCDEF01-8D0A-4A5E-9B60-3F1D2C7A9E11", clientRecordId="c")
    record = {**record, "metadata": {**record["metadata"], "clientRecordVersion": 7.0}}  # type: ignore[dict-item]
    m = measurement(record, APP, NOW)
    assert (m.platform_id, m.client_id, m.version) == (
        "abcdef01-8d0a-4a5e-9b60-3f1d2c7a9e11",
        "c",
        7,
    )


@pytest.mark.parametrize("number", range(len(DEVICE_TYPE.values)))
def test_every_device_type_has_its_name(number: int) -> None:
    m = measurement(with_metadata("steps", device={"type": number}), APP, NOW)
    assert orjson.loads(m.origin)["device"] == {"type": DEVICE_TYPE.values[number]}


@pytest.mark.parametrize("number", [9, 99, -1, 2**40])
def test_an_enumerations_unknown_number_is_unknown(number: int) -> None:
    m = measurement(with_metadata("steps", device={"type": number}), APP, NOW)
    assert orjson.loads(m.origin)["device"] == {"type": "unknown"}
    assert content(with_metadata("steps", recordingMethod=number))["recording_method"] == "unknown"
    assert content(phone("blood_pressure", bodyPosition=number))["body_position"] == "unknown"


@pytest.mark.parametrize("number", range(len(RECORDING_METHOD.values)))
def test_every_recording_method_has_its_name(number: int) -> None:
    stored = content(with_metadata("steps", recordingMethod=float(number)))["recording_method"]
    assert stored == RECORDING_METHOD.values[number]


@every_type
def test_every_integer_of_every_enumeration_is_read(kind: DataType) -> None:
    for field in kind.fields:
        if field.choices is not None:
            for number, name in enumerate(field.choices.values):
                record = phone(kind.name, **{str(field.health_connect): number})
                assert content(record)[field.name] == name


def test_the_stages_react_native_has_no_name_for_are_read() -> None:
    stage = {"startTime": "2026-11-19T15:00:00Z", "endTime": "2026-11-19T15:05:00Z"}
    stages = content(phone("sleep", stages=[{**stage, "stage": 7}]))["stages"]
    assert stages == [
        {"start": "2026-11-19T15:00:00Z", "end": "2026-11-19T15:05:00Z", "stage": "awake_in_bed"}
    ]


@pytest.mark.parametrize("stages", [ABSENT, None, []])
def test_a_session_without_stages_is_a_night(stages: object) -> None:
    assert content(phone("sleep", stages=stages))["stages"] == []


def test_a_whole_javascript_number_will_do_for_an_integer() -> None:
    assert content(phone("steps", count=812.0))["count"] == 812
    samples = [{"time": "2026-11-19T22:11:00Z", "beatsPerMinute": 71.0}]
    assert (
        b'"beats_per_minute":71}'
        in measurement(phone("heart_rate", samples=samples), APP, NOW).content
    )


def test_a_whole_day_record_with_its_end_ahead_is_accepted() -> None:
    record = phone("steps", startTime="2026-11-20T15:00:00Z", endTime="2026-11-21T14:59:59.999Z")
    assert measurement(record, APP, NOW).end > NOW


def test_the_same_measurement_gives_the_same_bytes_in_either_language() -> None:
    canonical: JsonObject = {
        "type": "blood_glucose",
        "time": "2026-11-19T22:00:00Z",
        "milligrams_per_deciliter": 110,
        "specimen_source": "capillary_blood",
        "meal_type": "breakfast",
        "relation_to_meal": "fasting",
        "client_id": "bg-20261120-0700",
        "platform_id": "F4C0F2BE-4E24-46A6-8B43-90FDFB9FD007",
        "recording_method": "manual_entry",
        "origin": {"app": "jp.example.glucose"},
    }
    ours: Measurement = to_measurement(validate_record(canonical), NOW)
    assert measurement(EXAMPLES["blood_glucose"], APP, NOW) == ours
