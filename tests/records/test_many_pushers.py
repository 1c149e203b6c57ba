"""64 pushers at once, of one person and of 64: nobody fails, and the change feed has no gap."""

import asyncio
from typing import Any

from tests.make import Caller, Make
from tests.records.following import Device
from tests.records.stored import list_all, list_rows
from tests.records.test_laws import new_person

PUSHERS = 64
EACH = 5


async def push_at_once(make: Make, persons: list[Caller]) -> list[list[str]]:
    """Pushes a batch of new records for each person, all at once; the ids of each batch."""

    async def push(person: Caller) -> dict[str, Any]:
        kinds = ("weight", "steps", "heart_rate", "steps", "weight")
        return await person.push(*(make.record(kind) for kind in kinds))

    async with asyncio.timeout(120):
        answers = await asyncio.gather(*(push(person) for person in persons))
    assert [answer["counts"]["created"] for answer in answers] == [EACH] * len(persons)
    return [[each["id"] for each in answer["results"]] for answer in answers]


async def test_64_pushers_of_one_person(make: Make) -> None:
    person = await new_person(make)
    pushed = await push_at_once(make, [person] * PUSHERS)
    rows = sorted(await list_rows(make, person), key=lambda row: int(row["feed"]))
    assert [row["feed"] for row in rows] == list(range(1, PUSHERS * EACH + 1))
    ordered = [str(row["record_id"]) for row in rows]
    batches = [ordered[at : at + EACH] for at in range(0, len(ordered), EACH)]
    assert sorted(batches) == sorted(pushed)
    assert [*await Device(person).catch_up(7)] == ordered
    assert len(await list_all(person)) == PUSHERS * EACH


async def test_64_pushers_of_64_persons(make: Make) -> None:
    app = await make.app()
    persons = [await new_person(make, app) for _ in range(PUSHERS)]
    pushed = await push_at_once(make, persons)
    for person, ids in zip(persons, pushed, strict=True):
        rows = {str(row["record_id"]): row["feed"] for row in await list_rows(make, person)}
        assert [rows[each] for each in ids] == list(range(1, EACH + 1))


async def test_64_pushers_of_the_same_records_store_each_once(make: Make) -> None:
    person = await new_person(make)
    records = [make.record("weight") for _ in range(EACH)]
    async with asyncio.timeout(120):
        answers = await asyncio.gather(*(person.push(*records) for _ in range(PUSHERS)))
    counts = [answer["counts"] for answer in answers]
    assert sum(each["created"] for each in counts) == EACH
    assert sum(each["unchanged"] for each in counts) == EACH * (PUSHERS - 1)
    assert len(await list_rows(make, person)) == EACH
