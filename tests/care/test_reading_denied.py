"""Refused reads: written down for the person, in their own transaction, and never told apart."""

import logging
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from tests.care.sql import refusal, run_sql
from tests.make import Caller, Make
from vitalkeep.app import ROUTERS
from vitalkeep.base.metrics import REGISTRY
from vitalkeep.care.reading_denied import record_denials


async def log_of(person: Caller, **query: object) -> list[dict[str, Any]]:
    """The person's access log."""
    answer = await person.get("/v1/me/access-log", **query)
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()["entries"]
    return entries


def refused(reason: str) -> float:
    """How often reads were refused for this reason so far."""
    labels = {"reason": reason}
    return REGISTRY.get_sample_value("vitalkeep_care_refusals_total", labels) or 0


@pytest.mark.parametrize("data", ["records", "days"])
async def test_a_type_without_consent_leaves_an_event_that_tells_the_person_all_of_it(
    make: Make, data: str
) -> None:
    nurse, person = await make.staff(role="physician"), await make.person()
    case = (await make.case(nurse, person, ["steps.read"]))["case"]
    period = ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z")
    asked = (
        {"from": period[0], "to": period[1]}
        if data == "records"
        else {"from": "2026-11-01", "to": "2026-11-02"}
    )
    answer = await nurse.get(f"/v1/cases/{case['id']}/{data}", type=["steps", "weight"], **asked)
    assert refusal(answer)[1]["code"] == "consent_missing"
    (entry,) = await log_of(person)
    del entry["at"]
    assert entry == {
        "organization": case["organization"],
        "role": "physician",
        "data": data,
        "type": "weight",
        "purpose": "guidance",
        "case_id": case["id"],
        "outcome": "denied",
        "reason": "no_consent",
        "count": 0,
        "from": period[0],
        "to": period[1],
    }


@pytest.mark.parametrize(
    ("reason", "statement"),
    [
        ("closed", "UPDATE cases SET state = 'closed' WHERE case_id = :case"),
        ("not_assigned", "DELETE FROM case_staff WHERE case_id = :case"),
        ("purpose_not_allowed", "UPDATE cases SET purpose = 'statistics' WHERE case_id = :case"),
        (
            "no_consent",
            "UPDATE consents SET state = 'withdrawn' "
            "WHERE person_id = (SELECT person_id FROM case_handles WHERE case_id = :case)",
        ),
    ],
)
async def test_whatever_shuts_the_door_is_the_reason_of_the_event(
    make: Make, app: FastAPI, reason: str, statement: str
) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    await run_sql(app, statement, case=case_id)
    before = refused(reason)
    unknown = refusal(await nurse.get(f"/v1/cases/{uuid4()}/records"))
    assert refusal(await nurse.get(f"/v1/cases/{case_id}/records")) == unknown
    assert refusal(await nurse.get(f"/v1/cases/{case_id}/days", type="steps")) == unknown
    log = await log_of(person)
    assert [(each["reason"], each.get("type")) for each in log] == [
        (reason, "steps"),
        (reason, None),
    ]
    assert refused(reason) == before + 2


async def test_a_stranger_s_attempt_is_written_down_under_the_stranger_s_name(make: Make) -> None:
    nurse, stranger, person = await make.staff(), await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    answer = await stranger.get(f"/v1/cases/{case_id}/records")
    assert refusal(answer) == refusal(await stranger.get(f"/v1/cases/{uuid4()}/records"))
    (entry,) = await log_of(person)
    assert entry["reason"] == "other_organization"
    assert entry["organization"]["id"] == str(stranger.organization_id)


@pytest.mark.parametrize("kind", ["employer", "insurer"])
async def test_an_employer_or_insurer_is_told_that_it_never_gets_records(
    make: Make, app: FastAPI, kind: str
) -> None:
    nurse, person = await make.staff(), await make.person()
    await person.push(make.record())
    own = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    kept = "UPDATE organizations SET kind = :kind WHERE organization_id = :id"
    await run_sql(app, kept, kind=kind, id=nurse.organization_id)
    answers = [
        refusal(await nurse.get(f"/v1/cases/{case_id}/{data}"))
        for case_id in (own, uuid4())
        for data in ("records", "days")
    ]
    assert answers[0][0] == 403
    assert answers[0][1]["code"] == "forbidden"
    assert "never records" in answers[0][1]["detail"]
    assert all(answer == answers[0] for answer in answers)
    assert [each["reason"] for each in await log_of(person)] == ["organization_kind"] * 2


async def test_an_unknown_case_is_counted_and_written_down_for_nobody(
    make: Make, app: FastAPI
) -> None:
    nurse = await make.staff()
    before = refused("unknown_case")
    assert (await nurse.get(f"/v1/cases/{uuid4()}/records")).status_code == 404
    assert refused("unknown_case") == before + 1
    assert await run_sql(app, "SELECT 1 FROM access_events WHERE staff_id = :id", id=nurse.id) == []


async def test_a_refusal_that_cannot_be_written_down_is_the_same_refusal(
    make: Make, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    nurse, stranger, person = await make.staff(), await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    path = f"/v1/cases/{case_id}/records"
    await run_sql(
        app, f"ALTER TABLE access_events ADD CONSTRAINT refuses CHECK (case_id <> '{case_id}')"
    )
    try:
        with caplog.at_level(logging.ERROR):
            answer = await stranger.get(path)
    finally:
        await run_sql(app, "ALTER TABLE access_events DROP CONSTRAINT refuses")
    assert await log_of(person) == []
    assert refusal(answer) == refusal(await stranger.get(path))
    assert len(await log_of(person)) == 1


async def test_a_stranger_waits_for_nobody_s_gate_and_holds_up_nobody(
    make: Make, app: FastAPI
) -> None:
    nurse, stranger, person = await make.staff(), await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    async with app.state.engine.connect() as connection:
        await connection.exec_driver_sql(
            "UPDATE persons SET feed = feed WHERE person_id = $1", (person.id,)
        )
        assert (await stranger.get(f"/v1/cases/{case_id}/records")).status_code == 404
        await connection.rollback()
    assert len(await log_of(person)) == 1


async def test_a_refused_read_of_somebody_who_has_left_leaves_nothing(
    make: Make, app: FastAPI
) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    token = (await person.get("/v1/me/deactivation")).json()["confirm_token"]
    left = await person.post("/v1/me/deactivation", {"confirm_token": token})
    assert left.status_code == 200
    assert (await nurse.get(f"/v1/cases/{case_id}/records")).status_code == 404
    assert await run_sql(app, "SELECT 1 FROM access_events WHERE case_id = :id", id=case_id) == []


def test_every_route_through_the_door_writes_refusals_down() -> None:
    routes = [route for router in ROUTERS for route in router.routes]
    through = [
        route
        for route in routes
        if str(getattr(route, "path", "")).startswith("/v1/cases/{case_id}/")
        and "GET" in getattr(route, "methods", ())
    ]
    assert {getattr(route, "name", "") for route in through} >= {
        "list_case_records",
        "list_case_days",
    }
    for route in through:
        calls = [each.dependency for each in getattr(route, "dependencies", [])]
        assert calls[:1] == [record_denials], route
