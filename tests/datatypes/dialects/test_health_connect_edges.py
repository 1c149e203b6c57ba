"""What phones do at the edges: nulls in every place, odd precision, empty intervals."""

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.datatypes.dialects.phone import ABSENT, APP, NOW, phone, with_metadata
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.dialects.health_connect import EXAMPLES, measurement
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.registry import TYPES

Json = dict[str, Any]

NEEDED = {
    "/recordType", "/time", "/startTime", "/endTime", "/count", "/distance", "/weight",
    "/percentage", "/level", "/systolic", "/diastolic", "/temperature", "/samples",
}  # fmt: skip
"""Where a record is worthless without a value."""


def places(value: object, pointer: str = "") -> Iterator[str]:
    """Pointers to every member and entry below a value; quantities and offsets count as one."""
    if isinstance(value, list):
        below = [(str(index), each) for index, each in enumerate(value)]
    elif isinstance(value, dict):
        below = [(name, each) for name, each in value.items()]
    else:
        return
    for name, each in below:
        yield f"{pointer}/{name}"
        if not isinstance(each, dict) or name in ("metadata", "device") or name.isdigit():
            yield from places(each, f"{pointer}/{name}")


def replaced(record: Any, pointer: str, value: object) -> Any:
    """The record with what stands at a pointer replaced."""
    made = copy.deepcopy(record)
    *way, last = pointer.split("/")[1:]
    holder = made
    for token in way:
        holder = holder[int(token) if isinstance(holder, list) else token]
    holder[int(last) if isinstance(holder, list) else last] = value
    return made


def content(m: Measurement) -> Json:
    parsed: Json = orjson.loads(b"{" + m.content + b"}")
    return parsed


EVERY_PLACE = [
    pytest.param(name, pointer, id=name + pointer)
    for name, example in EXAMPLES.items()
    for pointer in places(example)
]


@pytest.mark.parametrize(("name", "pointer"), EVERY_PLACE)
def test_null_is_absent_wherever_a_record_can_do_without(name: str, pointer: str) -> None:
    made = replaced(EXAMPLES[name], pointer, None)
    inside_a_list = any(token.isdigit() for token in pointer.split("/"))
    if pointer in NEEDED or inside_a_list:
        with pytest.raises(RecordRejected) as caught:
            measurement(made, APP, NOW)
        assert pointer.startswith(caught.value.pointer)
        assert caught.value.pointer.count("/") >= pointer.count("/") - 1
    else:
        assert measurement(made, APP, NOW).type.name == name


@pytest.mark.parametrize("name", [kind.name for kind in TYPES])
def test_a_record_of_needed_members_only_is_enough(name: str) -> None:
    bare = {key: value for key, value in EXAMPLES[name].items() if f"/{key}" in NEEDED}
    m = measurement(bare, APP, NOW)
    assert (m.client_id, m.platform_id, m.version) == (None, None, 0)
    assert m.origin == b'{"app":"jp.example.sender"}'


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2026-11-19T22:02:11Z", 0),
        ("2026-11-19T22:02:11.5Z", 500_000),
        ("2026-11-19T22:02:11.123Z", 123_000),
        ("2026-11-19T22:02:11.123456Z", 123_456),
        ("2026-11-19T22:02:11.123456789Z", 123_456),
        ("2026-11-19T22:02:11.999999999Z", 999_999),
    ],
)
def test_times_come_in_any_precision_and_are_kept_to_the_microsecond(
    text: str, micros: int
) -> None:
    expected = datetime(2026, 11, 19, 22, 2, 11, micros, tzinfo=UTC)
    for zone in (None, {"id": "+09:00", "totalSeconds": 32400}):
        assert measurement(phone("weight", time=text, zoneOffset=zone), APP, NOW).start == expected


@pytest.mark.parametrize("name", ["steps", "distance", "sleep"])
def test_an_interval_may_have_no_length(name: str) -> None:
    at = EXAMPLES[name]["startTime"]
    m = measurement(phone(name, endTime=at, stages=[]), APP, NOW)
    assert m.start == m.end


def test_a_series_may_have_no_length() -> None:
    at = EXAMPLES["heart_rate"]["startTime"]
    m = measurement(
        phone("heart_rate", endTime=at, samples=[{"time": at, "beatsPerMinute": 71}]), APP, NOW
    )
    assert m.start == m.end


def test_a_stage_that_a_later_sdk_adds_is_unknown() -> None:
    night = phone("sleep")
    stages = night["stages"]
    assert isinstance(stages, list)
    made = {**night, "stages": [{**stages[0], "stage": 8}]}
    assert [each["stage"] for each in content(measurement(made, APP, NOW))["stages"]] == ["unknown"]


@pytest.mark.parametrize("name", ["body_fat", "oxygen_saturation"])
def test_a_small_percentage_is_no_fraction(name: str) -> None:
    assert content(measurement(phone(name, percentage=0.97), APP, NOW))["percent"] == 0.97


@pytest.mark.parametrize("modified", [ABSENT, None, "1970-01-01T00:00:00Z", 0, "whenever"])
def test_when_the_store_changed_a_record_is_not_kept(modified: object) -> None:
    about = EXAMPLES["steps"]["metadata"]
    assert isinstance(about, dict)
    known = {key: value for key, value in about.items() if key != "lastModifiedTime"}
    changed = known if modified is ABSENT else {**known, "lastModifiedTime": modified}
    made = phone("steps", metadata=changed)
    assert measurement(made, APP, NOW) == measurement(phone("steps"), APP, NOW)


@pytest.mark.parametrize("time", [1763622000, 1763622000000, 1763622000.5, "1763622000000"])
def test_an_instant_is_text_and_no_number(time: object) -> None:
    with pytest.raises(RecordRejected) as caught:
        measurement(phone("weight", time=time), APP, NOW)
    assert (caught.value.code, caught.value.pointer) == ("invalid", "/time")


def test_a_crisis_above_health_connect_s_own_bound_is_read() -> None:
    made = phone(
        "blood_pressure",
        systolic={"inMillimetersOfMercury": 245},
        diastolic={"inMillimetersOfMercury": 190},
    )
    stored = content(measurement(made, APP, NOW))
    assert (stored["systolic_mmhg"], stored["diastolic_mmhg"]) == (245, 190)


def test_systolic_may_be_below_diastolic() -> None:
    made = phone("blood_pressure", systolic={"inMillimetersOfMercury": 70})
    assert content(measurement(made, APP, NOW))["systolic_mmhg"] == 70


def test_an_id_does_not_take_the_version_away() -> None:
    m = measurement(with_metadata("steps", clientRecordVersion=-3), APP, NOW)
    assert (m.platform_id, m.version) == ("5f2b7c1e-8d0a-4a5e-9b60-3f1d2c7a9e11", -3)
