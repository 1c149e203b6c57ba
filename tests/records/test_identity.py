from typing import Any
from uuid import UUID

import pytest

from tests.make import Caller, Make
from tests.records.stored import list_all, list_rows

PLATFORM_ID = "8A4FD9F0-52FB-4D63-9F0A-5C9F86D1C003"
WEIGHT: dict[str, Any] = {
    "type": "weight",
    "time": "2024-05-01T07:00:00+09:00",
    "kilograms": 68.4,
    "origin": {"app": "jp.example.scale", "device": {"type": "scale", "model": "S1"}},
}


async def ids(person: Caller, *records: object) -> list[str]:
    """The ids of records pushed one after the other."""
    return [(await person.push(record))["results"][0]["id"] for record in records]


@pytest.mark.parametrize(
    "spelling", [PLATFORM_ID.lower(), PLATFORM_ID.upper(), PLATFORM_ID.title()]
)
async def test_a_platforms_uuid_is_the_identity_in_any_case_of_letters(
    make: Make, spelling: str
) -> None:
    person = await make.person()
    first = {**WEIGHT, "platform_id": PLATFORM_ID}
    other = {
        **WEIGHT,
        "platform_id": spelling,
        "client_id": "another",
        "client_version": 1,
        "time": "2024-06-01T07:00:00+09:00",
        "origin": {"app": "jp.example.other"},
    }
    one, again = await ids(person, first, other)
    assert one == again
    (read,) = await list_all(person)
    assert read["platform_id"] == PLATFORM_ID.lower()
    assert read["origin"] == other["origin"]


async def test_a_platform_id_that_is_no_uuid_keeps_its_letters(make: Make) -> None:
    person = await make.person()
    one, other = await ids(
        person, {**WEIGHT, "platform_id": "abc"}, {**WEIGHT, "platform_id": "ABC"}
    )
    assert one != other


async def test_two_spellings_of_a_platform_id_are_duplicates_in_a_batch(make: Make) -> None:
    person = await make.person()
    spellings = (PLATFORM_ID, PLATFORM_ID.lower())
    statuses = await person.statuses(*({**WEIGHT, "platform_id": each} for each in spellings))
    assert statuses == ["duplicate_in_batch", "created"]


async def test_a_record_is_one_through_either_dialect(make: Make) -> None:
    person = await make.person()
    (canonical,) = await ids(person, {**WEIGHT, "platform_id": PLATFORM_ID})
    phone = {
        "recordType": "Weight",
        "time": "2024-04-30T22:00:00.000Z",
        "zoneOffset": {"id": "+09:00", "totalSeconds": 32400},
        "weight": {"inKilograms": 68.4, "inGrams": 68400.0},
        "metadata": {
            "id": PLATFORM_ID.lower(),
            "dataOrigin": "jp.example.scale",
            "device": {"type": 3, "manufacturer": None, "model": "S1"},
        },
    }
    answer = await person.post("/v1/me/records/health-connect", {"records": [phone]})
    (verdict,) = answer.json()["results"]
    # The phone says the same of it, so nothing changes.
    assert verdict == {"status": "unchanged", "id": canonical}
    heavier = {**phone, "weight": {"inKilograms": 69.0}}
    answer = await person.post("/v1/me/records/health-connect", {"records": [heavier]})
    assert answer.json()["results"] == [{"status": "updated", "id": canonical}]
    assert [each["kilograms"] for each in await list_all(person)] == [69.0]


async def test_a_client_id_counts_within_an_app_and_a_type(make: Make) -> None:
    person = await make.person()
    named = {**WEIGHT, "client_id": "w-1"}
    first, moved, elsewhere, fat = await ids(
        person,
        named,
        {**named, "time": "2024-05-02T07:00:00Z", "origin": {"app": "jp.example.scale"}},
        {**named, "origin": {**WEIGHT["origin"], "app": "jp.example.other"}},
        {
            **{name: named[name] for name in ("time", "origin", "client_id")},
            "type": "body_fat",
            "percent": 20,
        },
    )
    assert first == moved
    assert len({first, elsewhere, fat}) == 3
    assert len(await list_all(person)) == 3


async def test_a_client_id_can_not_be_forged_from_its_neighbours(make: Make) -> None:
    person = await make.person()
    found = await ids(
        person,
        {**WEIGHT, "client_id": 'b","c', "origin": {"app": "a"}},
        {**WEIGHT, "client_id": "c", "origin": {"app": 'a","weight","b'}},
        {**WEIGHT, "client_id": "c", "origin": {"app": "a"}},
        {**WEIGHT, "platform_id": '["a","weight","c"]', "origin": {"app": "a"}},
        {**WEIGHT, "platform_id": "c", "origin": {"app": "a"}},
    )
    assert len(set(found)) == 5


async def test_composed_and_decomposed_client_ids_are_the_same(make: Make) -> None:
    person = await make.person()
    one, other = await ids(
        person, {**WEIGHT, "client_id": "が"}, {**WEIGHT, "client_id": "か\u3099"}
    )
    assert one == other


async def test_without_an_id_app_device_type_and_times_are_the_identity(make: Make) -> None:
    person = await make.person()
    same = [WEIGHT, {**WEIGHT, "kilograms": 70}, {**WEIGHT, "time": "2024-04-30T22:00:00Z"}]
    others = [
        {**WEIGHT, "time": "2024-05-01T07:00:00.000001+09:00"},
        {**WEIGHT, "origin": {**WEIGHT["origin"], "app": "jp.example.other"}},
        {**WEIGHT, "origin": {"app": "jp.example.scale", "device": {"model": "S2"}}},
        {**WEIGHT, "origin": {"app": "jp.example.scale"}},
        {"type": "body_fat", "percent": 20, "time": WEIGHT["time"], "origin": WEIGHT["origin"]},
    ]
    assert len(set(await ids(person, *same))) == 1
    assert len(set(await ids(person, *same, *others))) == 1 + len(others)
    assert len(await list_rows(make, person)) == 1 + len(others)


async def test_an_intervals_end_is_part_of_its_identity(make: Make) -> None:
    person = await make.person()
    steps = make.record("steps", client_id=None)
    later = make.record("steps", client_id=None, end=make.record("sleep")["end"])
    later["start"] = steps["start"]
    one, other = await ids(person, steps, later)
    assert one != other


@pytest.mark.parametrize(
    "identity", [{"platform_id": PLATFORM_ID.lower()}, {"client_id": "w-1"}, {}], ids=str
)
async def test_ids_say_nothing_and_differ_between_persons(
    make: Make, identity: dict[str, str]
) -> None:
    app = await make.app()
    persons = [await make.person(app), await make.person(app), await make.person()]
    found = [(await ids(person, {**WEIGHT, **identity}))[0] for person in persons]
    assert len(set(found)) == 3
    assert all(UUID(each).version == 8 for each in found)
    assert not set(found) & set(identity.values())


async def test_another_persons_record_with_the_same_identity_is_left_alone(make: Make) -> None:
    app = await make.app()
    one, other = await make.person(app), await make.person(app)
    record = {**WEIGHT, "platform_id": PLATFORM_ID}
    await one.push(record)
    before = await list_rows(make, one)
    assert await other.statuses({**record, "client_version": 9}) == ["created"]
    assert await list_rows(make, one) == before
