"""Which record of ours a phone's record is, and which of its versions stays."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.make import Caller, Make
from tests.records.phone_shapes import AT
from tests.records.stored import list_all, list_rows
from vitalkeep.base import clock

Json = dict[str, Any]
HOUR = {"startTime": "2024-04-30T22:00:00Z", "endTime": "2024-04-30T23:00:00Z"}


async def push(person: Caller, *records: object) -> list[Json]:
    answer = await person.post("/v1/me/records/health-connect", {"records": list(records)})
    assert answer.status_code == 200, answer.text
    results: list[Json] = answer.json()["results"]
    return results


def weight(kilograms: float, **metadata: object) -> Json:
    about = {"dataOrigin": "jp.example.scale", **metadata}
    return {
        "recordType": "Weight",
        **AT,
        "weight": {"inKilograms": kilograms},
        "metadata": about,
    }


def night(minutes: int, **metadata: object) -> Json:
    """A session that has been going on for so long, in one stage."""
    begun = clock.now() - timedelta(hours=9)
    start, end = (
        each.isoformat().replace("+00:00", "Z")
        for each in (begun, begun + timedelta(minutes=minutes))
    )
    stage = {"startTime": start, "endTime": end, "stage": 2}
    return {
        "recordType": "SleepSession",
        "startTime": start,
        "endTime": end,
        "stages": [stage],
        "metadata": metadata,
    }


@pytest.mark.parametrize("empty", [{}, {"id": ""}, {"id": None}], ids=str)
async def test_before_health_connect_gave_an_id_the_client_s_counts(
    make: Make, empty: Json
) -> None:
    person = await make.person()
    named = {**empty, "clientRecordId": "w-1"}
    (first,) = await push(person, weight(68.4, **named))
    moved = {**weight(69, **named), "time": "2024-05-02T22:00:00Z"}
    assert await push(person, moved) == [{"status": "updated", "id": first["id"]}]
    canonical = {
        "type": "weight",
        "time": "2024-05-03T07:00:00+09:00",
        "kilograms": 70,
        "client_id": "w-1",
        "origin": {"app": "jp.example.scale"},
    }
    assert (await person.push(canonical))["results"] == [{"status": "updated", "id": first["id"]}]
    assert [each["kilograms"] for each in await list_all(person)] == [70]


@pytest.mark.parametrize(
    "identity", [{"id": "8a4fd9f0-52fb-4d63-9f0a-5c9f86d1c003"}, {"clientRecordId": "w-1"}], ids=str
)
async def test_a_lower_client_version_is_stale_and_an_equal_one_overwrites(
    make: Make, identity: Json
) -> None:
    person = await make.person()
    versions = ((68, 3), (69, 2), (70, 3), (70, 3), (71, 4))
    seen = []
    for kilograms, version in versions:
        record = weight(kilograms, **identity, clientRecordVersion=version)
        seen += [each["status"] for each in await push(person, record)]
    assert seen == ["created", "stale", "updated", "unchanged", "updated"]
    assert [each["kilograms"] for each in await list_all(person)] == [71]


async def test_without_any_id_app_device_and_time_are_the_identity(make: Make) -> None:
    person = await make.person()
    watch, scale = {"type": 1, "model": "Watch 3"}, {"type": 3, "model": "S1"}
    records = [weight(68, device=watch), weight(69, device=watch), weight(70, device=scale)]
    seen = [(await push(person, record))[0]["status"] for record in records]
    assert seen == ["created", "updated", "created"]


async def test_when_the_store_changed_a_record_makes_it_no_other(make: Make) -> None:
    person = await make.person()
    name = str(uuid4())
    await push(person, weight(68, id=name, lastModifiedTime="2024-05-01T00:00:00Z"))
    rows = await list_rows(make, person)
    again = weight(68, id=name, lastModifiedTime="2024-05-02T00:00:00.123456789Z")
    assert [each["status"] for each in await push(person, again)] == ["unchanged"]
    assert await list_rows(make, person) == rows


async def test_a_day_of_steps_rewritten_until_it_ends_is_one_record(make: Make) -> None:
    person = await make.person()
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight + timedelta(days=1, milliseconds=-1)
    day = {
        "recordType": "Steps",
        "startTime": midnight.isoformat().replace("+00:00", "Z"),
        "endTime": end.isoformat().replace("+00:00", "Z"),
        "metadata": {"id": str(uuid4()), "dataOrigin": "jp.example.pedometer"},
    }
    seen = []
    for count in (0, 10, 2310, 2310):
        seen += [each["status"] for each in await push(person, {**day, "count": count})]
    assert seen == ["created", "updated", "updated", "unchanged"]
    assert [each["count"] for each in await list_all(person)] == [2310]


async def test_a_night_that_grows_under_its_id_is_one_record(make: Make) -> None:
    person = await make.person()
    name = str(uuid4())
    seen = [
        (await push(person, night(minutes, id=name)))[0]["status"] for minutes in (90, 200, 440)
    ]
    assert seen == ["created", "updated", "updated"]
    (stored,) = await list_all(person)
    assert len(stored["stages"]) == 1
    assert stored["stages"][0]["end"] == stored["end"]
    other = night(440, id=str(uuid4()))
    assert [each["status"] for each in await push(person, other)] == ["created"]


async def test_steps_of_no_length_are_stored(make: Make) -> None:
    person = await make.person()
    steps = {"recordType": "Steps", **HOUR, "endTime": HOUR["startTime"], "count": 12}
    assert [each["status"] for each in await push(person, steps)] == ["created"]
