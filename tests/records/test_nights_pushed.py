"""Samples of sleep pushed in any order and paging, against what is stored."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.make import Caller, Make
from tests.records.nights_stored import (
    BRIDGE,
    FIRST,
    LAST,
    SECOND,
    new_person,
    nights,
    parts,
    statuses,
)
from tests.records.samples_of_sleep import PHONE, WATCH, Sample, at, delete, push, told_slowly
from tests.records.stored import get_json, list_all, list_rows

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


async def test_two_apps_that_hand_over_one_sample_hold_it_once(make: Make) -> None:
    person = await new_person(make)
    await push(person, FIRST, SECOND)
    await push(person, FIRST.to_json(sourceRevision={"source": PHONE}))
    assert await nights(person) == told_slowly([SECOND, FIRST._replace(app=PHONE)])
