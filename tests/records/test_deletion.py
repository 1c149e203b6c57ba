"""Deleting records: what goes, what stays, and what a phone is told when it sends them again."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.make import Caller, Make
from tests.records.stored import list_rows
from vitalkeep.base import clock


async def delete(person: Caller, **selection: object) -> int:
    """How many records the deletion took."""
    answer = await person.post("/v1/me/records/delete", selection)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["deleted"])


async def stored(person: Caller) -> set[str]:
    """Ids of the records that the person can read."""
    page = (await person.get("/v1/me/records")).json()
    return {record["id"] for record in page["records"]}


async def pushed(person: Caller, *records: dict[str, Any]) -> list[str]:
    """The ids that the records got."""
    results = (await person.push(*records))["results"]
    assert {each["status"] for each in results} == {"created"}
    return [each["id"] for each in results]


async def test_a_deleted_record_is_gone_from_every_read_and_the_feed_says_so(make: Make) -> None:
    person = await make.person()
    gone, kept = await pushed(person, make.record("weight"), make.record("steps"))
    answer = await person.request("DELETE", f"/v1/me/records/{gone}")
    assert (answer.status_code, answer.json()) == (200, {"deleted": 1})
    assert await stored(person) == {kept}
    assert (await person.get(f"/v1/me/records/{gone}")).status_code == 404
    changes = (await person.get("/v1/me/changes")).json()["changes"]
    assert [(each["op"], each.get("id")) for each in changes] == [
        ("upsert", None),
        ("delete", gone),
    ]
    assert changes[1]["type"] == "weight"


async def test_deleting_again_or_somebody_else_s_answers_like_an_unknown_id(make: Make) -> None:
    person, other = await make.person(), await make.person()
    (mine,) = await pushed(person, make.record())
    (theirs,) = await pushed(other, make.record())
    assert (await person.request("DELETE", f"/v1/me/records/{mine}")).status_code == 200
    bodies = []
    for record_id in (mine, theirs, uuid4()):
        answer = await person.request("DELETE", f"/v1/me/records/{record_id}")
        assert answer.status_code == 404
        bodies.append({**answer.json(), "instance": ""})
    assert bodies[0] == bodies[1] == bodies[2]
    assert await stored(other) == {theirs}


async def test_what_the_person_deleted_stays_deleted_until_its_version_is_higher(
    make: Make,
) -> None:
    person = await make.person()
    record = make.record("weight", client_version=0)
    (record_id,) = await pushed(person, record)
    assert await delete(person, ids=[record_id]) == 1
    assert await person.statuses(record) == ["suppressed"]
    assert await person.statuses({**record, "kilograms": 70.5}) == ["suppressed"]
    assert await stored(person) == set()
    assert await person.statuses({**record, "client_version": 1}) == ["updated"]
    assert await stored(person) == {record_id}


async def test_what_the_source_deleted_revives_under_its_id_when_it_is_sent_again(
    make: Make,
) -> None:
    person = await make.person()
    record = {**make.record("weight"), "client_version": 3}
    (record_id,) = await pushed(person, record)
    assert await delete(person, ids=[record_id], by="source") == 1
    assert await person.statuses({**record, "client_version": 0}) == ["updated"]
    assert await stored(person) == {record_id}


async def test_a_phone_names_a_deletion_by_its_store_s_id_alone(make: Make) -> None:
    person = await make.person()
    health_connect, healthkit, unknown = str(uuid4()), str(uuid4()).upper(), str(uuid4())
    await pushed(
        person,
        make.record("steps", platform_id=health_connect),
        make.record("weight", platform_id=healthkit),
        make.record("weight", platform_id=str(uuid4())),
    )
    named = [health_connect.upper(), healthkit, unknown]
    assert await delete(person, platform_ids=named, by="source") == 2
    assert len(await stored(person)) == 1


async def test_a_client_id_names_the_record_of_one_app_and_type(make: Make) -> None:
    person = await make.person()
    there = {"app": "jp.example.walk"}
    elsewhere = {"app": "jp.example.other"}
    gone, *kept = await pushed(
        person,
        make.record("steps", client_id="same", origin=there),
        make.record("weight", client_id="same", origin=there),
        make.record("steps", client_id="same", origin=elsewhere),
    )
    named = {"client_ids": ["same", "unknown"], "type": "steps", "app": "jp.example.walk"}
    assert await delete(person, **named) == 1
    assert await stored(person) == set(kept)
    assert gone not in kept


async def test_a_period_takes_one_type_from_its_start_until_before_its_end(make: Make) -> None:
    person = await make.person()
    noon = clock.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
    times = [noon, noon + timedelta(minutes=30), noon + timedelta(hours=1)]
    ids = await pushed(
        person,
        *(make.record("weight", time=time.isoformat()) for time in times),
        make.record("body_fat", time=times[0].isoformat()),
    )
    period = {"from": times[0].isoformat(), "to": times[2].isoformat()}
    assert await delete(person, type="weight", **period) == 2
    assert await stored(person) == set(ids[2:])


async def test_tombstones_keep_neither_value_nor_time_of_measurement(make: Make) -> None:
    person = await make.person()
    (record_id,) = await pushed(person, make.record("heart_rate"))
    before = clock.now()
    assert await delete(person, ids=[record_id]) == 1
    (row,) = await list_rows(make, person)
    assert row["sealed"] is None
    assert row["start_time"] == row["end_time"] == row["modified_at"] >= before


async def test_each_deletion_has_a_change_number_of_its_own(make: Make) -> None:
    person = await make.person()
    ids = await pushed(person, *(make.record() for _ in range(5)))
    assert await delete(person, ids=ids) == 5
    numbers = [row["feed"] for row in await list_rows(make, person)]
    assert sorted(numbers) == [6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    "selection",
    [
        {},
        {"by": "source"},
        {"ids": []},
        {"ids": ["not an id"]},
        {"ids": [str(uuid4())], "platform_ids": ["a"]},
        {"client_ids": ["a"]},
        {"client_ids": ["a"], "type": "steps"},
        {"client_ids": ["a"], "type": "mood", "app": "b"},
        {"type": "steps"},
        {"type": "steps", "from": "2026-11-01T00:00:00Z"},
        {"type": "steps", "from": "2026-11-01", "to": "2026-11-02"},
        {"ids": [str(uuid4())], "by": "operator"},
        {"ids": None},
        {"ids": [str(uuid4())], "unknown": 1},
        {"platform_ids": ["x"] * 5001},
    ],
    ids=range(15),
)
async def test_a_deletion_that_does_not_say_what_is_refused(
    make: Make, selection: dict[str, object]
) -> None:
    person = await make.person(collects=False)
    answer = await person.post("/v1/me/records/delete", selection)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid_request"
