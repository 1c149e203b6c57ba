from datetime import timedelta
from typing import Any

import pytest

from tests.make import Caller, Make
from tests.records.phone_shapes import AT, COMMON, HOUR, METADATA, SHAPES
from tests.records.stored import get_json, list_all, list_rows
from vitalkeep.base import clock
from vitalkeep.demo.people import phone_days

PUSH = "/v1/me/records/health-connect"


async def push(person: Caller, *records: object) -> dict[str, Any]:
    answer = await person.post(PUSH, {"records": list(records)})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(("name", "sent", "kind", "read"), SHAPES)
async def test_what_a_phone_sends_is_read_back_in_our_terms(
    make: Make, name: str, sent: dict[str, Any], kind: str, read: dict[str, Any]
) -> None:
    person = await make.person()
    (verdict,) = (await push(person, {"recordType": name, **sent, "metadata": METADATA}))["results"]
    assert verdict["status"] == "created"
    found = await get_json(person, f"/v1/me/records/{verdict['id']}")
    assert found.pop("modified_at")
    assert found == {"id": verdict["id"], "type": kind, **read, **COMMON}


@pytest.mark.parametrize(
    ("origin", "named"),
    [("jp.example.a", "jp.example.a"), ({"packageName": "jp.example.b"}, "jp.example.b")],
)
async def test_the_origin_may_be_text_or_an_object(make: Make, origin: object, named: str) -> None:
    person = await make.person()
    await push(person, {**steps(), "metadata": {"dataOrigin": origin, "device": None}})
    assert (await list_all(person))[0]["origin"] == {"app": named}


async def test_a_record_without_metadata_comes_from_the_sending_app(make: Make) -> None:
    person = await make.person()
    assert person.app is not None
    await push(person, steps())
    assert (await list_all(person))[0]["origin"] == {"app": str(person.app.id)}


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        (None, "2024-04-30T22:00:00Z"),
        ("+05:30", "2024-05-01T03:30:00+05:30"),
        ("Z", "2024-04-30T22:00:00+00:00"),
        ({"id": "-03:30", "totalSeconds": -12600}, "2024-04-30T18:30:00-03:30"),
    ],
)
async def test_an_offset_may_be_null_text_or_an_object(
    make: Make, zone: object, start: str
) -> None:
    person = await make.person()
    await push(person, {**steps(), "startZoneOffset": zone})
    assert (await list_all(person))[0]["start"] == start


def steps(**changes: object) -> dict[str, Any]:
    return {"recordType": "Steps", **HOUR, "count": 10, **changes}


def night(*times: str) -> dict[str, Any]:
    stages = [
        {"startTime": f"2024-04-30T{first}:00Z", "endTime": f"2024-04-30T{last}:00Z", "stage": 4}
        for first, last in zip(times[::2], times[1::2], strict=True)
    ]
    return {"recordType": "SleepSession", **HOUR, "stages": stages}


@pytest.mark.parametrize(
    ("code", "pointer", "bad"),
    [
        ("out_of_range", "/count", steps(count=1_083_519)),
        ("invalid", "/count", steps(count="planted-3")),
        ("invalid", "/startTime", steps(startTime="planted-3")),
        ("invalid", "/startZoneOffset", steps(startZoneOffset="planted-3")),
        ("end_before_start", "/endTime", steps(endTime="2024-04-30T21:00:00Z")),
        ("time_out_of_window", "/startTime", steps(startTime="1999-04-30T21:00:00Z")),
        ("unknown_type", "/recordType", steps(recordType="planted-3")),
        ("invalid", "", "planted-3"),
        ("invalid", "/metadata", steps(metadata="planted-3")),
        ("invalid", "/metadata/clientRecordId", steps(metadata={"clientRecordId": "p" * 129})),
        ("invalid", "/metadata/device/model", steps(metadata={"device": {"model": 83519}})),
        ("invalid", "/metadata/device/type", steps(metadata={"device": {"type": "planted-3"}})),
        ("overlapping_stages", "/stages/1", night("22:00", "22:30", "22:29", "22:40")),
        ("sample_outside_interval", "/stages/0/endTime", night("22:00", "23:01")),
        (
            "out_of_range",
            "/samples/0/beatsPerMinute",
            {
                "recordType": "HeartRate",
                **HOUR,
                "samples": [{"time": HOUR["startTime"], "beatsPerMinute": 83519}],
            },
        ),
        (
            "out_of_range",
            "/weight/value",
            {"recordType": "Weight", **AT, "weight": {"value": 83519, "unit": "kilograms"}},
        ),
        ("invalid", "/weight", {"recordType": "Weight", **AT, "weight": 68.83519}),
        ("invalid", "/weight", {"recordType": "Weight", **AT}),
    ],
)
async def test_a_pointer_leads_into_what_the_phone_sent(
    make: Make, code: str, pointer: str, bad: object
) -> None:
    person = await make.person()
    answer = await push(person, steps(), bad, steps(count=11, metadata={"id": "x"}))
    before, verdict, after = answer["results"]
    assert (before["status"], after["status"]) == ("created", "created")
    assert (verdict["code"], verdict["pointer"]) == (code, f"/records/1{pointer}")
    assert not any(plant in str(verdict) for plant in ("planted", "83519", "1999"))
    assert len(await list_rows(make, person)) == 2


async def test_consent_is_asked_of_phones_too(make: Make) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["android.permission.health.READ_STEPS"])
    answer = await push(person, steps(), {"recordType": "BodyFat", **AT, "percentage": 20})
    codes = [each.get("code", each["status"]) for each in answer["results"]]
    assert codes == ["created", "consent_missing"]


async def test_a_whole_month_of_a_phone_goes_in_and_again_changes_nothing(make: Make) -> None:
    person = await make.person()
    month = phone_days(20, 30, clock.now().date() - timedelta(days=1))
    first = await push(person, *month)
    codes = {each["code"] for each in first["results"] if each["status"] == "rejected"}
    assert codes == {"duplicate_in_batch"}
    # The pedometer wrote each day three times under one id.
    assert first["counts"]["rejected"] == 60
    assert first["counts"]["created"] == len(month) - 60
    rows = await list_rows(make, person)
    again = await push(person, *month)
    assert again["counts"]["unchanged"] == len(month) - 60
    assert await list_rows(make, person) == rows
    assert len(await list_all(person, 100)) == len(month) - 60
    types = {each["type"] for each in await list_all(person)}
    assert len(types) == 10
