"""Samples of sleep pushed in any order and paging, against what is stored."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.make import Caller, Make
from tests.records.samples_of_sleep import (
    PHONE,
    WATCH,
    Sample,
    at,
    delete,
    push,
    told_slowly,
    without_zone,
)
from tests.records.stored import change, get_json, list_all, list_rows
from vitalkeep.persons.sign_in import sign_in
from vitalkeep.persons.tokens import AccessClaims, issue

FIRST = Sample(1, 0, 30, 3)
SECOND = Sample(2, 30, 30, 4)
BRIDGE = Sample(3, 100, 20, 5)
LAST = Sample(4, 180, 30, 3)
POOL = (
    FIRST,
    SECOND,
    BRIDGE,
    LAST,
    Sample(5, -20, 90, 0),
    Sample(6, 20, 15, 1),
    Sample(7, 205, 0, 2),
    Sample(8, 40, 60, 4, PHONE),
    Sample(9, 400, 200, 0),
    Sample(10, 455, 30, 2),
)


async def new_person(make: Make) -> Caller:
    """A person who lets their app collect sleep, without the token route."""
    state, app = make.fastapi.state, await make.app()
    async with state.engine.begin() as connection:
        person_id, epoch = await sign_in(
            connection, state.keyring, state.settings, "nights", str(uuid4())
        )
    token = issue(state.keyring, state.settings, AccessClaims(person_id, app.id, "person", epoch))
    person = Caller(make.client, person_id, token, app)
    await make.consents(person, ["sleep.collect"])
    return person


async def nights(person: Caller) -> list[dict[str, Any]]:
    """The stored sessions, in the order of the slow telling, without ids."""
    found = [without_zone(record) for record in await list_all(person)]
    for record in found:
        assert record.pop("id")
        assert record.pop("modified_at")
        assert record.pop("client_version") == 0
    return sorted(found, key=lambda record: (record["start"], record["origin"]["app"]))


async def parts(make: Make, person: Caller) -> list[str]:
    """Every stored sample, as the database has it."""
    rows = "SELECT p::text FROM record_parts p WHERE person_id = :id ORDER BY part_id"
    return await column(make, rows, person)


async def column(make: Make, statement: str, person: Caller) -> list[str]:
    """The only column of what a query finds for the person."""
    async with make.fastapi.state.engine.connect() as connection:
        return list(await connection.scalars(text(statement), {"id": person.id}))


def statuses(verdicts: list[dict[str, Any]]) -> list[str]:
    return [each.get("code", each["status"]) for each in verdicts]


async def replay(person: Caller) -> set[str]:
    """Ids of the records that somebody has who followed the feed from the beginning."""
    known: set[str] = set()
    for entry in (await get_json(person, "/v1/me/changes"))["changes"]:
        if entry["op"] == "upsert":
            known.add(entry["record"]["id"])
        else:
            known.discard(entry["id"])
    return known


steps = st.lists(
    st.tuples(
        st.sampled_from(["push", "push", "push", "delete"]),
        st.lists(st.sampled_from(POOL), min_size=1, max_size=6, unique=True),
    ),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(taken=steps)
async def test_what_is_stored_is_what_the_present_samples_make_all_at_once(
    make: Make, taken: list[tuple[str, list[Sample]]]
) -> None:
    person = await new_person(make)
    present: dict[int, Sample] = {}
    for act, samples in taken:
        if act == "push":
            verdicts = await push(person, *samples)
            assert {each["status"] for each in verdicts} <= {"created", "updated", "unchanged"}
            present |= {each.number: each for each in samples}
            stored = {record["id"]: record for record in await list_all(person)}
            for sample, verdict in zip(samples, verdicts, strict=True):
                session = stored[verdict["id"]]
                assert session["start"] <= at(sample.start) <= at(sample.end) <= session["end"]
                assert session["origin"] == {"app": sample.app}
        else:
            gone = [each for each in samples if present.pop(each.number, None)]
            assert await delete(person, *samples) == len(gone)
        assert await nights(person) == told_slowly(list(present.values()))
    rows, kept = await list_rows(make, person), await parts(make, person)
    assert len(kept) == len(present)
    assert await replay(person) == {record["id"] for record in await list_all(person)}
    for sample in reversed(present.values()):
        assert statuses(await push(person, sample)) == ["unchanged"]
    assert (await list_rows(make, person), await parts(make, person)) == (rows, kept)


async def test_a_later_sample_changes_the_session_it_belongs_to(make: Make) -> None:
    person = await new_person(make)
    (created,) = await push(person, SECOND)
    earlier, later = await push(person, FIRST, BRIDGE)
    assert (created["status"], earlier["status"]) == ("created", "updated")
    assert earlier == later
    assert earlier["id"] == created["id"]
    (record,) = await list_all(person)
    assert (record["start"], record["end"]) == (at(0), at(120))
    assert [stage["stage"] for stage in record["stages"]] == ["light", "deep", "rem"]
    assert record["origin"] == {"app": WATCH}


async def test_a_sample_between_two_sessions_makes_one_of_them(make: Make) -> None:
    person = await new_person(make)
    one, other = await push(person, SECOND, LAST)
    assert one["id"] != other["id"]
    (bridged,) = await push(person, BRIDGE)
    assert bridged == {"status": "updated", "id": one["id"]}
    assert (await person.get(f"/v1/me/records/{other['id']}")).status_code == 404
    changes = (await get_json(person, "/v1/me/changes"))["changes"]
    assert [(each["op"], each.get("id") or each["record"]["id"]) for each in changes] == [
        ("upsert", one["id"]),
        ("delete", other["id"]),
    ]
    # Without it they are two again, the later one under its old id.
    assert await delete(person, BRIDGE) == 1
    assert {record["id"] for record in await list_all(person)} == {one["id"], other["id"]}


async def test_the_cursor_of_a_push_lies_behind_the_sessions_it_buried(make: Make) -> None:
    person = await new_person(make)
    await push(person, SECOND, LAST)
    answer = await person.post("/v1/me/records/healthkit", {"records": [BRIDGE.to_json()]})
    cursor = answer.json()["changes_cursor"]
    assert (await get_json(person, "/v1/me/changes", cursor=cursor))["changes"] == []


async def test_samples_and_measurements_share_a_push(make: Make) -> None:
    person = await make.person()
    heart = {
        "uuid": str(uuid4()),
        "quantityType": "HKQuantityTypeIdentifierHeartRate",
        "startDate": at(5, "Z"),
        "endDate": at(5, "Z"),
        "quantity": 51,
        "unit": "count/min",
    }
    bad = FIRST.to_json(value="dozing")
    first, rate, refused, second = await push(person, FIRST.to_json(), heart, bad, SECOND.to_json())
    assert first == second
    assert {first["status"], rate["status"]} == {"created"}
    assert (refused["code"], refused["pointer"]) == ("invalid", "/records/2/value")
    assert len(await list_all(person)) == 2


async def test_of_a_sample_sent_twice_in_a_push_the_higher_version_counts(make: Make) -> None:
    person = await new_person(make)
    old, new = (
        FIRST.to_json(
            endDate=at(minute, "Z"), metadata={"HKSyncIdentifier": "a", "HKSyncVersion": version}
        )
        for version, minute in ((1, 10), (2, 20))
    )
    assert statuses(await push(person, new, old)) == ["created", "duplicate_in_batch"]
    assert statuses(await push(person, old)) == ["stale"]
    assert statuses(await push(person, old, new)) == ["duplicate_in_batch", "unchanged"]
    (record,) = await list_all(person)
    assert record["end"] == "2024-05-01T13:20:00Z"


async def test_a_sample_that_moves_leaves_its_old_session(make: Make) -> None:
    person = await new_person(make)
    verdicts = await push(person, FIRST, SECOND)
    moved = Sample(FIRST.number, 300, 10, 3)
    (there,) = await push(person, moved)
    assert there["status"] == "created"
    assert await nights(person) == told_slowly([SECOND, moved])
    assert await replay(person) == {verdicts[0]["id"], there["id"]}
    (back,) = await push(person, FIRST)
    assert back["id"] == verdicts[0]["id"]
    assert await nights(person) == told_slowly([FIRST, SECOND])


async def test_a_sample_alone_that_moves_keeps_its_id(make: Make) -> None:
    person = await new_person(make)
    (here,) = await push(person, FIRST)
    (there,) = await push(person, Sample(FIRST.number, 300, 10, 3))
    assert there == {"status": "updated", "id": here["id"]}


@pytest.mark.parametrize("named", ["uuid", "client id", "time"])
async def test_a_sample_is_known_by_uuid_or_sync_identifier_or_time(make: Make, named: str) -> None:
    person = await new_person(make)
    sync = {"HKSyncIdentifier": "night-1", "HKSyncVersion": 1} if named == "client id" else {}
    sample = FIRST.to_json(metadata=sync)
    if named != "uuid":
        del sample["uuid"]
    assert statuses(await push(person, sample)) == ["created"]
    assert statuses(await push(person, sample)) == ["unchanged"]
    # Two samples of one time differ by what they say.
    other = {**sample, "value": 0, "uuid": str(uuid4())}
    if named != "uuid":
        del other["uuid"]
    await push(person, other)
    assert len(await parts(make, person)) == (1 if named == "client id" else 2)


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
    assert (verdict["code"], verdict["pointer"]) == ("consent_missing", "/records/0/type")
    assert await parts(make, person) == []


async def test_consent_is_asked_for_each_sample_by_its_own_start(make: Make) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["sleep.collect"], data_from=at(30), data_until=at(180))
    verdicts = await push(person, FIRST, SECOND, BRIDGE, LAST)
    assert statuses(verdicts) == ["consent_missing", "created", "created", "consent_missing"]
    assert verdicts[3]["pointer"] == "/records/3/type"
    assert await nights(person) == told_slowly([SECOND, BRIDGE])


async def test_a_session_may_only_shrink_when_the_consent_has_grown_narrower(make: Make) -> None:
    person = await new_person(make)
    await push(person, FIRST, SECOND, BRIDGE)
    statement = "UPDATE consents SET data_from = :since WHERE person_id = :id"
    await change(make, statement, id=person.id, since=datetime.fromisoformat(at(30)))
    kept = await parts(make, person)
    (refused,) = await push(person, LAST)
    assert (refused["code"], refused["pointer"]) == ("consent_missing", "/records/0/type")
    assert await parts(make, person) == kept
    assert await delete(person, BRIDGE) == 1
    assert await nights(person) == told_slowly([FIRST, SECOND])


async def test_two_apps_that_hand_over_one_sample_hold_it_once(make: Make) -> None:
    person = await new_person(make)
    await push(person, FIRST, SECOND)
    await push(person, FIRST.to_json(sourceRevision={"source": PHONE}))
    assert await nights(person) == told_slowly([SECOND, FIRST._replace(app=PHONE)])
