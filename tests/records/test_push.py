import hashlib
import json
from datetime import datetime
from typing import Any

import pytest

from tests.make import Make
from tests.records.stored import get_json, list_all, list_rows, push_bytes
from vitalkeep.base import clock
from vitalkeep.datatypes.registry import TYPES

ORIGIN = {
    "app": "jp.example.all",
    "device": {"type": "watch", "manufacturer": "Example", "model": "Watch 3"},
}
SENT: list[dict[str, Any]] = [
    {
        "type": "steps",
        "start": "2024-05-01T07:10:00+09:00",
        "end": "2024-05-01T07:35:00.25+08:00",
        "count": 1_000_000,
    },
    {
        "type": "distance",
        "start": "2024-05-01T07:10:00Z",
        "end": "2024-05-01T07:10:00+00:00",
        "meters": 1650.5,
    },
    {"type": "weight", "time": "2024-05-01T07:02:11.5-03:30", "kilograms": 68.4},
    {"type": "body_fat", "time": "2024-05-01T07:02:11Z", "percent": 0.0},
    {
        "type": "sleep",
        "start": "2024-05-01T23:20:00+09:00",
        "end": "2024-05-02T06:40:00+09:00",
        "stages": [
            {
                "start": "2024-05-01T23:20:00+09:00",
                "end": "2024-05-02T00:05:00+09:00",
                "stage": "awake_in_bed",
            },
            {
                "start": "2024-05-02T00:05:00+09:00",
                "end": "2024-05-02T06:40:00+09:00",
                "stage": "rem",
            },
        ],
        "title": "長い夜",
        "notes": "woke once\n\tslept on",
    },
    {
        "type": "blood_pressure",
        "time": "2024-05-01T07:05:00+09:00",
        "systolic_mmhg": 300.0,
        "diastolic_mmhg": 10.0,
        "body_position": "sitting_down",
        "measurement_location": "left_upper_arm",
    },
    {
        "type": "blood_glucose",
        "time": "2024-05-01T07:00:00+14:00",
        "millimoles_per_liter": 6.1,
        "relation_to_meal": "fasting",
        "meal_type": "breakfast",
        "specimen_source": "capillary_blood",
    },
    {
        "type": "heart_rate",
        "start": "2024-05-01T07:10:00+09:00",
        "end": "2024-05-01T07:12:00+09:00",
        "samples": [
            {"time": "2024-05-01T07:10:00+09:00", "beats_per_minute": 71},
            {"time": "2024-05-01T07:11:00.25+09:00", "beats_per_minute": 300},
        ],
    },
    {
        "type": "body_temperature",
        "time": "2024-05-01T06:50:00+09:00",
        "celsius": 36.65,
        "measurement_location": "armpit",
    },
    {"type": "oxygen_saturation", "time": "2024-05-01T03:30:00+18:00", "percent": 96.5},
]
WITH_IDENTITY = [
    {
        **record,
        "client_id": f"all-{number}",
        "client_version": number,
        "recording_method": "manual_entry",
        "origin": ORIGIN,
    }
    for number, record in enumerate(SENT)
]


def without_times(value: Any) -> Any:
    """The value with its times as instants, which however are told in one way."""
    if isinstance(value, dict):
        return {
            name: datetime.fromisoformat(each)
            if name in {"time", "start", "end"}
            else without_times(each)
            for name, each in value.items()
        }
    return [without_times(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("record", WITH_IDENTITY, ids=lambda record: record["type"])
async def test_a_record_is_read_back_with_the_values_and_offsets_it_was_sent_with(
    make: Make, record: dict[str, Any]
) -> None:
    person = await make.person()
    begun = clock.now()
    verdict = (await person.push(record))["results"][0]
    assert verdict["status"] == "created"
    read = await get_json(person, f"/v1/me/records/{verdict['id']}")
    assert begun <= datetime.fromisoformat(read.pop("modified_at")) <= clock.now()
    assert read == {**record, "id": verdict["id"]}


@pytest.mark.parametrize("name", [kind.name for kind in TYPES])
async def test_every_type_can_be_pushed_and_listed(make: Make, name: str) -> None:
    person = await make.person()
    record = make.record(name)
    verdict = (await person.push(record))["results"][0]
    (read,) = await list_all(person)
    added = {"id": verdict["id"], "client_version": 0, "modified_at": read["modified_at"]}
    assert without_times(read) == without_times({**added, **record})


async def test_a_mixed_batch_is_listed_as_it_was_sent(make: Make) -> None:
    person = await make.person()
    results = (await person.push(*WITH_IDENTITY))["results"]
    assert [each["status"] for each in results] == ["created"] * len(SENT)
    ids = {each["id"]: sent for each, sent in zip(results, WITH_IDENTITY, strict=True)}
    read = await list_all(person)
    assert sorted(each["id"] for each in read) == sorted(ids)
    assert all(ids[each["id"]].items() <= each.items() for each in read)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2024-05-01T07:00:00Z", "2024-05-01T07:00:00Z"),
        ("2024-05-01T07:00:00-00:00", "2024-05-01T07:00:00Z"),
        ("2024-05-01T07:00:00+00:00", "2024-05-01T07:00:00+00:00"),
        ("2024-05-01T07:00:00.120000-11:30", "2024-05-01T07:00:00.12-11:30"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00Z"),
    ],
)
async def test_an_unknown_offset_is_answered_as_z_and_a_known_one_as_it_came(
    make: Make, sent: str, answered: str
) -> None:
    person = await make.person()
    await person.push(make.record("weight", time=sent))
    assert [each["time"] for each in await list_all(person)] == [answered]


async def test_samples_and_stages_are_answered_sorted(make: Make) -> None:
    person = await make.person()
    for name, series in (("heart_rate", "samples"), ("sleep", "stages")):
        record = make.record(name)
        turned = {**record, series: record[series][::-1]}
        assert await person.statuses(turned) == ["created"]
        (read,) = await list_all(person, type=name)
        assert without_times(read[series]) == without_times(record[series])
        # In whatever order they come, it is the same record.
        assert await person.statuses(record) == ["unchanged"]


async def test_glucose_sent_in_milligrams_is_answered_in_millimoles(make: Make) -> None:
    person = await make.person()
    sent = make.record("blood_glucose", millimoles_per_liter=None, milligrams_per_deciliter=110)
    await person.push(sent)
    (read,) = await list_all(person)
    assert read["millimoles_per_liter"] == 6.111111
    assert "milligrams_per_deciliter" not in read
    assert read["original"] == {"value": 110.0, "unit": "mg/dL"}


async def test_the_answer_tells_what_was_received_and_when_it_was_committed(make: Make) -> None:
    person = await make.person()
    body = json.dumps({"records": [make.record(), make.record("weight")]}, indent=3).encode()
    begun = clock.now()
    answer = await push_bytes(person, body)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told.keys() == {
        "results", "counts", "received_sha256", "committed_at", "changes_cursor",
    }  # fmt: skip
    assert told["received_sha256"] == hashlib.sha256(body).hexdigest()
    assert begun <= datetime.fromisoformat(told["committed_at"]) <= clock.now()
    assert [each.keys() for each in told["results"]] == [{"status", "id"}] * 2
    assert [row["modified_at"] for row in await list_rows(make, person)] == [
        datetime.fromisoformat(told["committed_at"])
    ] * 2


async def test_a_thousand_records_go_in_one_push(make: Make) -> None:
    person = await make.person()
    batch = [make.record("weight") for _ in range(1000)]
    answer = await person.push(*batch)
    assert answer["counts"]["created"] == 1000
    assert (await person.push(*batch))["counts"]["unchanged"] == 1000


async def test_nobody_pushes_without_a_persons_token(make: Make) -> None:
    body = {"records": [make.record()]}
    assert (await make.client.post("/v1/me/records", json=body)).status_code == 401
    nurse = await make.staff()
    assert (await nurse.post("/v1/me/records", body)).status_code == 403


@pytest.mark.parametrize("dialect", ["canonical", "HEALTH-CONNECT", "google-fit", "x"])
async def test_an_unknown_dialect_is_refused(make: Make, dialect: str) -> None:
    person = await make.person()
    answer = await person.post(f"/v1/me/records/{dialect}", {"records": [make.record()]})
    assert answer.status_code == 422
    assert await list_rows(make, person) == []
