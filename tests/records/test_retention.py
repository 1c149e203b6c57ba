"""The purge of old deletions, and what cursors from before are told."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.make import Caller, Make
from tests.records.following import FEED, Device
from tests.records.stored import change, get_json, list_all, list_rows, problem_code
from tests.records.waiting import waiters
from vitalkeep.base import clock
from vitalkeep.persons.gate import take_gate
from vitalkeep.records import retention
from vitalkeep.records.retention import purge_of_person, purge_tombstones


async def purge(make: Make, before: datetime | None = None, batch: int = 1000) -> int:
    """Purges deletions until now."""
    before = before or clock.now() + timedelta(seconds=1)
    return await purge_tombstones(make.fastapi.state.engine, before, batch)


async def pushed(person: Caller, *records: dict[str, Any]) -> list[str]:
    """The ids of the pushed records."""
    return [each["id"] for each in (await person.push(*records))["results"]]


async def delete(person: Caller, by: str, *ids: str) -> None:
    answer = await person.post("/v1/me/records/delete", {"ids": list(ids), "by": by})
    assert answer.json() == {"deleted": len(ids)}


async def test_deletions_of_the_source_and_of_withdrawals_go_and_those_of_the_person_stay(
    make: Make,
) -> None:
    person = await make.person(collects=False)
    (steps,) = await make.consents(person, ["steps.collect"])
    await make.consents(person, ["weight.collect"])
    await pushed(person, make.record("steps"))
    record = make.record("weight")
    source, own, kept = await pushed(person, make.record("weight"), record, make.record("weight"))
    await delete(person, "source", source)
    await delete(person, "person", own)
    await person.post(f"/v1/me/consents/{steps['id']}/withdrawal")
    await purge(make)
    rows = {str(row["record_id"]): row["deleted_by"] for row in await list_rows(make, person)}
    assert rows == {own: 2, kept: None}
    assert await person.statuses(record) == ["suppressed"]


async def test_a_deletion_goes_when_it_is_old_enough_and_not_before(make: Make) -> None:
    person = await make.person()
    await purge(make)
    first, second = await pushed(person, make.record(), make.record())
    await delete(person, "source", first)
    await delete(person, "source", second)
    deleted_at = {
        str(row["record_id"]): row["modified_at"] for row in await list_rows(make, person)
    }
    assert await purge(make, deleted_at[first]) == 0
    assert await purge(make, deleted_at[second]) == 1
    assert {str(row["record_id"]) for row in await list_rows(make, person)} == {second}
    assert await purge(make) == 1
    assert await purge(make) == 0


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
async def test_batches_of_any_size_purge_everything_of_everybody(make: Make, batch: int) -> None:
    app = await make.app()
    persons = [await make.person(app) for _ in range(3)]
    await purge(make)
    for person in persons:
        ids = await pushed(person, *(make.record() for _ in range(4)))
        await delete(person, "source", *ids[1:])
    assert await purge(make, batch=batch) == 9
    assert [len(await list_rows(make, person)) for person in persons] == [1, 1, 1]


async def test_a_cursor_from_before_a_purged_deletion_has_expired(make: Make) -> None:
    person = await make.person()
    gone, kept = await pushed(person, make.record(), make.record())
    _, before = await follow(person)
    await delete(person, "source", gone)
    behind = (await person.push(make.record("weight")))["changes_cursor"]
    assert (await get_json(person, FEED, cursor=before))["changes"][0]["id"] == gone
    await purge(make)
    for kinds in ({}, {"type": "weight"}):
        answer = await person.get(FEED, cursor=before, **kinds)
        assert problem_code(answer, 410) == "cursor_expired"
        assert "without a cursor" in answer.json()["detail"]
    assert (await get_json(person, FEED, cursor=behind))["changes"] == []
    assert kept in {each["record"]["id"] for each in (await get_json(person, FEED))["changes"]}


async def follow(person: Caller) -> tuple[dict[str, Any], str]:
    """A device's mirror, and its cursor."""
    device = Device(person)
    mirror = await device.catch_up()
    return mirror, device.cursor or ""


async def test_a_walk_from_the_beginning_is_not_expired_by_what_died_before_it_began(
    make: Make,
) -> None:
    person = await make.person()
    ids = await pushed(person, *(make.record() for _ in range(6)))
    early = await pushed(person, make.record())
    await delete(person, "source", *ids[:2])
    late = Device(person)
    await purge(make)
    after = Device(person)
    assert await after.read(1)
    await delete(person, "source", ids[2])
    began_between = Device(person)
    assert await began_between.read(1)
    await purge(make)
    # The one that began when record 2 was alive may have seen it, so it has to begin anew.
    expected = {each["id"]: each for each in await list_all(person)}
    assert set(expected) == {*ids[3:], *early}
    for device, expiries in ((late, 0), (after, 1), (began_between, 0)):
        assert await device.catch_up(1) == expected
        assert device.expiries == expiries


async def test_deletions_of_the_person_never_expire_a_cursor(make: Make) -> None:
    person = await make.person()
    (gone,) = await pushed(person, make.record())
    _, before = await follow(person)
    await delete(person, "person", gone)
    await purge(make)
    (told,) = (await get_json(person, FEED, cursor=before))["changes"]
    assert (told["op"], told["id"]) == ("delete", gone)


async def test_a_purged_record_that_is_sent_again_is_new(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", client_version=7)
    (gone,) = await pushed(person, record)
    await delete(person, "source", gone)
    await purge(make)
    answer = await person.push({**record, "client_version": 3})
    assert answer["results"] == [{"status": "created", "id": gone}]


async def test_the_purge_waits_at_the_gate(make: Make) -> None:
    person = await make.person()
    await purge(make)
    await delete(person, "source", *await pushed(person, make.record()))
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, person.id)
        purging = asyncio.create_task(purge(make))
        await waiters(make)
        assert not purging.done()
    assert await purging == 1


async def test_what_revived_since_it_was_found_is_left(make: Make) -> None:
    person = await make.person()
    record = make.record("weight")
    revived, gone = await pushed(person, record, make.record())
    await delete(person, "source", revived, gone)
    assert await person.statuses(record) == ["updated"]
    found = [UUID(revived), UUID(gone)]
    soon = clock.now() + timedelta(seconds=1)
    assert await purge_of_person(make.fastapi.state.engine, person.id, found, soon) == 1
    assert [each["id"] for each in await list_all(person)] == [revived]


async def test_somebody_who_is_leaving_is_passed_over_and_the_others_are_purged(
    make: Make,
) -> None:
    await purge(make)
    leaving, staying = await make.person(), await make.person()
    for person in (leaving, staying):
        await delete(person, "source", *await pushed(person, make.record()))
    state = "UPDATE persons SET state = :state WHERE person_id = :id"
    await change(make, state, state="erasing", id=leaving.id)
    assert await purge(make, batch=1) == 1
    assert await list_rows(make, staying) == []
    await change(make, state, state="active", id=leaving.id)
    assert await purge(make) == 1


async def test_what_was_purged_before_a_failure_stays_purged_and_the_next_run_does_the_rest(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    await purge(make)
    app = await make.app()
    persons = [await make.person(app) for _ in range(2)]
    for person in persons:
        await delete(person, "source", *await pushed(person, make.record(), make.record()))
    real, done = retention.purge_behind_gate, []

    async def once(*arguments: Any) -> int:
        done.append(await real(*arguments))
        if len(done) == 2:
            raise RuntimeError("stopped")
        return done[-1]

    with monkeypatch.context() as patch:
        patch.setattr(retention, "purge_behind_gate", once)
        with pytest.raises(RuntimeError, match="stopped"):
            await purge(make)
    left = [len(await list_rows(make, person)) for person in persons]
    assert sorted(left) == [0, 2]
    assert await purge(make) == 2
