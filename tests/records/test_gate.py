import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.make import Caller, Make
from tests.records.stored import get_caller, get_json, list_all, list_rows, problem_code
from tests.records.waiting import refusing_commits, waiters
from vitalkeep.base import clock
from vitalkeep.base.db import tables_of_a_person
from vitalkeep.erasure.deactivate import count_rows
from vitalkeep.erasure.journal import begin, erase
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.withdrawal import withdraw_consent

NEW_OR_KNOWN = pytest.mark.parametrize("known", [True, False], ids=["known source", "new source"])


def batch(make: Make, size: int = 1, name: str = "weight") -> dict[str, Any]:
    return {"records": [make.record(name) for _ in range(size)]}


async def follow(person: Caller, done: asyncio.Event) -> list[str]:
    """What a reader sees that follows the feed until the writers are done and nothing is left."""
    seen: list[str] = []
    place: dict[str, str] = {}
    while True:
        last_look = done.is_set()
        page = await get_json(person, "/v1/me/changes", limit=7, **place)
        seen += [each["record"]["id"] for each in page["changes"]]
        place = {"cursor": page["next_cursor"]}
        if last_look and not page["changes"]:
            return seen
        await asyncio.sleep(0)


async def test_a_reader_that_follows_the_feed_misses_nothing_that_concurrent_pushes_write(
    make: Make,
) -> None:
    person = await make.person()
    done = asyncio.Event()
    reader = asyncio.create_task(follow(person, done))

    async def write(sizes: range) -> list[str]:
        ids = []
        for size in sizes:
            answer = await person.post("/v1/me/records", batch(make, size))
            assert answer.status_code == 200, answer.text
            ids += [each["id"] for each in answer.json()["results"]]
        return ids

    written = await asyncio.gather(*(write(range(1 + n, 12, 1 + n % 2)) for n in range(5)))
    done.set()
    seen = await reader
    assert sorted(seen) == sorted(record_id for ids in written for record_id in ids)
    rows = await list_rows(make, person)
    feeds = {str(row["record_id"]): row["feed"] for row in rows}
    assert len(set(feeds.values())) == len(rows) == len(seen)
    # The reader saw the numbers rise, so nothing was committed below a number it had passed.
    assert [feeds[each] for each in seen] == sorted(feeds.values())
    assert all(row["feed"] == row["created_feed"] for row in rows)


async def test_concurrent_pushes_of_the_same_records_store_each_once(make: Make) -> None:
    person = await make.person()
    same = batch(make, 20)
    answers = await asyncio.gather(*(person.post("/v1/me/records", same) for _ in range(6)))
    counts = [answer.json()["counts"] for answer in answers]
    assert sum(each["created"] for each in counts) == 20
    assert sum(each["unchanged"] for each in counts) == 100
    assert len(await list_rows(make, person)) == 20


async def test_concurrent_pushes_of_versions_end_with_the_highest(make: Make) -> None:
    person = await make.person()
    record = make.record("weight")
    versions = [{**record, "client_version": n, "kilograms": 50.0 + n} for n in range(12)]
    found = await asyncio.gather(*(person.statuses(each) for each in versions[::-1]))
    assert [status for statuses in found for status in statuses].count("created") == 1
    assert [each["kilograms"] for each in await list_all(person)] == [61.0]


async def test_concurrent_pushes_of_new_sources_number_each_once(make: Make) -> None:
    person = await make.person()
    pushes = [
        person.statuses(make.record("weight", origin={"app": f"jp.example.{n // 2}"}))
        for n in range(10)
    ]
    assert await asyncio.gather(*pushes) == [["created"]] * 10
    numbers = {row["source_id"] for row in await list_rows(make, person)}
    assert numbers == {1, 2, 3, 4, 5}
    assert len(await list_all(person)) == 10


async def test_persons_do_not_wait_for_each_other(make: Make) -> None:
    app = await make.app()
    held, free = await make.person(app), await make.person(app)
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, held.id)
        async with asyncio.timeout(10):
            assert await free.statuses(make.record()) == ["created"]


@NEW_OR_KNOWN
async def test_a_push_that_waits_while_consent_is_withdrawn_is_not_stored(
    make: Make, known: bool
) -> None:
    person = await make.person(collects=False)
    (consent,) = await make.consents(person, ["weight.collect"])
    if known:
        await person.push(make.record("weight"))
    caller = await get_caller(make, person)
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, person.id)
        push = asyncio.create_task(person.push(make.record("weight"), make.record("weight")))
        await waiters(make)
        await withdraw_consent(caller, connection, consent["id"], None)
        assert not push.done()
    results = (await push)["results"]
    assert [each["code"] for each in results] == ["consent_withdrawn"] * 2
    assert [row for row in await list_rows(make, person) if row["sealed"]] == []


async def test_a_push_that_waits_while_consent_is_given_is_stored(make: Make) -> None:
    person = await make.person(collects=False)
    (consent,) = await make.consents(person, ["weight.collect"])
    record = make.record("weight")
    await person.push(record)
    await person.post(f"/v1/me/consents/{consent['id']}/withdrawal")
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, person.id)
        push = asyncio.create_task(person.statuses(record))
        await waiters(make)
        again = text("UPDATE consents SET state = 'active' WHERE person_id = :person_id")
        await connection.execute(again, {"person_id": person.id})
    assert await push == ["updated"]


async def test_a_push_that_waits_until_consent_has_run_out_is_not_stored(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person(collects=False)
    until = clock.now() + timedelta(minutes=5)
    await make.consents(person, ["weight.collect"], valid_until=until.isoformat())
    async with make.fastapi.state.engine.begin() as connection:
        await take_gate(connection, person.id)
        push = asyncio.create_task(person.push(make.record("weight")))
        await waiters(make)
        monkeypatch.setattr(clock, "now", lambda: until)
    answer = await push
    assert [each["code"] for each in answer["results"]] == ["consent_missing"]
    assert datetime.fromisoformat(answer["committed_at"]) == until


async def test_after_the_answer_to_a_withdrawal_nothing_of_it_is_left_or_gets_in(
    make: Make,
) -> None:
    person = await make.person(collects=False)
    (consent,) = await make.consents(person, ["weight.collect"])
    pushes = [asyncio.create_task(person.statuses(make.record("weight"))) for _ in range(12)]
    await waiters(make)
    answer = await person.post(f"/v1/me/consents/{consent['id']}/withdrawal")
    assert answer.status_code == 200
    assert await list_all(person) == []
    statuses = [status for statuses in await asyncio.gather(*pushes) for status in statuses]
    assert statuses.count("created") == answer.json()["deleted"]
    assert set(statuses) <= {"created", "consent_withdrawn"}
    assert await list_all(person) == []


@NEW_OR_KNOWN
async def test_a_push_that_waits_while_the_person_leaves_is_refused_and_leaves_no_row(
    make: Make, known: bool
) -> None:
    person = await make.person()
    if known:
        await person.push(make.record("weight"))
    state = make.fastapi.state
    async with state.engine.begin() as connection:
        await take_gate(connection, person.id)
        push = asyncio.create_task(person.post("/v1/me/records", batch(make)))
        await waiters(make)
        erasure_id = await begin(connection, state.keyring, person.id, uuid4())
        await erase(connection, state.keyring, state.settings, erasure_id)
        assert not push.done()
    assert problem_code(await push, 401) == "unauthenticated"
    async with state.engine.connect() as connection:
        left = await count_rows(connection, tables_of_a_person(), person.id)
    assert set(left.values()) == {0}


async def test_a_push_whose_backend_dies_is_not_acknowledged_and_can_be_sent_again(
    make: Make,
) -> None:
    person = await make.person()
    sent = batch(make, 3)
    engine = make.fastapi.state.engine
    async with engine.begin() as connection:
        await take_gate(connection, person.id)
        push = asyncio.create_task(person.post("/v1/me/records", sent))
        for pid in await waiters(make):
            await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        assert problem_code(await push, 503) == "dependency_unavailable"
    assert await list_rows(make, person) == []
    assert await person.statuses(*sent["records"]) == ["created"] * 3


@pytest.mark.parametrize(
    ("action", "status", "code"),
    [
        ("RAISE EXCEPTION 'planted-refusal'", 500, "internal_error"),
        ("RAISE EXCEPTION 'x' USING ERRCODE = '40001'", 503, "overloaded"),
        ("RAISE EXCEPTION 'x' USING ERRCODE = '53100'", 503, "dependency_unavailable"),
        ("PERFORM pg_terminate_backend(pg_backend_pid())", 503, "dependency_unavailable"),
    ],
)
async def test_a_push_that_the_database_does_not_commit_is_never_acknowledged(
    make: Make, action: str, status: int, code: str
) -> None:
    person = await make.person()
    sent = batch(make, 2)
    async with refusing_commits(make, person.id, action):
        answer = await person.post("/v1/me/records", sent)
        assert problem_code(answer, status) == code
        assert "planted-refusal" not in answer.text
        assert await list_rows(make, person) == []
    assert (await get_json(person, "/v1/me/changes"))["changes"] == []
    assert await person.statuses(*sent["records"]) == ["created"] * 2
