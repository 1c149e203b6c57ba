"""Forgetting cached days: the SQL says the same as the margins, for old times and for new ones."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.make import Caller, Make
from tests.records.stored import change
from vitalkeep.base.db import array
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.datatypes.times import microseconds
from vitalkeep.persons.gate import take_gate
from vitalkeep.records import touched

MAY = [date(2024, 5, 1) + timedelta(days=n) for n in range(31)]
KEEP = """INSERT INTO day_summaries (person_id, type, day, sealed)
          SELECT :id, t, CAST('2024-05-01' AS date) + n, ''
          FROM unnest(CAST(:types AS int2[])) t, generate_series(0, 30) n"""
LEFT = text("SELECT day FROM day_summaries WHERE person_id = :id AND type = :type")
NUMBERS = {name: kind.number for name, kind in BY_NAME.items()}


def to_number(value: Any) -> int:
    return microseconds(value) if isinstance(value, datetime) else int(value)


async def with_may_kept(make: Make) -> Caller:
    """A person with every day of May 2024 kept of two types."""
    person = await make.person()
    types = [NUMBERS["steps"], NUMBERS["sleep"]]
    assert await change(make, KEEP, id=person.id, types=types) == 62
    return person


async def forget(make: Make, person: Caller, ids: list[UUID], *new: Any) -> None:
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, person.id)
        literals = [array(map(to_number, column)) for column in (*new[1:], *new[:1])]
        await touched.forget_days(connection, person.id, array(ids), *literals)


async def forgotten(make: Make, person: Caller, name: str) -> list[date]:
    """The days of May that are not kept any more."""
    async with make.fastapi.state.engine.connect() as connection:
        left = (await connection.scalars(LEFT, {"id": person.id, "type": NUMBERS[name]})).all()
    return [day for day in MAY if day not in left]


def reached(name: str, start: datetime, end: datetime) -> list[date]:
    """The days of May that the margins reach."""
    before, after = touched.BEFORE, touched.AFTER
    if name == "sleep":
        before, after = touched.SLEEP_BEFORE, touched.SLEEP_AFTER
    return [day for day in MAY if (start - before).date() <= day <= (end + after).date()]


@pytest.mark.parametrize("name", ["steps", "sleep"])
@pytest.mark.parametrize("hours", [0, 30, 200], ids=["instant", "30 h", "200 h"])
async def test_the_days_around_new_records_are_forgotten(make: Make, name: str, hours: int) -> None:
    person = await with_may_kept(make)
    start = datetime(2024, 5, 12, 17, 59, tzinfo=UTC)
    end = start + timedelta(hours=hours)
    await forget(make, person, [UUID(int=1)], [NUMBERS[name]], [start], [end])
    assert await forgotten(make, person, name) == reached(name, start, end)
    assert await forgotten(make, person, "sleep" if name == "steps" else "steps") == []


async def test_the_days_where_records_are_now_are_forgotten_too(make: Make) -> None:
    person = await make.person()
    moved = make.record(start="2024-05-06T08:00:00+09:00", end="2024-05-06T09:00:00+09:00")
    record_id = UUID((await person.push(moved))["results"][0]["id"])
    await change(make, KEEP, id=person.id, types=[NUMBERS["steps"]])
    start = datetime(2024, 5, 20, 8, tzinfo=UTC)
    await forget(make, person, [record_id], [NUMBERS["steps"]], [start], [start])
    old = datetime(2024, 5, 5, 23, tzinfo=UTC)
    both = {*reached("steps", start, start), *reached("steps", old, old + timedelta(hours=1))}
    assert await forgotten(make, person, "steps") == sorted(both)


async def test_a_tombstone_lies_on_no_day(make: Make) -> None:
    person = await make.person()
    record_id = (await person.push(make.record()))["results"][0]["id"]
    await person.request("DELETE", f"/v1/me/records/{record_id}")
    await change(make, KEEP, id=person.id, types=[NUMBERS["steps"]])
    buried = "UPDATE records SET start_time = :at, end_time = :at WHERE person_id = :id"
    await change(make, buried, id=person.id, at=datetime(2024, 5, 12, tzinfo=UTC))
    await forget(make, person, [UUID(record_id)])
    assert await forgotten(make, person, "steps") == []


async def test_other_persons_keep_their_days(make: Make) -> None:
    person, other = await with_may_kept(make), await with_may_kept(make)
    start = datetime(2024, 5, 12, tzinfo=UTC)
    await forget(make, person, [], [NUMBERS["steps"]], [start], [start])
    assert await forgotten(make, person, "steps") != []
    assert await forgotten(make, other, "steps") == []
