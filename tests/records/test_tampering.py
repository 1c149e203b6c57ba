"""Somebody with the database but without the keys changes what is stored: reading says so."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from tests.make import Caller, Make
from tests.records.stored import change, get_caller, get_json, list_all, list_rows, problem_code
from vitalkeep.base.sealing import SealBroken
from vitalkeep.records import query

RARE = 71.83519
SET = "UPDATE records SET {} WHERE person_id = :person_id AND record_id = :record_id"
COLUMNS = [
    "type = 4",
    "source_id = 2",
    "source_id = 9",
    "source_id = -1",
    "start_time = start_time - interval '1 microsecond'",
    "start_time = start_time + interval '1 hour'",
    "end_time = end_time + interval '1 microsecond'",
    "version = version + 1",
    "version = -version",
    "sealed = set_byte(sealed, 0, get_byte(sealed, 0) # 1)",
    "sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 128)",
    "sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1)",
    "sealed = substr(sealed, 1, length(sealed) - 1)",
    "sealed = sealed || '\\x00'::bytea",
    "sealed = ''::bytea",
]


async def person_with_weights(make: Make) -> tuple[Caller, list[str]]:
    """Three weights with a rare value, a day apart, of two sources; the second is the victim."""
    person = await make.person()
    sources = ("jp.example.one", "jp.example.one", "jp.example.two")
    records = [
        make.record(
            "weight",
            time=f"2024-05-0{day}T07:00:00+09:00",
            kilograms=RARE,
            client_version=5,
            origin={"app": source},
        )
        for day, source in enumerate(sources, start=1)
    ]
    # One after the other, so that the sources' numbers are known.
    ids = [(await person.push(record))["results"][0]["id"] for record in records]
    assert [row["source_id"] for row in sorted(await list_rows(make, person), key=start)] == [
        1,
        1,
        2,
    ]
    return person, ids


def start(row: dict[str, Any]) -> Any:
    return row["start_time"]


def require_loud(answer: httpx.Response) -> None:
    """A fault without a value of the person's in it."""
    assert problem_code(answer, 500) == "internal_error"
    assert "71.8" not in answer.text
    assert "jp.example" not in answer.text


async def require_broken(make: Make, person: Caller, record_id: str) -> None:
    """The record opens neither by itself, nor in a list, nor in the feed, nor in process."""
    require_loud(await person.get(f"/v1/me/records/{record_id}"))
    require_loud(await person.get("/v1/me/records"))
    require_loud(await person.get("/v1/me/changes"))
    caller = await get_caller(make, person)
    async with make.fastapi.state.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        with pytest.raises(SealBroken):
            await query.find_record(connection, person.id, caller.key, UUID(record_id))


async def require_whole(person: Caller, record_id: str) -> None:
    record = await get_json(person, f"/v1/me/records/{record_id}")
    assert (record["id"], record["kilograms"]) == (record_id, RARE)


@pytest.mark.parametrize("assignment", COLUMNS)
async def test_a_changed_column_makes_its_record_refuse_to_open_and_no_other(
    make: Make, assignment: str
) -> None:
    person, (first, victim, last) = await person_with_weights(make)
    place = {"person_id": person.id, "record_id": victim}
    assert await change(make, SET.format(assignment), **place) == 1
    await require_broken(make, person, victim)
    await require_whole(person, first)
    await require_whole(person, last)
    # A page without it is not affected.
    (alone,) = await list_all(person, to="2024-05-01T07:00:00.000001+09:00")
    assert alone["id"] == first


async def test_a_record_under_another_id_does_not_open(make: Make) -> None:
    person, (first, victim, last) = await person_with_weights(make)
    other = str(uuid4())
    place = {"person_id": person.id, "record_id": victim}
    assert await change(make, SET.format("record_id = :other"), other=other, **place) == 1
    await require_broken(make, person, other)
    assert problem_code(await person.get(f"/v1/me/records/{victim}"), 404) == "not_found"
    await require_whole(person, first)
    await require_whole(person, last)


async def test_two_records_whose_sealed_values_are_swapped_do_not_open(make: Make) -> None:
    person = await make.person()
    twins = [make.record("weight", time="2024-05-01T07:00:00Z", kilograms=RARE) for _ in range(3)]
    one, two, three = [each["id"] for each in (await person.push(*twins))["results"]]
    swap = """UPDATE records r SET sealed = o.sealed FROM records o
              WHERE r.person_id = :person_id AND o.person_id = r.person_id
                AND (r.record_id, o.record_id) IN ((:one, :two), (:two, :one))"""
    assert await change(make, swap, person_id=person.id, one=one, two=two) == 2
    await require_broken(make, person, one)
    await require_broken(make, person, two)
    await require_whole(person, three)


@pytest.mark.parametrize("what", ["sealed = :sealed", "sealed = :sealed, record_id = :moved"])
async def test_another_persons_sealed_value_does_not_open(make: Make, what: str) -> None:
    app = await make.app()
    one, other = await make.person(app), await make.person(app)
    record = make.record("weight", kilograms=RARE)
    (mine,), (theirs,) = (await one.push(record))["results"], (await other.push(record))["results"]
    (row,) = await list_rows(make, other)
    moved = theirs["id"] if "moved" in what else mine["id"]
    values = {"sealed": row["sealed"], "person_id": one.id, "record_id": mine["id"]}
    if "moved" in what:
        values["moved"] = moved
    assert await change(make, SET.format(what), **values) == 1
    await require_broken(make, one, moved)
    await require_whole(other, theirs["id"])


async def test_an_older_value_put_back_does_not_open(make: Make) -> None:
    person, (_, victim, _) = await person_with_weights(make)
    before = {str(row["record_id"]): row["sealed"] for row in await list_rows(make, person)}
    record = await get_json(person, f"/v1/me/records/{victim}")
    newer = {k: v for k, v in record.items() if k not in {"id", "modified_at"}}
    await person.push({**newer, "client_version": 6, "kilograms": 70})
    place = {"person_id": person.id, "record_id": victim}
    await change(make, SET.format("sealed = :sealed"), sealed=before[victim], **place)
    await require_broken(make, person, victim)


@pytest.mark.parametrize(
    "assignment",
    [
        "sealed = set_byte(sealed, 3, get_byte(sealed, 3) # 1)",
        "client_id = gen_random_uuid()",
        "sealed = (SELECT o.sealed FROM sources o"
        " WHERE o.person_id = sources.person_id AND o.source_id = 2)",
        "sealed = ''::bytea",
    ],
)
async def test_a_changed_source_makes_reading_fail(make: Make, assignment: str) -> None:
    person, ids = await person_with_weights(make)
    statement = f"UPDATE sources SET {assignment} WHERE person_id = :id AND source_id = 1"  # noqa: S608 - of this file
    assert await change(make, statement, id=person.id) == 1
    await require_broken(make, person, ids[0])


async def test_sources_that_are_swapped_make_reading_fail(make: Make) -> None:
    person, ids = await person_with_weights(make)
    swap = """UPDATE sources r SET sealed = o.sealed FROM sources o
              WHERE r.person_id = :id AND o.person_id = r.person_id
                AND r.source_id <> o.source_id"""
    assert await change(make, swap, id=person.id) == 2
    await require_broken(make, person, ids[0])


async def test_another_persons_source_makes_reading_fail(make: Make) -> None:
    app = await make.app()
    one, other = await make.person(app), await make.person(app)
    record = make.record("weight", kilograms=RARE)
    (mine,), (theirs,) = (await one.push(record))["results"], (await other.push(record))["results"]
    take = """UPDATE sources r SET sealed = o.sealed FROM sources o
              WHERE r.person_id = :one AND o.person_id = :other"""
    assert await change(make, take, one=one.id, other=other.id) == 1
    await require_broken(make, one, mine["id"])
    await require_whole(other, theirs["id"])


async def test_a_tampered_record_is_mended_by_sending_it_again(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", kilograms=RARE)
    (verdict,) = (await person.push(record))["results"]
    await change(make, "UPDATE records SET sealed = '' WHERE person_id = :id", id=person.id)
    await require_broken(make, person, verdict["id"])
    assert await person.statuses(record) == ["updated"]
    await require_whole(person, verdict["id"])
