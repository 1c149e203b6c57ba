"""The only door: staff read exactly what was agreed to, and every closed door looks the same."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from tests.care.sql import refusal, run_sql
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.datatypes.registry import TYPES


def records_of(case: dict[str, Any]) -> str:
    """The path of a case's records, for a case or the answer of an acceptance."""
    return f"/v1/cases/{case.get('case', case)['id']}/records"


def types_in(answer: httpx.Response) -> list[str]:
    """The types of the answered records, sorted."""
    assert answer.status_code == 200, answer.text
    return sorted(record["type"] for record in answer.json()["records"])


async def filled(make: Make) -> Caller:
    """A person with one record of every type."""
    person = await make.person()
    await person.push(*(make.record(kind.name) for kind in TYPES))
    return person


async def test_the_nurse_reads_the_agreed_types_as_the_person_reads_them(make: Make) -> None:
    nurse, person = await make.staff(), await filled(make)
    case = await make.case(nurse, person, ["steps.read", "sleep.read", "blood_pressure.read"])
    agreed = {"type": ["steps", "sleep", "blood_pressure"]}
    own = (await person.get("/v1/me/records", **agreed)).json()
    assert len(own["records"]) == 3
    assert (await nurse.get(records_of(case))).json() == own
    one = await nurse.get(records_of(case), type="sleep")
    assert types_in(one) == ["sleep"]


async def test_asking_for_a_type_without_consent_is_refused_as_a_whole(make: Make) -> None:
    nurse, person = await make.staff(), await filled(make)
    case = await make.case(nurse, person, ["steps.read"])
    for types in (["weight"], ["steps", "weight"], [kind.name for kind in TYPES]):
        status, document = refusal(await nurse.get(records_of(case), type=types))
        assert (status, document["code"]) == (403, "consent_missing")
        assert "weight" in document["detail"]
        assert "steps" not in document["detail"]


async def test_every_reason_not_to_know_a_case_answers_404_with_one_body(
    make: Make, app: FastAPI
) -> None:
    nurse = await make.staff()
    colleague, stranger = await make.staff(nurse.organization_id), await make.staff()
    seen = await make.case(nurse, await filled(make), ["steps.read"])
    answers = [await staff.get(records_of(seen)) for staff in (colleague, stranger)]
    answers.append(await nurse.get(records_of({"id": uuid4()})))

    async def closed(_person: Caller, case: dict[str, Any]) -> None:
        case_id = case["case"]["id"]
        await run_sql(app, "UPDATE cases SET state = 'closed' WHERE case_id = :id", id=case_id)

    async def withdrawn(person: Caller, case: dict[str, Any]) -> None:
        for consent in case["consents"]:
            answer = await person.post(f"/v1/me/consents/{consent['id']}/withdrawal", {})
            assert answer.status_code == 200

    async def erased(person: Caller, _case: dict[str, Any]) -> None:
        token = (await person.get("/v1/me/deactivation")).json()["confirm_token"]
        answer = await person.post("/v1/me/deactivation", {"confirm_token": token})
        assert answer.status_code == 200

    for end in (closed, withdrawn, erased):
        person = await filled(make)
        case = await make.case(nurse, person, ["steps.read", "weight.read"])
        assert types_in(await nurse.get(records_of(case))) == ["steps", "weight"]
        await end(person, case)
        answers += [await nurse.get(records_of(case), **query) for query in ({}, {"type": "steps"})]
    refusals = [refusal(answer) for answer in answers]
    assert refusals[0][0] == 404
    assert refusals[0][1]["code"] == "not_found"
    assert all(each == refusals[0] for each in refusals)


async def test_a_withdrawal_counts_from_the_next_request_on(make: Make) -> None:
    nurse, person = await make.staff(), await filled(make)
    case = await make.case(nurse, person, ["steps.read", "weight.read"])
    consent = next(each["id"] for each in case["consents"] if each["scope"] == "steps.read")
    assert types_in(await nurse.get(records_of(case))) == ["steps", "weight"]
    await person.post(f"/v1/me/consents/{consent}/withdrawal", {})
    assert (await nurse.get(records_of(case), type="steps")).status_code == 403
    assert types_in(await nurse.get(records_of(case))) == ["weight"]


@pytest.mark.parametrize("elsewhere", ["organization", "purpose", "app"])
async def test_a_consent_for_somebody_or_something_else_opens_nothing(
    make: Make, elsewhere: str
) -> None:
    clinic = await make.organization("medical_institution")
    nurse, person = await make.staff(clinic), await filled(make)
    case = await make.case(nurse, person, ["steps.read"])
    match elsewhere:
        case "organization":
            other = {"kind": "organization", "id": str(await make.organization())}
            await make.consents(person, ["weight.read"], recipient=other, purpose="guidance")
        case "purpose":
            same = {"kind": "organization", "id": str(clinic)}
            await make.consents(person, ["weight.read"], recipient=same, purpose="teleconsultation")
        case _:
            await make.consents(person, ["weight.collect"])
    assert (await nurse.get(records_of(case), type="weight")).status_code == 403
    assert types_in(await nurse.get(records_of(case))) == ["steps"]


async def test_a_consent_of_another_person_opens_nothing(make: Make) -> None:
    nurse, person, generous = await make.staff(), await filled(make), await filled(make)
    case = await make.case(nurse, person, ["steps.read"])
    await make.case(nurse, generous, ["steps.read", "weight.read"])
    assert (await nurse.get(records_of(case), type="weight")).status_code == 403


async def test_a_consent_that_ran_out_no_longer_opens(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await filled(make)
    case = await make.case(nurse, person, ["steps.read"])
    recipient = {"kind": "organization", "id": str(nurse.organization_id)}
    until = clock.now() + timedelta(hours=1)
    await make.consents(
        person,
        ["weight.read"],
        recipient=recipient,
        purpose="guidance",
        valid_until=until.isoformat(),
    )
    assert types_in(await nurse.get(records_of(case))) == ["steps", "weight"]
    ended = "UPDATE consents SET valid_until = :now WHERE person_id = :id AND type = :type"
    numbers = {kind.name: kind.number for kind in TYPES}
    await run_sql(app, ended, now=clock.now(), id=person.id, type=numbers["weight"])
    assert (await nurse.get(records_of(case), type="weight")).status_code == 403
    assert types_in(await nurse.get(records_of(case))) == ["steps"]
    await run_sql(app, ended, now=clock.now(), id=person.id, type=numbers["steps"])
    assert (await nurse.get(records_of(case))).status_code == 404
    assert (await nurse.get("/v1/cases")).json() == {"cases": []}


async def test_a_consents_period_of_data_bounds_the_read(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    days = [clock.now().replace(microsecond=0) - timedelta(days=ago) for ago in (5, 4, 3, 2)]
    weights = [make.record("weight", time=day.isoformat()) for day in days]
    results = (await person.push(*weights))["results"]
    ids = [result["id"] for result in results]
    case = await make.case(nurse, person, ["steps.read"])
    await make.consents(
        person,
        ["weight.read"],
        recipient={"kind": "organization", "id": str(nurse.organization_id)},
        purpose="guidance",
        data_from=days[1].isoformat(),
        data_until=days[3].isoformat(),
    )

    async def seen(since: datetime | None = None, until: datetime | None = None) -> list[str]:
        asked = {"from": since, "to": until}
        query = {name: time.isoformat() for name, time in asked.items() if time}
        answer = await nurse.get(records_of(case), **query)
        assert answer.status_code == 200
        return [record["id"] for record in answer.json()["records"]]

    assert await seen() == ids[1:3]
    assert await seen(days[0], days[2]) == ids[1:2]
    assert await seen(days[2]) == ids[2:3]
    assert await seen(until=days[1]) == []


async def test_a_case_reads_page_by_page_and_its_cursor_fits_no_other_list(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    results = (await person.push(*(make.record("weight") for _ in range(5))))["results"]
    case = await make.case(nurse, person, ["weight.read"])
    other = await make.case(nurse, person, ["weight.read"])
    seen: list[UUID] = []
    cursors: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await nurse.get(records_of(case), **query)).json()
        seen += [record["id"] for record in page["records"]]
        if "next_cursor" not in page:
            break
        query["cursor"] = page["next_cursor"]
        cursors.append(page["next_cursor"])
    assert len(cursors) == 2
    assert sorted(seen) == sorted(result["id"] for result in results)
    refused = [
        await nurse.get(records_of(other), cursor=cursors[0]),
        await person.get("/v1/me/records", cursor=cursors[0]),
        await nurse.get(records_of(case), cursor=cursors[0][:-1]),
    ]
    own = (await person.get("/v1/me/records", limit=2)).json()["next_cursor"]
    refused.append(await nurse.get(records_of(case), cursor=own))
    assert [refusal(answer)[1]["code"] for answer in refused] == ["invalid_cursor"] * 4
