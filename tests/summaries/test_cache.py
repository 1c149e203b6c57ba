"""Kept days: never other than what computing them now would give, whatever happened meanwhile."""

import asyncio
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.make import Caller, Make
from tests.records.stored import change, get_caller, list_all, problem_code
from tests.records.waiting import waiters
from tests.summaries.days import (
    compute_all,
    get_day,
    kept_days,
    list_days,
    local,
    new_person,
    steps,
)
from tests.summaries.test_laws import expected
from tests.summaries.worlds import PLACES, choices, records
from vitalkeep.base import clock
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.ingest import ingest
from vitalkeep.records.parse import parse_canonical

Json = dict[str, Any]
NAMES = ("steps", "sleep", "heart_rate", "weight")
ZONES = ("Asia/Tokyo", "Europe/Berlin", "Pacific/Apia", "America/New_York")
ONE_DAY = timedelta(days=1)


@st.composite
def changes(draw: st.DrawFn, zone: str, day: date) -> tuple[str, Any]:
    """Something that happens to a person's records, or to what their days depend on."""
    kind = draw(st.sampled_from(("push", "push", "push", "delete", "period", "zone", "order")))
    match kind:
        case "push":
            made = st.sampled_from(NAMES).flatmap(lambda name: records(name, zone, day))
            named = st.tuples(made, st.integers(0, 3))
            return kind, draw(st.lists(named, min_size=1, max_size=3))
        case "delete":
            return kind, (draw(st.sampled_from(NAMES)), draw(st.integers(0, 3)))
        case "period":
            return kind, (draw(st.sampled_from(NAMES)), draw(st.integers(-1, 1)))
        case "zone":
            return kind, draw(st.sampled_from(ZONES))
        case _:
            return kind, draw(choices)


async def perform(person: Caller, what: str, value: Any, day: date, version: int) -> None:
    """Does it; each push overwrites, and so moves, the record of the same number."""
    match what:
        case "push":
            named = [
                {**record, "client_id": f"{number}", "client_version": version}
                for record, number in value
            ]
            for record in named:
                # One app calls its record so, whichever it is now: what is sent moves it.
                record["origin"] = {**record["origin"], "app": "jp.example.a"}
            statuses = {
                each.get("code", "stored") for each in (await person.push(*named))["results"]
            }
            assert statuses <= {"stored", "duplicate_in_batch"}
        case "delete":
            body = {"type": value[0], "app": "jp.example.a", "client_ids": [f"{value[1]}"]}
            assert (await person.post("/v1/me/records/delete", body)).status_code == 200
        case "period":
            since, until = (f"{day + (value[1] + n) * ONE_DAY}T00:00:00Z" for n in (0, 1))
            body = {"type": value[0], "from": since, "to": until, "by": "source"}
            assert (await person.post("/v1/me/records/delete", body)).status_code == 200
        case "zone":
            answer = await person.request("PATCH", "/v1/me", json={"time_zone": value})
            assert answer.status_code == 200
        case _:
            body = {"sources": value}
            answer = await person.request("PUT", "/v1/me/source-priority", json=body)
            assert answer.status_code == 200


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_kept_days_are_what_computing_them_would_give(
    make: Make, data: st.DataObject
) -> None:
    zone, day = data.draw(st.sampled_from(PLACES))
    happened = data.draw(st.lists(changes(zone, day), min_size=1, max_size=7))
    person = await new_person(make)
    first, last = day - 4 * ONE_DAY, day + 7 * ONE_DAY
    place = "Asia/Tokyo"
    order: list[dict[str, str]] = []
    for version, (what, value) in enumerate(happened):
        await perform(person, what, value, day, version)
        place = value if what == "zone" else place
        order = value if what == "order" else order
        told = await list_days(person, str(first), str(last))
        assert told == await compute_all(make, person, first, last)
        assert told == await list_days(person, str(first), str(last))
    stored = await list_all(person)
    slow = [
        {"date": str(day), "type": name, **told}
        for name in NAMES
        for day, told in expected(name, stored, place, order).items()
    ]
    assert told == sorted(slow, key=lambda day: (day["date"], day["type"]))


async def test_a_day_is_computed_once_also_when_it_is_empty(make: Make) -> None:
    person = await make.person()
    await person.push(steps(local(1, 8), local(1, 9), 700))
    told = await list_days(person, "2024-04-29", "2024-05-03")
    assert [(day["date"], day["type"]) for day in told] == [("2024-05-01", "steps")]
    for name in ("steps", "weight"):
        kept = {date(2024, 4, 29) + n * ONE_DAY for n in range(5)}
        assert await kept_days(make, person.id, name) == kept
    # What is kept is answered: the records are not looked at.
    await change(make, "DELETE FROM records WHERE person_id = :id", id=person.id)
    assert await list_days(person, "2024-04-29", "2024-05-03") == told


async def test_kept_days_are_read_while_somebody_holds_the_gate(make: Make) -> None:
    person = await make.person()
    await person.push(steps(local(1, 8), local(1, 9), 700))
    told = await list_days(person, "2024-05-01", "2024-05-02")
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, person.id)
        async with asyncio.timeout(10):
            assert await list_days(person, "2024-05-01", "2024-05-02") == told


async def test_a_write_forgets_the_days_around_it_of_its_type_and_no_others(make: Make) -> None:
    person, other = await make.person(), await make.person()
    for each in (person, other):
        await list_days(each, "2024-05-01", "2024-05-31")
    everything = await kept_days(make, person.id)
    assert len(everything) == 31
    await person.push(steps(local(15, 8), local(15, 9), 700))
    left = await kept_days(make, person.id)
    assert {date(2024, 5, 14), date(2024, 5, 15)} <= everything - left
    assert len(everything - left) <= 4
    assert await kept_days(make, person.id, "weight") == everything
    assert await kept_days(make, other.id) == everything


async def test_a_push_committed_between_reading_and_keeping_leaves_no_stale_day(
    make: Make,
) -> None:
    person = await make.person()
    await person.push(steps(local(1, 8), local(1, 9), 700))
    caller = await get_caller(make, person)
    body = orjson.dumps({"records": [steps(local(1, 10), local(1, 11), 55)]})
    outcomes = parse_canonical(body, clock.now())
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, person.id)
        # The reader sees what is committed, and waits at the gate to keep it.
        reading = asyncio.create_task(get_day(person, "2024-05-01"))
        await waiters(make)
        await ingest(connection, caller, outcomes)
    assert (await reading)["count"] == 700
    assert (await get_day(person, "2024-05-01"))["count"] == 755


async def test_a_deletion_committed_between_reading_and_keeping_leaves_no_stale_day(
    make: Make,
) -> None:
    person = await make.person()
    stored = await person.push(steps(local(1, 8), local(1, 9), 700))
    record_id = stored["results"][0]["id"]
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, person.id)
        reading = asyncio.create_task(get_day(person, "2024-05-01"))
        await waiters(make)
        deleting = asyncio.create_task(person.request("DELETE", f"/v1/me/records/{record_id}"))
        await waiters(make, 2)
    assert (await reading)["count"] == 700
    assert (await deleting).status_code == 200
    assert await list_days(person, "2024-05-01", "2024-05-01") == []


async def test_readers_and_writers_at_once_end_with_days_that_are_true(make: Make) -> None:
    person = await make.person()

    async def write(hour: int) -> None:
        for turn in range(4):
            count = 10 * hour + turn
            moved = steps(local(1 + turn % 2, hour), local(1 + turn % 2, hour, 59), count)
            await person.push({**moved, "client_id": f"{hour}", "client_version": turn})

    async def read() -> None:
        for _ in range(6):
            await list_days(person, "2024-05-01", "2024-05-02", type="steps")

    await asyncio.gather(*(write(hour) for hour in range(5)), *(read() for _ in range(3)))
    assert (await get_day(person, "2024-05-02"))["count"] == sum(10 * n + 3 for n in range(5))
    assert await list_days(person, "2024-05-01", "2024-05-01") == []


async def test_a_change_of_order_of_past_days_too_is_seen_and_can_be_taken_back(
    make: Make,
) -> None:
    person = await make.person()
    hour = local(1, 8), local(1, 9)
    await person.push(steps(*hour, 700), steps(*hour, 300, "phone"))
    assert (await get_day(person, "2024-05-01"))["count"] == 700
    body: Json = {"sources": [{"device_type": "phone"}]}
    assert (await person.request("PUT", "/v1/me/source-priority", json=body)).json() == body
    assert (await get_day(person, "2024-05-01"))["count"] == 300
    await person.request("PUT", "/v1/me/source-priority", json={"sources": []})
    assert (await get_day(person, "2024-05-01"))["count"] == 700


async def test_a_change_of_zone_is_seen(make: Make) -> None:
    person = await make.person()
    unknown = steps("2024-05-01T20:00:00Z", "2024-05-01T21:00:00Z", 70)
    await person.push(unknown)
    assert [day["date"] for day in await list_days(person, "2024-05-01", "2024-05-02")] == [
        "2024-05-02"
    ]
    await person.request("PATCH", "/v1/me", json={"time_zone": "America/New_York"})
    assert [day["date"] for day in await list_days(person, "2024-05-01", "2024-05-02")] == [
        "2024-05-01"
    ]


async def test_a_session_that_joins_two_sleeps_is_seen_on_the_later_day(make: Make) -> None:
    person = await make.person()

    def session(start: str, end: str) -> Json:
        origin = {"app": "jp.example.sleep"}
        return {"type": "sleep", "start": start, "end": end, "stages": [], "origin": origin}

    hour = session(local(1, 18, offset=18), local(1, 19, offset=18))
    two_days = session(local(2, 17, 30, offset=18), local(4, 17, 30, offset=18))
    await person.push(hour, two_days)
    days = await list_days(person, "2024-05-01", "2024-05-05")
    assert [(day["date"], day["asleep_s"]) for day in days] == [
        ("2024-05-01", 3600),
        ("2024-05-04", 48 * 3600),
    ]
    await person.push(session(local(1, 18, 30, offset=18), local(2, 17, offset=18)))
    days = await list_days(person, "2024-05-01", "2024-05-05")
    assert [(day["date"], day["asleep_s"]) for day in days] == [("2024-05-04", 71 * 3600)]


@pytest.mark.parametrize(
    "tampering",
    [
        "SET day = day + 1",
        "SET type = 2",
        "SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)",
    ],
    ids=["another day", "another type", "another value"],
)
async def test_a_kept_day_that_was_moved_or_changed_does_not_open(
    make: Make, tampering: str
) -> None:
    person = await make.person()
    await person.push(steps(local(1, 8), local(1, 9), 700))
    await get_day(person, "2024-05-01")
    statement = f"UPDATE day_summaries {tampering} WHERE person_id = :id"
    await change(make, statement, id=person.id)
    answer = await person.get("/v1/me/days", **{"from": "2024-05-01", "to": "2024-05-02"})
    assert problem_code(answer, 500) == "internal_error"
