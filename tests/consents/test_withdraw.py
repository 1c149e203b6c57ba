"""Withdrawing: it ends at once, and what the consent let in goes with it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.consents.asking import everything, run_sql
from tests.erasure.traces import list_rows, live
from tests.make import App, Caller, Make
from vitalkeep.base import clock
from vitalkeep.persons.tokens import AccessClaims, issue


async def withdraw(person: Caller, consent_id: object, json: object = None) -> dict[str, Any]:
    answer = await person.post(f"/v1/me/consents/{consent_id}/withdrawal", json)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def active_id(person: Caller, scope: str) -> str:
    """The consent in force that the person gave their present app."""
    assert person.app is not None
    (found,) = [
        each["id"]
        for each in await everything(person)
        if (each["scope"], each["state"], each["recipient"]["id"])
        == (scope, "active", str(person.app.id))
    ]
    return str(found)


async def stored(person: Caller) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in (await person.get("/v1/me/records")).json()["records"]}


async def changes_after(person: Caller, cursor: str) -> list[dict[str, Any]]:
    answer = await person.get("/v1/me/changes", cursor=cursor)
    assert answer.json()["has_more"] is False
    found: list[dict[str, Any]] = answer.json()["changes"]
    return found


def at_another_app(make: Make, person: Caller, app: App) -> Caller:
    """The same person, signed in through another app."""
    state = make.fastapi.state
    token = issue(state.keyring, state.settings, AccessClaims(person.id, app.id, "person", 0))
    return Caller(person.client, person.id, token, app)


async def with_consent_of_two_apps(make: Make) -> tuple[Caller, Caller]:
    person = await make.person()
    other = at_another_app(make, person, await make.app())
    await make.consents(other, ["steps.collect"])
    return person, other


async def test_what_the_app_sent_of_the_type_goes_and_everything_else_stays(make: Make) -> None:
    person, other = await with_consent_of_two_apps(make)
    pushed = await person.push(
        *(make.record("steps") for _ in range(3)), make.record("sleep"), make.record("distance")
    )
    theirs = await other.push(make.record("steps"))
    ids = [each["id"] for each in pushed["results"]]
    kept = {*ids[3:], theirs["results"][0]["id"]}
    before = await stored(person)
    assert before.keys() == {*ids, *kept}
    done = await withdraw(person, await active_id(person, "steps.collect"))
    assert (done["deleted"], done["frozen"]) == (3, 0)
    after = await stored(person)
    assert after == {record_id: before[record_id] for record_id in kept}
    for record_id in ids[:3]:
        assert (await person.get(f"/v1/me/records/{record_id}")).status_code == 404
    assert await person.statuses(make.record("steps")) == ["consent_withdrawn"]
    assert await person.statuses(make.record("sleep")) == ["created"]
    assert await other.statuses(make.record("steps")) == ["created"]


async def test_not_a_byte_changes_of_what_the_withdrawn_scope_does_not_cover(
    make: Make,
) -> None:
    life = await live(make)
    before = await list_rows(make.fastapi, life.person.id)
    done = await withdraw(life.person, await active_id(life.person, "weight.collect"))
    assert done["deleted"] == 2
    after = await list_rows(make.fastapi, life.person.id)
    tables = before.keys() - {"day_summaries"}  # a cache
    gone = {table: len(set(before[table]) - set(after[table])) for table in tables}
    come = {table: len(set(after[table]) - set(before[table])) for table in tables}
    # Two tombstones, the consent, the person's feed; and a new line in the ledger.
    changed = {"records": 2, "consents": 1, "persons": 1}
    assert {table: count for table, count in gone.items() if count} == changed
    assert {table: count for table, count in come.items() if count} == {
        **changed,
        "consent_events": 1,
    }


async def test_of_a_deleted_record_no_value_and_no_time_is_left(make: Make) -> None:
    person = await make.person()
    await person.push(make.record("blood_pressure"))
    await withdraw(person, await active_id(person, "blood_pressure.collect"))
    query = "SELECT * FROM records WHERE person_id = :person_id"
    (row,) = await run_sql(make, query, person_id=person.id)
    assert (row["sealed"], row["deleted_by"]) == (None, 3)
    assert row["start_time"] == row["end_time"] == row["modified_at"]


async def test_the_answer_is_the_consent_and_what_happened(make: Make) -> None:
    person = await make.person(collects=False)
    (given,) = await make.consents(person, ["weight.collect"])
    before = clock.now()
    done = await withdraw(person, given["id"], {"stored_data": "delete"})
    withdrawn_at = done["consent"]["withdrawn_at"]
    assert before <= datetime.fromisoformat(withdrawn_at) <= clock.now()
    ended = {"state": "withdrawn", "withdrawn_at": withdrawn_at, "changed_at": withdrawn_at}
    consent = {**given, **ended, "stored_data": {"state": "deleted", "records": 0}}
    assert done == {
        "consent": consent, "deleted": 0, "frozen": 0, "features_lost": ["weight.sync"],
    }  # fmt: skip
    assert (await person.get(f"/v1/me/consents/{given['id']}")).json() == consent
    assert (await person.get("/v1/me/consents")).json() == {"consents": []}
    assert await everything(person) == [consent]


async def test_withdrawing_again_answers_the_same_and_does_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person()
    await person.push(make.record("steps"), make.record("steps"))
    consent_id = await active_id(person, "steps.collect")
    first = await withdraw(person, consent_id)
    assert first["deleted"] == 2
    assert await withdraw(person, consent_id) == first
    await make.consents(person, ["steps.collect"])
    assert await person.statuses(make.record("steps")) == ["created"]
    later = clock.now() + timedelta(minutes=10)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert await withdraw(person, consent_id, {}) == first
    assert len(await stored(person)) == 1
    events = [each["event"] for each in await everything(person, "events")]
    assert events.count("withdrawn") == 1


async def test_features_lost_names_those_who_read_the_type(make: Make) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["steps.collect", "sleep.collect"])
    clinic = await make.organization("medical_institution")
    other = await make.organization("medical_institution")
    for organization_id, purpose, scopes in (
        (clinic, "teleconsultation", ["steps.read"]),
        (clinic, "guidance", ["steps.read", "sleep.read"]),
        (other, "guidance", ["steps.read"]),
    ):
        recipient = {"kind": "organization", "id": str(organization_id)}
        await make.consents(person, scopes, recipient=recipient, purpose=purpose)
    steps = await withdraw(person, await active_id(person, "steps.collect"))
    assert steps["features_lost"] == ["steps.sync", "steps.guidance", "steps.teleconsultation"]
    sleep = await withdraw(person, await active_id(person, "sleep.collect"))
    assert sleep["features_lost"] == ["sleep.sync", "sleep.guidance"]


async def test_a_reader_whose_consent_has_run_out_loses_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person()
    recipient = {"kind": "organization", "id": str(await make.organization())}
    end = clock.now() + timedelta(minutes=5)
    until = {"valid_until": end.isoformat()}
    await make.consents(person, ["steps.read"], recipient=recipient, purpose="guidance", **until)
    monkeypatch.setattr(clock, "now", lambda: end)
    done = await withdraw(person, await active_id(person, "steps.collect"))
    assert done["features_lost"] == ["steps.sync"]


async def test_withdrawing_a_read_consent_leaves_the_records(make: Make) -> None:
    person = await make.person()
    await person.push(make.record("steps"))
    before = await stored(person)
    recipient = {"kind": "organization", "id": str(await make.organization())}
    (given,) = await make.consents(person, ["steps.read"], recipient=recipient, purpose="guidance")
    done = await withdraw(person, given["id"])
    assert (done["deleted"], done["frozen"], done["features_lost"]) == (0, 0, ["steps.guidance"])
    assert await stored(person) == before
    assert await person.statuses(make.record("steps")) == ["created"]


async def test_the_change_feed_shows_what_was_deleted(make: Make) -> None:
    person = await make.person()
    pushed = await person.push(make.record("steps"), make.record("sleep"), make.record("steps"))
    ids = [each["id"] for each in pushed["results"]]
    done = await withdraw(person, await active_id(person, "steps.collect"))
    changes = await changes_after(person, pushed["changes_cursor"])
    assert [(each["op"], each["id"], each["type"]) for each in changes] == [
        ("delete", ids[0], "steps"),
        ("delete", ids[2], "steps"),
    ]
    withdrawn_at = datetime.fromisoformat(done["consent"]["withdrawn_at"])
    for each in changes:
        deleted_at = datetime.fromisoformat(each["deleted_at"])
        assert timedelta(0) <= withdrawn_at - deleted_at < timedelta(seconds=10)
    every = (await person.get("/v1/me/changes")).json()["changes"]
    assert [each["record"]["id"] for each in every if each["op"] == "upsert"] == [ids[1]]


async def test_after_a_new_consent_a_push_brings_the_records_back_under_their_ids(
    make: Make,
) -> None:
    person = await make.person()
    records = [make.record("steps", client_version=4) for _ in range(2)]
    pushed = await person.push(*records)
    await withdraw(person, await active_id(person, "steps.collect"))
    assert await person.statuses(*records) == ["consent_withdrawn"] * 2
    await make.consents(person, ["steps.collect"])
    assert await stored(person) == {}
    older = {**records[1], "client_version": 3}
    again = await person.push(records[0], older)
    assert [each["status"] for each in again["results"]] == ["updated", "updated"]
    assert [each["id"] for each in again["results"]] == [each["id"] for each in pushed["results"]]
    assert (await stored(person)).keys() == {each["id"] for each in pushed["results"]}
    assert await person.statuses(*records) == ["unchanged", "updated"]


async def test_what_was_deleted_before_is_not_counted(make: Make) -> None:
    person = await make.person()
    await person.push(make.record("steps"))
    await withdraw(person, await active_id(person, "steps.collect"))
    await make.consents(person, ["steps.collect"])
    await person.push(make.record("steps"))
    assert (await withdraw(person, await active_id(person, "steps.collect")))["deleted"] == 1


async def test_a_consent_that_has_run_out_can_still_be_withdrawn_with_its_records(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person(collects=False)
    end = clock.now() + timedelta(minutes=5)
    (given,) = await make.consents(person, ["steps.collect"], valid_until=end.isoformat())
    await person.push(make.record("steps"))
    monkeypatch.setattr(clock, "now", lambda: end)
    done = await withdraw(person, given["id"])
    assert (done["deleted"], done["consent"]["state"]) == (1, "withdrawn")
    assert await stored(person) == {}


@pytest.mark.parametrize(
    ("json", "pointer"),
    [({"stored_data": "keep"}, "/stored_data"), ({"stored_data": 1}, "/stored_data"),
     ({"delete": True}, "/delete")],
)  # fmt: skip
async def test_a_withdrawal_of_a_wrong_shape_withdraws_nothing(
    make: Make, json: dict[str, object], pointer: str
) -> None:
    person = await make.person()
    consent_id = await active_id(person, "steps.collect")
    answer = await person.post(f"/v1/me/consents/{consent_id}/withdrawal", json)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert await active_id(person, "steps.collect") == consent_id
    assert UUID(consent_id)
