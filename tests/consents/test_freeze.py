"""Withdrawing with `freeze`: only the person sees the records, and after 30 days nobody does."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.consents.asking import caller_of, everything, run_sql
from tests.consents.test_withdraw import active_id, at_another_app, changes_after, stored, withdraw
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.records import query
from vitalkeep.records.freezing import delete_frozen
from vitalkeep.records.query import Position, Window
from vitalkeep.summaries.compute import View, compute_days

FREEZE = {"stored_data": "freeze"}
MONTH = timedelta(days=30)


async def frozen_steps(make: Make) -> tuple[Caller, str, dict[str, Any]]:
    """A person with two frozen records of steps and one of sleep that is not; consent, answer."""
    person = await make.person()
    await person.push(make.record("steps"), make.record("steps"), make.record("sleep"))
    consent_id = await active_id(person, "steps.collect")
    return person, consent_id, await withdraw(person, consent_id, FREEZE)


async def sweep(make: Make, at: datetime) -> int:
    state = make.fastapi.state
    return await delete_frozen(state.engine, state.keyring, at)


async def events_of(person: Caller, consent_id: str) -> list[dict[str, Any]]:
    entries = await everything(person, "events")
    return [each for each in entries if each["consent_id"] == consent_id]


async def test_the_answer_and_the_consent_say_what_is_frozen_and_until_when(make: Make) -> None:
    person, consent_id, done = await frozen_steps(make)
    assert (done["deleted"], done["frozen"]) == (0, 2)
    assert done["features_lost"] == ["steps.sync"]
    held = {**done["consent"]["stored_data"]}
    until = datetime.fromisoformat(held.pop("delete_after"))
    assert held == {"state": "frozen", "records": 2}
    assert until == datetime.fromisoformat(done["consent"]["withdrawn_at"]) + MONTH
    assert await withdraw(person, consent_id, FREEZE) == done
    assert await withdraw(person, consent_id) == done
    *_, event = await events_of(person, consent_id)
    told = (event["event"], event["stored_data"], event["frozen"], event["deleted"])
    assert told == ("withdrawn", "freeze", 2, 0)
    assert datetime.fromisoformat(event["frozen_until"]) == until


async def test_the_person_still_sees_everything(make: Make) -> None:
    person = await make.person()
    await person.push(make.record("steps"), make.record("sleep"))
    before = await stored(person)
    days = (await person.get("/v1/me/days")).json()
    cursor = (await person.get("/v1/me/changes")).json()["next_cursor"]
    await withdraw(person, await active_id(person, "steps.collect"), FREEZE)
    assert await stored(person) == before
    for record_id, record in before.items():
        assert (await person.get(f"/v1/me/records/{record_id}")).json() == record
    assert (await person.get("/v1/me/days")).json() == days
    assert await changes_after(person, cursor) == []
    assert len((await person.get("/v1/me/export")).text.splitlines()) == 3


async def test_nobody_else_sees_what_is_frozen(make: Make) -> None:
    person = await make.person()
    nurse = await make.staff()
    case = await make.case(nurse, person, ["steps.read", "sleep.read"])
    path = f"/v1/cases/{case['case']['id']}/records"
    other = at_another_app(make, person, await make.app())
    await make.consents(other, ["steps.collect"])
    mine = (await person.push(make.record("steps"), make.record("sleep")))["results"]
    theirs = (await other.push(make.record("steps")))["results"]
    await withdraw(person, await active_id(person, "steps.collect"), FREEZE)
    seen = {each["id"] for each in (await nurse.get(path)).json()["records"]}
    assert seen == {mine[1]["id"], theirs[0]["id"]}
    (page,) = [(await nurse.get(path, type="steps", limit=1)).json()]
    assert [each["id"] for each in page["records"]] == [theirs[0]["id"]]
    assert "next_cursor" not in page


async def test_a_window_shows_what_is_frozen_only_if_it_says_so(make: Make) -> None:
    """Every reader for others builds windows and asks for single records: the default hides."""
    person, _, _ = await frozen_steps(make)
    inside = await caller_of(make, person)
    kind = BY_NAME["steps"].number
    async with make.fastapi.state.engine.connect() as connection:
        for frozen, count in ((False, 0), (True, 2)):
            window = Window(kind, frozen=frozen)
            page = await query.list_records(
                connection, person.id, inside.key, [window], after=Position(), limit=10
            )
            assert len(page.records) == count
            day = clock.now().date()
            view = View(person.id, inside.key, "UTC", ())
            days = await compute_days(connection, view, window, day - timedelta(days=2), day)
            assert bool(days) == bool(count)
        (steps, *_) = [each for each in (await stored(person)).values() if each["type"] == "steps"]
        for frozen in (False, True):
            one = await query.find_record(
                connection, person.id, inside.key, UUID(steps["id"]), frozen=frozen
            )
            assert (one is not None) == frozen


async def test_frozen_records_take_no_push(make: Make) -> None:
    person, _, _ = await frozen_steps(make)
    before = await stored(person)
    again = [
        {**{k: v for k, v in each.items() if k not in ("id", "modified_at")}, "count": 9,
         "client_version": 7}
        for each in before.values() if each["type"] == "steps"
    ]  # fmt: skip
    assert await person.statuses(*again) == ["consent_withdrawn"] * 2
    assert await stored(person) == before


async def test_the_person_can_delete_them_sooner(make: Make) -> None:
    person, _, done = await frozen_steps(make)
    steps = [each for each in (await stored(person)).values() if each["type"] == "steps"]
    answer = await person.request("DELETE", f"/v1/me/records/{steps[0]['id']}")
    assert answer.json() == {"deleted": 1}
    until = datetime.fromisoformat(done["consent"]["stored_data"]["delete_after"])
    assert await sweep(make, until) >= 1
    assert {each["type"] for each in (await stored(person)).values()} == {"sleep"}


async def test_after_30_days_they_are_deleted_and_not_before(make: Make) -> None:
    person, consent_id, done = await frozen_steps(make)
    cursor = (await person.get("/v1/me/changes")).json()["next_cursor"]
    until = datetime.fromisoformat(done["consent"]["stored_data"]["delete_after"])
    await sweep(make, until - timedelta(microseconds=1))
    assert len(await stored(person)) == 3
    assert await sweep(make, until) >= 2
    assert {each["type"] for each in (await stored(person)).values()} == {"sleep"}
    gone = await changes_after(person, cursor)
    assert [(each["op"], each["type"]) for each in gone] == [("delete", "steps")] * 2
    rows = await run_sql(
        make, "SELECT * FROM records WHERE person_id = :id AND sealed IS NULL", id=person.id
    )
    assert {(row["deleted_by"], row["start_time"] == row["modified_at"]) for row in rows} == {
        (3, True)
    }
    *_, event = await events_of(person, consent_id)
    assert (event["event"], event["deleted"], event["actor"]) == ("frozen_deleted", 2, "server")
    again = await withdraw(person, consent_id)
    assert again["consent"]["stored_data"] == {"state": "deleted", "records": 2}
    assert {name: again[name] for name in ("deleted", "frozen", "features_lost")} == {
        name: done[name] for name in ("deleted", "frozen", "features_lost")
    }
    assert await sweep(make, until) == 0
    assert len(await events_of(person, consent_id)) == 3


async def test_a_new_consent_to_the_same_app_unfreezes(make: Make) -> None:
    person, consent_id, done = await frozen_steps(make)
    nurse = await make.staff()
    case = await make.case(nurse, person, ["steps.read"])
    path = f"/v1/cases/{case['case']['id']}/records"
    assert (await nurse.get(path)).json()["records"] == []
    await make.consents(person, ["steps.collect"])
    assert len((await nurse.get(path)).json()["records"]) == 2
    until = datetime.fromisoformat(done["consent"]["stored_data"]["delete_after"])
    await sweep(make, until)
    assert len(await stored(person)) == 3
    assert [each["event"] for each in await events_of(person, consent_id)] == [
        "given", "withdrawn", "unfrozen",
    ]  # fmt: skip
    shown = (await person.get(f"/v1/me/consents/{consent_id}")).json()
    assert shown["stored_data"] == {"state": "unfrozen", "records": 2}


async def test_a_consent_to_another_app_or_for_another_type_unfreezes_nothing(make: Make) -> None:
    person, consent_id, done = await frozen_steps(make)
    other = at_another_app(make, person, await make.app())
    await make.consents(other, ["steps.collect"])
    await make.consents(person, ["weight.collect"], valid_until="2100-01-01T00:00:00Z")
    shown = (await person.get(f"/v1/me/consents/{consent_id}")).json()
    assert shown == done["consent"]


async def test_what_another_app_sends_under_its_own_consent_is_that_apps(make: Make) -> None:
    """Two apps of one phone send the same record of its store."""
    person = await make.person()
    nurse = await make.staff()
    case = await make.case(nurse, person, ["steps.read"])
    path = f"/v1/cases/{case['case']['id']}/records"
    other = at_another_app(make, person, await make.app())
    await make.consents(other, ["steps.collect"])
    record = make.record("steps", platform_id="5c1c9a32-7b3e-4f1e-9c55-0a6b1f0e2d11")
    del record["client_id"]
    assert await person.statuses(record) == ["created"]
    await withdraw(person, await active_id(person, "steps.collect"), FREEZE)
    assert (await nurse.get(path)).json()["records"] == []
    assert await other.statuses(record) == ["updated"]
    assert len((await nurse.get(path)).json()["records"]) == 1


async def test_nothing_stored_is_nothing_frozen(make: Make) -> None:
    person = await make.person()
    done = await withdraw(person, await active_id(person, "weight.collect"), FREEZE)
    assert (done["frozen"], done["consent"]["stored_data"]["records"]) == (0, 0)
    assert "delete_after" not in done["consent"]["stored_data"]


async def test_a_consent_to_read_freezes_nothing(make: Make) -> None:
    person = await make.person()
    await person.push(make.record("steps"))
    recipient = {"kind": "organization", "id": str(await make.organization())}
    (given,) = await make.consents(person, ["steps.read"], recipient=recipient, purpose="guidance")
    done = await withdraw(person, given["id"], FREEZE)
    assert (done["frozen"], "stored_data" in done["consent"]) == (0, False)
