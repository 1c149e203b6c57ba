"""The ways of being a reader: by name, through a team, as a relative; and how each of them ends."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.care.sql import refusal, run_sql
from tests.make import Caller, Make
from vitalkeep.base import clock

GATE = text("SELECT FROM persons WHERE person_id = :id FOR UPDATE")


async def filled(make: Make) -> Caller:
    """A person with a record of steps and one of weight."""
    person = await make.person()
    await person.push(make.record("steps"), make.record("weight"))
    return person


async def read(reader: Caller, case_id: str, **query: object) -> list[str] | int:
    """The types of the records that the reader gets, or the status of the refusal."""
    answer = await reader.get(f"/v1/cases/{case_id}/records", **query)
    if answer.status_code != 200:
        return refusal(answer)[0]
    return sorted(record["type"] for record in answer.json()["records"])


async def log(person: Caller) -> list[dict[str, Any]]:
    found = await person.get("/v1/me/access-log", outcome="given")
    entries: list[dict[str, Any]] = found.json()["entries"]
    return entries


async def test_a_relative_reads_what_was_agreed_to_and_the_person_sees_it(make: Make) -> None:
    daughter, mother = await make.person(), await filled(make)
    case = (await make.watching(daughter, mother, ["steps.read"]))["case"]
    own = (await mother.get("/v1/me/records", type="steps")).json()
    assert (await daughter.get(f"/v1/cases/{case['id']}/records")).json() == own
    assert await read(daughter, case["id"], type=["weight"]) == 403
    (entry,) = await log(mother)
    (denied,) = (await mother.get("/v1/me/access-log", outcome="denied")).json()["entries"]
    assert (denied["relative"], denied["role"]) == (entry["relative"], "relative")
    assert (denied["type"], denied["reason"]) == ("weight", "no_consent")
    assert "organization" not in entry
    assert (entry["relative"]["id"], entry["role"]) == (case["relative"]["id"], "relative")
    assert (entry["type"], entry["purpose"], entry["count"]) == ("steps", "family_watch", 1)
    assert await log(daughter) == []


@pytest.mark.parametrize("end", ["mother", "daughter", "withdrawal", "expiry", "leaving"])
async def test_a_relative_reads_nothing_any_more_whichever_way_it_ends(
    make: Make, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    daughter, mother = await make.person(), await filled(make)
    until = clock.now() + timedelta(minutes=5)
    accepted = await make.watching(daughter, mother, ["steps.read"], valid_until=until.isoformat())
    case_id = accepted["case"]["id"]
    assert await read(daughter, case_id) == ["steps"]
    match end:
        case "mother":
            await mother.post(f"/v1/me/cases/{case_id}/closure")
        case "daughter":
            await daughter.post(f"/v1/cases/{case_id}/closure")
        case "withdrawal":
            await mother.post(f"/v1/me/consents/{accepted['consents'][0]['id']}/withdrawal", {})
        case "expiry":
            monkeypatch.setattr(clock, "now", lambda: until)
        case _:
            token = (await mother.get("/v1/me/deactivation")).json()["confirm_token"]
            await mother.post("/v1/me/deactivation", {"confirm_token": token})
    closed = refusal(await daughter.get(f"/v1/cases/{case_id}/records"))
    assert closed == refusal(await daughter.get(f"/v1/cases/{uuid4()}/records"))
    assert (closed[0], closed[1]["code"]) == (404, "not_found")


async def test_a_watching_is_read_by_nobody_else(make: Make) -> None:
    daughter, mother = await make.person(), await filled(make)
    case_id = (await make.watching(daughter, mother, ["steps.read"]))["case"]["id"]
    # Somebody who watches another person, and staff who work on another case of the same person.
    son, nurse = await make.person(), await make.staff()
    await make.watching(son, daughter, ["steps.read"])
    await make.case(nurse, mother, ["steps.read"])
    for caller in (son, nurse, mother):
        assert await read(caller, case_id) == 404


async def test_what_a_relative_may_see_opens_nothing_to_an_organization_nor_the_reverse(
    make: Make,
) -> None:
    daughter, nurse, mother = await make.person(), await make.staff(), await filled(make)
    watching = (await make.watching(daughter, mother, ["weight.read"]))["case"]["id"]
    case_id = (await make.case(nurse, mother, ["steps.read"]))["case"]["id"]
    assert await read(daughter, watching) == ["weight"]
    assert await read(nurse, case_id) == ["steps"]
    assert await read(nurse, case_id, type=["weight"]) == 403
    assert await read(daughter, watching, type=["steps"]) == 403


async def test_a_relatives_read_takes_no_lock_of_their_own(make: Make, app: FastAPI) -> None:
    daughter, mother = await make.person(), await filled(make)
    case_id = (await make.watching(daughter, mother, ["steps.read"]))["case"]["id"]
    async with app.state.engine.connect() as connection:
        await connection.execute(GATE, {"id": daughter.id})
        assert await read(daughter, case_id) == ["steps"]


async def test_who_is_in_the_team_reads_and_who_has_left_it_does_not(make: Make) -> None:
    nurse, person = await make.staff(), await filled(make)
    boss = await make.staff(nurse.organization_id, role="coordinator")
    admin = await make.staff(nurse.organization_id, role="administrator")
    doctor = await make.staff(nurse.organization_id, role="physician")
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    team = await make.team(doctor)
    assert await read(doctor, case_id) == 404
    path = f"/v1/cases/{case_id}/staff"
    put = await boss.request("PUT", path, json={"teams": [str(team)]})
    assert put.status_code == 200
    assert [await read(nurse, case_id), await read(doctor, case_id)] == [404, ["steps"]]
    assert [entry["role"] for entry in await log(person)] == ["physician"]
    members = {"staff": [str(nurse.id)]}
    await admin.request("PATCH", f"/v1/organization/teams/{team}", json=members)
    assert [await read(nurse, case_id), await read(doctor, case_id)] == [["steps"], 404]


async def test_a_handover_counts_from_the_next_read_on(make: Make) -> None:
    nurse, person = await make.staff(), await filled(make)
    boss = await make.staff(nurse.organization_id, role="coordinator")
    doctor = await make.staff(nurse.organization_id, role="physician")
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    assert [await read(nurse, case_id), await read(doctor, case_id)] == [["steps"], 404]
    place = {"from": str(nurse.id), "to": str(doctor.id)}
    assert (await boss.post(f"/v1/cases/{case_id}/handover", place)).status_code == 200
    assert [await read(nurse, case_id), await read(doctor, case_id)] == [404, ["steps"]]


@pytest.mark.parametrize("role", ["coordinator", "administrator"])
async def test_who_is_no_clinical_staff_reads_no_records_even_on_the_case(
    make: Make, app: FastAPI, role: str
) -> None:
    nurse, person = await make.staff(), await filled(make)
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    colleague = await make.staff(nurse.organization_id, role=role)
    refused = refusal(await colleague.get(f"/v1/cases/{case_id}/records"))
    assert (refused[0], refused[1]["code"]) == (403, "forbidden")
    assert refused == refusal(await colleague.get(f"/v1/cases/{uuid4()}/records"))
    # A nurse who becomes one loses what they could read, whatever the case's own rows say.
    change = "UPDATE staff SET role = :role WHERE staff_id = :id"
    await run_sql(app, change, role=role, id=nurse.id)
    assert refusal(await nurse.get(f"/v1/cases/{case_id}/records")) == refused
    assert await log(person) == []
