"""HealthKit samples pushed, and read back in our terms."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.make import Caller, Make
from tests.records.samples_of_sleep import PUSH, Sample, delete, push, told_slowly, without_zone
from tests.records.stored import change, get_json, list_all, problem_code
from vitalkeep.datatypes.dialects.healthkit import EXAMPLES
from vitalkeep.datatypes.registry import TYPES

READ: dict[str, dict[str, Any]] = {
    "steps": {"count": 2310},
    "distance": {"meters": 1650.5, "original": {"value": 1.6505, "unit": "km"}},
    "weight": {"kilograms": 68.4, "client_id": "w-20261120", "client_version": 1},
    "body_fat": {"percent": 22.8, "original": {"value": 0.228, "unit": "1"}},
    "sleep": {
        "stages": [
            {
                "start": "2026-11-20T00:05:00+09:00",
                "end": "2026-11-20T01:30:00+09:00",
                "stage": "deep",
            }
        ]
    },
    "blood_pressure": {"systolic_mmhg": 128.0, "diastolic_mmhg": 82.0},
    "blood_glucose": {
        "millimoles_per_liter": 6.111111,
        "relation_to_meal": "before_meal",
        "original": {"value": 110.0, "unit": "mg/dL"},
        "recording_method": "manual_entry",
    },
    "heart_rate": {"samples": [{"time": "2026-11-20T07:10:05+09:00", "beats_per_minute": 71}]},
    "body_temperature": {
        "celsius": 36.6,
        "measurement_location": "armpit",
        "original": {"value": 97.88, "unit": "[degF]"},
        "recording_method": "manual_entry",
    },
    "oxygen_saturation": {"percent": 96.5, "original": {"value": 0.965, "unit": "1"}},
}
INTERVALS = {
    "steps": ("2026-11-20T07:10:00+09:00", "2026-11-20T07:35:00+09:00"),
    "distance": ("2026-11-20T07:10:00+09:00", "2026-11-20T07:35:00+09:00"),
    "sleep": ("2026-11-20T00:05:00+09:00", "2026-11-20T01:30:00+09:00"),
    "heart_rate": ("2026-11-20T07:10:05+09:00", "2026-11-20T07:10:05+09:00"),
}
INSTANTS = {
    "weight": "2026-11-20T07:02:11.5+09:00",
    "body_fat": "2026-11-20T07:02:11.5+09:00",
    "blood_pressure": "2026-11-20T07:05:00+09:00",
    "blood_glucose": "2026-11-20T07:00:00+09:00",
    "body_temperature": "2026-11-20T06:50:00+09:00",
    "oxygen_saturation": "2026-11-20T03:30:00+09:00",
}
DEVICES = {
    "steps": {"type": "watch", "manufacturer": "Example", "model": "Watch"},
    "weight": {"manufacturer": "Example", "model": "Scale S1"},
    "blood_pressure": {"manufacturer": "Example", "model": "Cuff 10"},
    "blood_glucose": {"type": "phone", "model": "iPhone14,2"},
    "sleep": {"type": "watch", "model": "Watch6,2"},
}
DEVICE_OF = {
    "distance": "steps",
    "heart_rate": "steps",
    "body_fat": "weight",
    "body_temperature": "blood_glucose",
    "oxygen_saturation": "sleep",
}


@pytest.mark.parametrize("name", [kind.name for kind in TYPES])
async def test_what_a_phone_sends_is_read_back_in_our_terms(make: Make, name: str) -> None:
    person = await make.person()
    (verdict,) = await push(person, EXAMPLES[name])
    assert verdict["status"] == "created"
    found = await get_json(person, f"/v1/me/records/{verdict['id']}")
    assert found.pop("modified_at")
    sent: dict[str, Any] = EXAMPLES[name]
    expected = {
        "id": verdict["id"],
        "type": name,
        "client_version": 0,
        "origin": {
            "app": sent["sourceRevision"]["source"]["bundleIdentifier"],
            "device": DEVICES[DEVICE_OF.get(name, name)],
        },
        **READ[name],
    }
    if name in INTERVALS:
        expected |= dict(zip(("start", "end"), INTERVALS[name], strict=True))
    else:
        expected["time"] = INSTANTS[name]
    if name != "sleep":
        expected["platform_id"] = sent["uuid"].lower()
    assert found == expected
    assert await push(person, sent) == [{"status": "unchanged", "id": verdict["id"]}]


async def test_a_uuid_is_one_record_through_every_dialect(make: Make) -> None:
    person = await make.person()
    uuid = str(uuid4())
    (created,) = await push(person, {**EXAMPLES["weight"], "uuid": uuid.upper()})
    canonical = make.record("weight", platform_id=uuid, client_version=2)
    (updated,) = (await person.push(canonical))["results"]
    phone = {
        "recordType": "Weight",
        "time": "2026-11-20T07:00:00Z",
        "weight": {"inKilograms": 70},
        "metadata": {"id": uuid, "clientRecordVersion": 3},
    }
    answer = await person.post("/v1/me/records/health-connect", {"records": [phone]})
    assert [updated, *answer.json()["results"]] == [
        {"status": "updated", "id": created["id"]},
        {"status": "updated", "id": created["id"]},
    ]
    deletion = {"platform_ids": [uuid.upper()], "by": "source"}
    assert (await person.post("/v1/me/records/delete", deletion)).json() == {"deleted": 1}


async def test_each_bad_sample_is_pointed_at_and_the_good_ones_are_stored(make: Make) -> None:
    person = await make.person()
    verdicts = await push(
        person,
        EXAMPLES["steps"],
        {**EXAMPLES["oxygen_saturation"], "quantity": 96.5},
        {**EXAMPLES["weight"], "unit": "stone"},
        {**EXAMPLES["sleep"], "value": None},
        {**EXAMPLES["steps"], "quantityType": "HKQuantityTypeIdentifierHeight"},
        EXAMPLES["sleep"],
    )
    assert [(each.get("code"), each.get("pointer")) for each in verdicts] == [
        (None, None),
        ("out_of_range", "/records/1/quantity"),
        ("invalid", "/records/2/unit"),
        ("invalid", "/records/3/value"),
        ("unknown_type", "/records/4/quantityType"),
        (None, None),
    ]
    assert len(await list_all(person)) == 2


NIGHT = [Sample(n, start=n * 25, minutes=30, value=1 + n % 5) for n in range(40)]


async def test_pages_of_a_night_that_arrive_at_once_make_one_session(make: Make) -> None:
    person = await make.person()
    pages = [NIGHT[at::6] for at in range(6)]
    answers = await asyncio.gather(*(push(person, *page) for page in [*pages, pages[0]]))
    assert {each["status"] for page in answers for each in page} <= {
        "created",
        "updated",
        "unchanged",
    }
    (record,) = await list_all(person)
    (told,) = told_slowly(NIGHT)
    assert {**without_zone(record), **told} == without_zone(record)
    gone = NIGHT[10:20]
    answers_to_deletion = await asyncio.gather(*(delete(person, each) for each in gone * 2))
    assert sum(answers_to_deletion) == len(gone)
    found = await list_all(person)
    assert [(each["start"], each["end"]) for each in found] == [
        (each["start"], each["end"]) for each in told_slowly([*NIGHT[:10], *NIGHT[20:]])
    ]
    assert len(found) == 2


@pytest.mark.parametrize(
    "assignment",
    [
        "start_time = start_time - interval '1 second'",
        "end_time = end_time + interval '1 second'",
        "version = 1",
        "sealed = set_byte(sealed, 18, get_byte(sealed, 18) # 1)",
        "part_id = gen_random_uuid()",
    ],
)
async def test_a_sample_that_was_tampered_with_is_never_assembled(
    make: Make, assignment: str
) -> None:
    person = await make.person()
    await push(person, NIGHT[0])
    statement = f"UPDATE record_parts SET {assignment} WHERE person_id = :id"  # noqa: S608
    assert await change(make, statement, id=person.id) == 1
    answer = await person.post(PUSH, {"records": [NIGHT[1].to_json()]})
    assert problem_code(answer, 500) == "internal_error"


async def test_a_session_of_too_many_samples_refuses_more(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vitalkeep.records.samples.MAX_PARTS", 5)
    person = await make.person()
    await push(person, *NIGHT[:4])
    verdicts = await push(person, *NIGHT[4:6], Sample(99, 5000, 10, 3))
    assert [each.get("code", each["status"]) for each in verdicts] == [
        "out_of_range",
        "out_of_range",
        "created",
    ]
    assert verdicts[1]["pointer"] == "/records/1"
    assert [each["status"] for each in await push(person, NIGHT[4])] == ["updated"]
    assert len(await list_all(person)) == 2


async def pushed_and_listed(person: Caller, *samples: Sample) -> int:
    await push(person, *samples)
    return len(await list_all(person))


async def test_another_persons_samples_are_another_night(make: Make) -> None:
    app = await make.app()
    one, other = await make.person(app), await make.person(app)
    assert await pushed_and_listed(one, NIGHT[0]) == 1
    assert await pushed_and_listed(other, NIGHT[0], NIGHT[1]) == 1
    assert await delete(one, NIGHT[0]) == 1
    assert len(await list_all(other)) == 1
