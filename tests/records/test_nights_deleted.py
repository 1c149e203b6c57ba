"""Samples of sleep that were deleted, or that no consent covers."""

from datetime import datetime

import pytest

from tests.make import Make
from tests.records.nights_stored import (
    BRIDGE,
    FIRST,
    LAST,
    SECOND,
    column,
    new_person,
    nights,
    parts,
    statuses,
)
from tests.records.samples_of_sleep import Sample, at, delete, push, told_slowly
from tests.records.stored import change, get_json, list_all


async def test_what_the_person_deleted_stays_deleted_for_the_same_samples(make: Make) -> None:
    person = await new_person(make)
    night = (await push(person, FIRST, SECOND))[0]["id"]
    assert (await person.request("DELETE", f"/v1/me/records/{night}")).status_code == 200
    again = await push(person, SECOND, FIRST)
    assert again == [{"status": "suppressed", "id": night}] * 2
    assert await list_all(person) == []
    # Nothing of them is kept but that they are not wanted.
    query = "SELECT count(*)::text FROM record_parts WHERE person_id = :id AND sealed IS NULL "
    query += "AND start_time = end_time AND start_time > '2025-01-01'"
    assert await column(make, query, person) == ["2"]
    # What was not there then comes as a session of its own.
    (other,) = await push(person, BRIDGE)
    assert other["status"] == "created"
    assert other["id"] != night


async def test_a_higher_version_brings_a_deleted_sample_back(make: Make) -> None:
    person = await new_person(make)
    named = {"HKSyncIdentifier": "a"}
    old = FIRST.to_json(metadata={**named, "HKSyncVersion": 1})
    night = (await push(person, old))[0]["id"]
    assert (await person.request("DELETE", f"/v1/me/records/{night}")).status_code == 200
    older = FIRST.to_json(metadata={**named, "HKSyncVersion": 0})
    assert statuses(await push(person, older)) == ["stale"]
    newer = FIRST.to_json(metadata={**named, "HKSyncVersion": 2})
    assert statuses(await push(person, newer)) == ["created"]
    assert len(await list_all(person)) == 1


async def test_one_sample_deleted_by_the_person_stays_out_of_its_session(make: Make) -> None:
    person = await new_person(make)
    night = (await push(person, FIRST, SECOND))[0]["id"]
    assert await delete(person, SECOND, by="person") == 1
    assert await delete(person, SECOND, by="person") == 0
    assert await nights(person) == told_slowly([FIRST])
    assert await push(person, SECOND) == [{"status": "suppressed", "id": night}]
    assert await delete(person, FIRST, by="person") == 1
    assert statuses(await push(person, FIRST, SECOND)) == ["suppressed"] * 2
    assert await list_all(person) == []


@pytest.mark.parametrize("by", ["source", "withdrawal"])
async def test_a_session_that_the_source_or_a_withdrawal_deleted_revives(
    make: Make, by: str
) -> None:
    person = await new_person(make)
    night = (await push(person, FIRST, SECOND))[0]["id"]
    if by == "source":
        answer = await person.post("/v1/me/records/delete", {"ids": [night], "by": "source"})
        assert answer.json() == {"deleted": 1}
    else:
        (given,) = (await get_json(person, "/v1/me/consents"))["consents"]
        answer = await person.post(f"/v1/me/consents/{given['id']}/withdrawal")
        assert answer.json()["deleted"] == 1
    assert await parts(make, person) == []
    if by == "withdrawal":
        assert statuses(await push(person, SECOND)) == ["consent_withdrawn"]
        await make.consents(person, ["sleep.collect"])
    assert await push(person, FIRST, SECOND) == [{"status": "updated", "id": night}] * 2


async def test_deleting_the_last_sample_buries_its_session(make: Make) -> None:
    person = await new_person(make)
    night = (await push(person, FIRST, SECOND))[0]["id"]
    assert await delete(person, FIRST, SECOND) == 2
    assert await list_all(person) == []
    changes = (await get_json(person, "/v1/me/changes"))["changes"]
    assert [(each["op"], each["id"]) for each in changes] == [("delete", night)]
    assert await delete(person, FIRST, SECOND) == 0


async def test_a_name_in_use_or_deleted_is_not_given_again(make: Make) -> None:
    person = await new_person(make)
    night = (await push(person, FIRST, SECOND))[0]["id"]
    await delete(person, FIRST)
    # The session named after the first sample goes on without it.
    (alone,) = await push(person, Sample(FIRST.number, 300, 10, 3))
    assert alone["status"] == "created"
    assert alone["id"] != night
    await delete(person, Sample(FIRST.number, 300, 10, 3))
    await delete(person, SECOND, by="person")
    (anew,) = await push(person, FIRST)
    assert anew["status"] == "updated"
    assert anew["id"] == alone["id"]


async def test_without_consent_nothing_of_a_sample_is_kept(make: Make) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["weight.collect"])
    (verdict,) = await push(person, FIRST)
    assert (verdict["code"], verdict["pointer"]) == ("consent_missing", "/records/0")
    assert await parts(make, person) == []


async def test_consent_is_asked_for_each_sample_by_its_own_start(make: Make) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["sleep.collect"], data_from=at(30), data_until=at(180))
    verdicts = await push(person, FIRST, SECOND, BRIDGE, LAST)
    assert statuses(verdicts) == ["consent_missing", "created", "created", "consent_missing"]
    assert verdicts[3]["pointer"] == "/records/3"
    assert await nights(person) == told_slowly([SECOND, BRIDGE])


async def test_a_session_may_only_shrink_when_the_consent_has_grown_narrower(make: Make) -> None:
    person = await new_person(make)
    await push(person, FIRST, SECOND, BRIDGE)
    statement = "UPDATE consents SET data_from = :since WHERE person_id = :id"
    await change(make, statement, id=person.id, since=datetime.fromisoformat(at(30)))
    kept = await parts(make, person)
    (refused,) = await push(person, LAST)
    assert (refused["code"], refused["pointer"]) == ("consent_missing", "/records/0")
    assert await parts(make, person) == kept
    assert await delete(person, BRIDGE) == 1
    assert await nights(person) == told_slowly([FIRST, SECOND])
