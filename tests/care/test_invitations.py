"""Invitations: what may be asked for, by whom and for how long, and that a code works once."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from tests.care.sql import refusal, run_sql
from tests.make import Make
from vitalkeep.base import clock
from vitalkeep.demo.policies import sample_ref

STEPS_AND_SLEEP = ["steps.read", "sleep.read"]


def acceptance(code: str) -> str:
    return f"/v1/me/invitations/{code}/acceptance"


async def test_accepting_answers_the_case_and_a_consent_for_each_agreed_scope(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    code = await make.invitation(nurse, [*STEPS_AND_SLEEP, "weight.read"])
    policy = sample_ref("ja").model_dump()
    answer = await person.post(
        acceptance(code), {"scopes": STEPS_AND_SLEEP, "label": "さくら", "policy": policy}
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body.keys() == {"case", "consents"}
    assert sorted(body["case"].pop("organization")) == ["id", "name"]
    assert body["case"].keys() == {
        "id",
        "purpose",
        "label",
        "scopes",
        "roles",
        "state",
        "opened_at",
    }
    assert sorted(body["case"]["scopes"]) == sorted(STEPS_AND_SLEEP)
    assert (body["case"]["purpose"], body["case"]["state"]) == ("guidance", "open")
    assert [consent["scope"] for consent in body["consents"]] == STEPS_AND_SLEEP
    recipient = {"kind": "organization", "id": str(nurse.organization_id)}
    for consent in body["consents"]:
        assert consent["recipient"] == recipient
        assert (consent["purpose"], consent["state"]) == ("guidance", "active")
        assert consent["policy"] == policy


async def test_a_label_that_is_not_given_is_absent(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    code = await make.invitation(nurse, ["steps.read"])
    case = (await person.post(acceptance(code), {"scopes": ["steps.read"]})).json()["case"]
    assert "label" not in case
    assert "label" not in (await nurse.get(f"/v1/cases/{case['id']}")).json()


async def test_a_code_that_is_unknown_used_or_too_old_is_refused_with_one_body(
    make: Make, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    nurse, person, other = await make.staff(), await make.person(), await make.person()
    used = await make.invitation(nurse, ["steps.read"])
    agreed = {"scopes": ["steps.read"]}
    assert (await person.post(acceptance(used), agreed)).status_code == 201
    soon = clock.now() + timedelta(minutes=5)
    old = await make.invitation(nurse, ["steps.read"], expires_at=soon.isoformat())
    refusals = [refusal(await person.post(acceptance("unknown"), agreed))]
    refusals += [refusal(await each.post(acceptance(used), agreed)) for each in (person, other)]
    monkeypatch.setattr(clock, "now", lambda: soon)
    refusals.append(refusal(await person.post(acceptance(old), agreed)))
    assert refusals[0][0] == 404
    assert refusals[0][1]["code"] == "not_found"
    assert all(each == refusals[0] for each in refusals)
    cases = await run_sql(
        app, "SELECT 1 FROM cases WHERE organization_id = :id", id=nurse.organization_id
    )
    assert len(cases) == 1


async def test_a_code_works_until_just_before_its_end_by_default_after_14_days(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    nurse, person = await make.staff(), await make.person()
    wanted = {"purpose": "guidance", "scopes": ["steps.read"]}
    begun = clock.now()
    invited = (await nurse.post("/v1/cases/invitations", wanted)).json()
    assert invited.keys() == {"id", "code", "expires_at"}
    end = clock.now() + timedelta(days=14)
    assert begun + timedelta(days=14) <= datetime.fromisoformat(invited["expires_at"]) <= end
    # An access token lives for 15 minutes: renew it where the clock will stand.
    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(days=14))
    assert person.app is not None
    person.token = (await make.sign_in(person.app, person.external_id))["access_token"]
    answer = await person.post(acceptance(invited["code"]), {"scopes": ["steps.read"]})
    assert answer.status_code == 201, answer.text


async def test_of_two_persons_who_accept_at_once_one_gets_in(make: Make) -> None:
    nurse = await make.staff()
    persons = [await make.person() for _ in range(4)]
    code = await make.invitation(nurse, ["steps.read"])
    answers = await asyncio.gather(
        *(person.post(acceptance(code), {"scopes": ["steps.read"]}) for person in persons)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 404, 404, 404]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"scopes": ["steps.read", "weight.read"]}, "scope_not_asked"),
        ({"scopes": ["steps.collect"]}, "scope_not_asked"),
        ({"scopes": ["nonsense.read"]}, "unknown_scope"),
        ({"scopes": ["android.permission.health.READ_STEPS"]}, "scope_not_asked"),
        ({"scopes": []}, "invalid"),
        ({"policy": {"id": "no", "version": "1", "locale": "ja"}}, "unknown_policy"),
        ({"label": ""}, "invalid"),
        ({"label": "x" * 101}, "invalid"),
        ({"staff": []}, "unknown_field"),
    ],
)
async def test_a_wrong_acceptance_is_refused_and_does_not_use_up_the_code(
    make: Make, changes: dict[str, Any], code: str
) -> None:
    nurse, person = await make.staff(), await make.person()
    invitation = acceptance(await make.invitation(nurse, ["steps.read"]))
    status, document = refusal(await person.post(invitation, {"scopes": ["steps.read"], **changes}))
    assert (status, document["code"]) == (422, "invalid_request")
    assert [error["code"] for error in document["errors"]] == [code]
    assert (await person.get("/v1/me/cases")).json() == {"cases": []}
    assert (await nurse.get("/v1/cases")).json() == {"cases": []}
    assert (await person.post(invitation, {"scopes": ["steps.read"]})).status_code == 201


@pytest.mark.parametrize("kind", ["employer", "insurer", "family"])
@pytest.mark.parametrize("purpose", ["guidance", "teleconsultation"])
async def test_an_organization_that_never_gets_records_may_not_invite(
    make: Make, kind: str, purpose: str
) -> None:
    staff = await make.staff(await make.organization(kind))
    answer = await staff.post(
        "/v1/cases/invitations", {"purpose": purpose, "scopes": ["steps.read"]}
    )
    assert refusal(answer)[1]["code"] == "forbidden"
    assert answer.status_code == 403


async def test_a_guidance_provider_may_not_invite_to_teleconsultation_and_a_clinic_may(
    make: Make,
) -> None:
    wanted = {"purpose": "teleconsultation", "scopes": ["steps.read"]}
    provider = await make.staff()
    assert (await provider.post("/v1/cases/invitations", wanted)).status_code == 403
    clinic = await make.staff(await make.organization("medical_institution"))
    assert (await clinic.post("/v1/cases/invitations", wanted)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"purpose": "marketing"}, "/purpose"),
        ({"purpose": "joint_use"}, "/purpose"),
        ({"purpose": "program_support"}, "/purpose"),
        ({"purpose": "statistics"}, "/purpose"),
        ({"purpose": "storage"}, "/purpose"),
        ({"purpose": "family_watch"}, "/purpose"),
        ({"purpose": "whatever\0"}, "/purpose"),
        ({"scopes": ["steps.collect"]}, "/scopes"),
        ({"scopes": ["steps.read", "steps.write"]}, "/scopes/1"),
        ({"scopes": []}, "/scopes"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2199-01-01T00:00:00"}, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "/expires_at"),
        ({"person_id": "x"}, "/person_id"),
    ],
)
async def test_a_wrong_invitation_is_refused(
    make: Make, changes: dict[str, Any], pointer: str
) -> None:
    nurse = await make.staff()
    wanted = {"purpose": "guidance", "scopes": ["steps.read"], **changes}
    status, document = refusal(await nurse.post("/v1/cases/invitations", wanted))
    assert (status, document["code"]) == (422, "invalid_request")
    assert [error["pointer"] for error in document["errors"]] == [pointer]


async def test_colleagues_who_work_elsewhere_are_suspended_or_unknown_are_refused(
    make: Make, app: FastAPI
) -> None:
    nurse, elsewhere = await make.staff(), await make.staff()
    suspended = await make.staff(nurse.organization_id)
    await run_sql(app, "UPDATE staff SET state = 'suspended' WHERE staff_id = :id", id=suspended.id)
    wanted: dict[str, object] = {"purpose": "guidance", "scopes": ["steps.read"]}
    refusals = [
        refusal(await nurse.post("/v1/cases/invitations", {**wanted, "staff": [str(colleague)]}))
        for colleague in (elsewhere.id, suspended.id, uuid4())
    ]
    assert refusals[0][0] == 422
    assert refusals[0][1]["errors"] == [{"pointer": "/staff", "code": "unknown_staff"}]
    assert all(each == refusals[0] for each in refusals)


async def test_only_staff_invite_and_only_persons_accept(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    code = await make.invitation(nurse, ["steps.read"])
    wanted = {"purpose": "guidance", "scopes": ["steps.read"]}
    assert (await person.post("/v1/cases/invitations", wanted)).status_code == 403
    assert (await nurse.post(acceptance(code), {"scopes": ["steps.read"]})).status_code == 403


async def test_the_database_knows_neither_the_code_nor_the_label(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await make.person()
    code = await make.invitation(nurse, ["steps.read"])
    rows = await run_sql(app, "SELECT i::text FROM invitations i")
    assert rows
    assert code not in str(rows)
    await person.post(acceptance(code), {"scopes": ["steps.read"], "label": "ohana-chan"})
    rows = await run_sql(app, "SELECT c::text FROM cases c WHERE person_id = :id", id=person.id)
    assert len(rows) == 1
    for spelling in ("ohana-chan", b"ohana-chan".hex()):
        assert spelling not in str(rows)
