import pytest

from tests.datatypes.dialects.phone import ABSENT, APP, NOW, phone, with_metadata
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.health_connect import measurement
from vitalkeep.datatypes.records import RecordRejected


def refusal(record: object) -> tuple[str, str]:
    with pytest.raises(RecordRejected) as caught:
        measurement(record, APP, NOW)
    return caught.value.code, caught.value.pointer


@pytest.mark.parametrize(
    ("quantity", "place"),
    [
        (68.4, ""),
        ("68.4", ""),
        ([68.4], ""),
        ({}, ""),
        ({"inStones": 10}, ""),
        ({"inKilograms": None}, ""),
        ({"value": 68.4}, "/unit"),
        ({"value": 68.4, "unit": "stones"}, "/unit"),
        ({"value": 68.4, "unit": "celsius"}, "/unit"),
        ({"value": 68.4, "unit": None}, "/unit"),
        ({"value": 68.4, "unit": ["kilograms"]}, "/unit"),
        ({"value": "68.4", "unit": "kilograms"}, "/value"),
        ({"value": True, "unit": "kilograms"}, "/value"),
        ({"value": True, "unit": "pounds"}, "/value"),
        ({"value": None, "unit": "kilograms"}, "/value"),
        ({"unit": "kilograms"}, "/value"),
        ({"inKilograms": "68.4"}, "/inKilograms"),
        ({"inKilograms": True, "inPounds": 150}, "/inKilograms"),
        ({"inKilograms": None, "inPounds": "150"}, "/inPounds"),
    ],
    ids=range(19),
)
def test_a_quantity_must_declare_a_unit_it_can_have_and_a_number(
    quantity: object, place: str
) -> None:
    assert refusal(phone("weight", weight=quantity)) == ("invalid", f"/weight{place}")


@pytest.mark.parametrize("unit", ["kilograms", "pounds"])
@pytest.mark.parametrize(
    "value",
    [1e300, -1, float("inf"), float("nan"), 10**400],
    ids=["1e300", "-1", "inf", "nan", "10**400"],
)
def test_a_quantity_beyond_its_bounds_is_out_of_range(value: float, unit: str) -> None:
    record = phone("weight", weight={"value": value, "unit": unit})
    assert refusal(record) == ("out_of_range", "/weight/value")
    read = f"in{unit.title()}"
    assert refusal(phone("weight", weight={read: value})) == ("out_of_range", f"/weight/{read}")


@pytest.mark.parametrize(
    "zone",
    [
        "+18:01",
        "-18:01",
        "Asia/Tokyo",
        "9",
        540,
        32400.0,
        True,
        {"totalSeconds": 64860},
        ["+09:00"],
    ],
)
def test_an_offset_that_is_none_is_pointed_at(zone: object) -> None:
    assert refusal(phone("weight", zoneOffset=zone)) == ("invalid", "/zoneOffset")
    assert refusal(phone("steps", startZoneOffset=zone)) == ("invalid", "/startZoneOffset")
    assert refusal(phone("steps", endZoneOffset=zone)) == ("invalid", "/endZoneOffset")


def sample(time: object, rate: object) -> JsonObject:
    return {"time": time, "beatsPerMinute": rate}


GOOD = sample("2026-11-19T22:10:30Z", 70)
STAGE: JsonObject = {
    "startTime": "2026-11-19T15:00:00Z",
    "endTime": "2026-11-19T16:00:00Z",
    "stage": 4,
}
LATER: JsonObject = {
    **STAGE,
    "startTime": "2026-11-19T16:00:00Z",
    "endTime": "2026-11-19T17:00:00Z",
}


@pytest.mark.parametrize(
    ("record", "code", "pointer"),
    [
        (None, "invalid", ""),
        ([], "invalid", ""),
        ({}, "unknown_type", "/recordType"),
        ({"recordType": "Height"}, "unknown_type", "/recordType"),
        ({"recordType": ["Steps"]}, "unknown_type", "/recordType"),
        ({"type": "Height"}, "unknown_type", "/type"),
        (phone("weight", time=ABSENT), "invalid", "/time"),
        (phone("weight", time=None), "invalid", "/time"),
        (phone("weight", time=1763622000), "invalid", "/time"),
        (phone("weight", time="2026-02-30T00:00:00Z"), "invalid", "/time"),
        (phone("weight", time="2026-02-30T00:00:00Z", zoneOffset=None), "invalid", "/time"),
        (phone("weight", time="20261119T220211Z"), "invalid", "/time"),
        (phone("weight", time="1970-01-01T00:00:00Z"), "time_out_of_window", "/time"),
        (phone("weight", time="9999-12-31T23:00:00Z"), "time_out_of_window", "/time"),
        (phone("weight", weight=ABSENT), "invalid", "/weight"),
        (phone("weight", weight=None), "invalid", "/weight"),
        (phone("steps", startTime="2026-11-22T04:00:00Z"), "time_out_of_window", "/startTime"),
        (phone("steps", endTime="2026-11-19T22:09:00Z"), "end_before_start", "/endTime"),
        (phone("steps", endTime="yesterday"), "invalid", "/endTime"),
        (phone("steps", count=812.5), "invalid", "/count"),
        (phone("steps", count="812"), "invalid", "/count"),
        (phone("steps", count=True), "invalid", "/count"),
        (phone("steps", count=-1), "out_of_range", "/count"),
        (phone("steps", count=1e300), "out_of_range", "/count"),
        (phone("body_fat", percentage=100.1), "out_of_range", "/percentage"),
        (phone("body_fat", percentage={"value": 22}), "invalid", "/percentage"),
        (phone("oxygen_saturation", percentage=101), "out_of_range", "/percentage"),
        (
            phone("blood_pressure", diastolic={"inMillimetersOfMercury": 201}),
            "out_of_range",
            "/diastolic/inMillimetersOfMercury",
        ),
        (phone("blood_pressure", bodyPosition="sitting"), "invalid", "/bodyPosition"),
        (phone("blood_pressure", bodyPosition=True), "invalid", "/bodyPosition"),
        (phone("heart_rate", samples=[]), "invalid", "/samples"),
        (phone("heart_rate", samples={}), "invalid", "/samples"),
        (phone("heart_rate", samples=[GOOD, 70]), "invalid", "/samples/1"),
        (
            phone("heart_rate", samples=[GOOD, GOOD, sample("2026-11-19T22:11:00Z", 301)]),
            "out_of_range",
            "/samples/2/beatsPerMinute",
        ),
        (
            phone("heart_rate", samples=[GOOD, sample("2026-11-19T22:09:00Z", 60)]),
            "sample_outside_interval",
            "/samples/1/time",
        ),
        (phone("heart_rate", samples=[sample(None, 60)]), "invalid", "/samples/0/time"),
        (phone("sleep", title="a\x07"), "invalid", "/title"),
        (phone("sleep", stages=[STAGE, {**LATER, "stage": "deep"}]), "invalid", "/stages/1/stage"),
        (phone("sleep", stages=[{**STAGE, "stage": None}]), "invalid", "/stages/0/stage"),
        (phone("sleep", stages=[LATER, STAGE, STAGE]), "overlapping_stages", "/stages/2"),
        (
            phone("sleep", stages=[LATER, {**STAGE, "startTime": "2026-11-19T14:00:00Z"}]),
            "sample_outside_interval",
            "/stages/1/startTime",
        ),
        (
            phone("sleep", stages=[{**STAGE, "endTime": "2026-11-19T14:59:00Z"}]),
            "end_before_start",
            "/stages/0/endTime",
        ),
        (phone("steps", metadata="x"), "invalid", "/metadata"),
        (with_metadata("steps", clientRecordId="x" * 129), "invalid", "/metadata/clientRecordId"),
        (with_metadata("steps", clientRecordId=7), "invalid", "/metadata/clientRecordId"),
        (
            with_metadata("steps", clientRecordVersion=2**63),
            "out_of_range",
            "/metadata/clientRecordVersion",
        ),
        (with_metadata("steps", id="\x00"), "invalid", "/metadata/id"),
        (with_metadata("steps", recordingMethod="manual"), "invalid", "/metadata/recordingMethod"),
        (with_metadata("steps", dataOrigin=7), "invalid", "/metadata/dataOrigin"),
        (
            with_metadata("steps", dataOrigin={"packageName": "x" * 257}),
            "invalid",
            "/metadata/dataOrigin/packageName",
        ),
        (with_metadata("steps", device="watch"), "invalid", "/metadata/device"),
        (with_metadata("steps", device={"type": "watch"}), "invalid", "/metadata/device/type"),
        (with_metadata("steps", device={"model": "\n"}), "invalid", "/metadata/device/model"),
    ],
)
def test_a_refusal_points_into_what_the_phone_sent(record: object, code: str, pointer: str) -> None:
    assert refusal(record) == (code, pointer)


def test_a_refusal_never_repeats_what_was_sent() -> None:
    for record in (
        phone("weight", weight={"value": 98765432, "unit": "kilograms"}),
        phone("weight", weight={"value": 1, "unit": "98765432"}),
        phone("weight", weight=98765432),
        phone("weight", zoneOffset="98765432"),
        phone("weight", time="98765432"),
        {"recordType": "98765432"},
        with_metadata("weight", device={"type": "98765432"}),
    ):
        with pytest.raises(RecordRejected) as caught:
            measurement(record, APP, NOW)
        assert "98765432" not in repr(caught.value)
