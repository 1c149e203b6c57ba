"""Closing a case: from either side, at once, once, and with the consents it rested on."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.care.sql import refusal
from tests.make import Caller, Make

# Locked and not changed: so those who wait for it have their turns in the order in which they came.
GATE = text("SELECT feed FROM persons WHERE person_id = :id FOR UPDATE")


async def opened(make: Make, *scopes: str) -> tuple[Caller, Caller, str]:
    """A nurse, a person with a record of steps, and the id of their case."""
    nurse, person = await make.staff(), await make.person()
    await person.push(make.record("steps"))
    case = await make.case(nurse, person, list(scopes or ("steps.read",)))
    return nurse, person, str(case["case"]["id"])


def closure(caller: Caller, case_id: str) -> str:
    own = "/v1/cases" if caller.organization_id else "/v1/me/cases"
    return f"{own}/{case_id}/closure"


async def close(caller: Caller, case_id: str, **body: object) -> dict[str, Any]:
    answer = await caller.post(closure(caller, case_id), body)
    assert answer.status_code == 200, answer.text
    closed: dict[str, Any] = answer.json()
    return closed


async def own_case(person: Caller, case_id: str) -> dict[str, Any]:
    cases = (await person.get("/v1/me/cases")).json()["cases"]
    found: dict[str, Any] = next(case for case in cases if case["id"] == case_id)
    return found


async def active_scopes(person: Caller) -> list[str]:
    consents = (await person.get("/v1/me/consents")).json()["consents"]
    return sorted(each["scope"] for each in consents if each["purpose"] != "storage")


@pytest.mark.parametrize("side", ["person", "nurse"])
async def test_after_the_answer_nothing_is_read_and_the_case_is_unknown_to_staff(
    make: Make, side: str
) -> None:
    nurse, person, case_id = await opened(make)
    records = f"/v1/cases/{case_id}/records"
    assert len((await nurse.get(records)).json()["records"]) == 1
    closed = await close(person if side == "person" else nurse, case_id, reason="completed")
    by = "self" if side == "person" else "organization"
    assert closed.keys() == {"id", "state", "closed_at", "closed_by", "closure_reason"}
    assert (closed["id"], closed["state"]) == (case_id, "closed")
    assert (closed["closed_by"], closed["closure_reason"]) == (by, "completed")
    unknown = refusal(await nurse.get(f"/v1/cases/{uuid4()}"))
    assert refusal(await nurse.get(records)) == unknown
    assert refusal(await nurse.get(f"/v1/cases/{case_id}")) == unknown
    assert (await nurse.get("/v1/cases")).json() == {"cases": []}


async def test_the_person_sees_a_closed_case_with_when_by_whom_and_why(make: Make) -> None:
    nurse, person, case_id = await opened(make)
    closed = await close(nurse, case_id, reason="no_contact")
    seen = await own_case(person, case_id)
    assert {name: seen[name] for name in closed} == closed
    assert (seen["scopes"], seen["roles"]) == ([], [])


@pytest.mark.parametrize("side", ["person", "nurse"])
async def test_closing_again_gives_the_same_answer_whatever_the_reason_then(
    make: Make, side: str
) -> None:
    nurse, person, case_id = await opened(make)
    caller = person if side == "person" else nurse
    first = await close(caller, case_id, reason="completed")
    assert await close(caller, case_id, reason="other") == first
    assert (await caller.request("POST", closure(caller, case_id))).json() == first
    events = (await person.get("/v1/me/consent-events")).json()["events"]
    assert [event["event"] for event in events].count("withdrawn") == 1


async def test_the_person_can_ask_again_for_what_the_organization_closed(make: Make) -> None:
    nurse, person, case_id = await opened(make)
    closed = await close(nurse, case_id)
    assert "closure_reason" not in closed
    assert await close(person, case_id) == closed


async def test_what_the_person_closed_is_unknown_to_staff_who_would_close_it(make: Make) -> None:
    nurse, person, case_id = await opened(make)
    await close(person, case_id)
    unknown = refusal(await nurse.post(closure(nurse, str(uuid4()))))
    assert unknown[0] == 404
    assert refusal(await nurse.post(closure(nurse, case_id))) == unknown


async def test_nobody_closes_a_case_that_is_not_theirs(make: Make) -> None:
    nurse, person, case_id = await opened(make)
    colleague, stranger = await make.staff(nurse.organization_id), await make.staff()
    boss = await make.staff(role="coordinator")
    other = await make.person()
    unknown = refusal(await nurse.post(closure(nurse, str(uuid4()))))
    for caller in (colleague, stranger, boss, other):
        assert refusal(await caller.post(closure(caller, case_id))) == unknown
    # A person asks as the relative that they are not, on the staff's path.
    assert refusal(await person.post(f"/v1/cases/{case_id}/closure")) == unknown
    assert (await own_case(person, case_id))["state"] == "open"
    await close(nurse, case_id)
    for caller in (colleague, stranger, boss):
        assert refusal(await caller.post(closure(caller, case_id))) == unknown


async def test_a_coordinator_closes_the_organizations_cases_and_an_administrator_none(
    make: Make,
) -> None:
    nurse, person, case_id = await opened(make)
    admin = await make.staff(nurse.organization_id, role="administrator")
    status, document = refusal(await admin.post(closure(admin, case_id)))
    assert (status, document["code"]) == (403, "forbidden")
    boss = await make.staff(nurse.organization_id, role="coordinator")
    assert (await close(boss, case_id))["closed_by"] == "organization"
    assert (await own_case(person, case_id))["state"] == "closed"


@pytest.mark.parametrize(("side", "actor"), [("person", "self"), ("nurse", "organization")])
async def test_the_consents_of_the_case_are_withdrawn_and_the_ledger_says_by_whom(
    make: Make, side: str, actor: str
) -> None:
    nurse, person, case_id = await opened(make, "steps.read", "weight.read")
    assert await active_scopes(person) == ["steps.read", "weight.read"]
    await close(person if side == "person" else nurse, case_id)
    assert await active_scopes(person) == []
    events = (await person.get("/v1/me/consent-events")).json()["events"]
    ended = [event for event in events if event["event"] == "withdrawn"]
    assert sorted(event["scope"] for event in ended) == ["steps.read", "weight.read"]
    assert {event["actor"] for event in ended} == {actor}
    assert {event["actor"] for event in events if event["event"] == "given"} == {"self"}
    # What the closing did is also the answer to a withdrawal.
    answer = await person.post(f"/v1/me/consents/{ended[0]['consent_id']}/withdrawal", {})
    assert answer.json()["features_lost"] == [ended[0]["scope"].replace(".read", ".guidance")]


async def test_consents_that_another_open_case_rests_on_stay(make: Make) -> None:
    nurse, person, first = await opened(make)
    second = (await make.case(nurse, person, ["steps.read", "sleep.read"]))["case"]["id"]
    elsewhere = await make.case(await make.staff(), person, ["weight.read"])
    await close(person, first)
    assert (await nurse.get(f"/v1/cases/{second}/records")).status_code == 200
    assert await active_scopes(person) == ["sleep.read", "steps.read", "weight.read"]
    await close(person, second)
    assert await active_scopes(person) == ["weight.read"]
    assert (await own_case(person, elsewhere["case"]["id"]))["state"] == "open"


async def test_a_later_case_opens_nothing_that_was_agreed_to_in_the_closed_one(make: Make) -> None:
    nurse, person, case_id = await opened(make, "steps.read", "weight.read")
    await close(nurse, case_id)
    later = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    path = f"/v1/cases/{later}/records"
    assert (await nurse.get(path, type="steps")).status_code == 200
    assert refusal(await nurse.get(path, type="weight"))[1]["code"] == "consent_missing"


async def test_a_case_withdrawn_as_a_whole_is_the_persons_alone_to_close(make: Make) -> None:
    nurse, person, case_id = await opened(make)
    for each in (await person.get("/v1/me/consents")).json()["consents"]:
        if each["purpose"] == "guidance":
            await person.post(f"/v1/me/consents/{each['id']}/withdrawal", {})
    assert (await nurse.post(closure(nurse, case_id))).status_code == 404
    assert (await close(person, case_id))["closed_by"] == "self"


@pytest.mark.parametrize("reason", ["she moved to Osaka", "", 1, None])
async def test_a_reason_is_a_known_code_and_never_a_text(make: Make, reason: object) -> None:
    nurse, person, case_id = await opened(make)
    for caller in (person, nurse):
        answer = await caller.post(closure(caller, case_id), {"reason": reason})
        assert refusal(answer)[1]["errors"][0]["pointer"] == "/reason"
    assert (await own_case(person, case_id))["state"] == "open"


async def test_a_read_that_meets_a_closing_waits_for_it_and_is_refused(
    make: Make, app: FastAPI
) -> None:
    nurse, person, case_id = await opened(make)
    async with app.state.engine.connect() as connection:
        await connection.execute(GATE, {"id": person.id})
        closing = asyncio.create_task(person.post(closure(person, case_id)))
        await waiting_at_gate(app, 1)
        read = asyncio.create_task(nurse.get(f"/v1/cases/{case_id}/records"))
        await waiting_at_gate(app, 2)
        await connection.commit()
    assert (await closing).status_code == 200
    assert (await read).status_code == 404


async def waiting_at_gate(app: FastAPI, count: int) -> None:
    """Comes back when so many transactions of this database wait for a person's gate."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database() AND query LIKE '%UPDATE persons SET feed%'"
    )
    async with asyncio.timeout(30), app.state.engine.connect() as connection:
        while True:
            found = await connection.scalar(waiting)
            await connection.rollback()
            if found == count:
                return
            await asyncio.sleep(0.02)
