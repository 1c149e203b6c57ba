"""Invitations while they wait: previewed, listed without codes, taken back, for named texts."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.care.sql import refusal
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.demo.policies import sample_ref

WAITING = "/v1/cases/invitations"


async def invite(caller: Caller, **more: object) -> dict[str, str]:
    wanted = {"purpose": "guidance", "scopes": ["steps.read"], **more}
    answer = await caller.post(WAITING, wanted)
    assert answer.status_code == 201, answer.text
    invited: dict[str, str] = answer.json()
    return invited


async def listed(caller: Caller) -> list[str]:
    """Ids of the invitations that the caller sees."""
    answer = await caller.get(WAITING)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["invitations"]]


async def test_a_person_sees_who_asks_for_what_before_they_agree(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    policy = sample_ref("ja").model_dump()
    invited = await invite(nurse, scopes=["steps.read", "sleep.read"], policy=policy)
    path = f"/v1/me/invitations/{invited['code']}"
    seen = (await person.get(path)).json()
    organization = seen.pop("organization")
    assert organization.keys() == {"id", "name", "kind"}
    assert organization["id"] == str(nurse.organization_id)
    assert organization["kind"] == "guidance_provider"
    assert seen == {
        "kind": "organization",
        "purpose": "guidance",
        "scopes": ["steps.read", "sleep.read"],
        "policy": policy,
        "expires_at": invited["expires_at"],
    }
    assert (await person.get(path)).json()["purpose"] == "guidance"
    assert str(nurse.id) not in (await person.get(path)).text


async def test_a_code_that_cannot_be_accepted_cannot_be_previewed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    nurse, person = await make.staff(), await make.person()
    soon = clock.now() + timedelta(minutes=5)
    old = (await invite(nurse, expires_at=soon.isoformat()))["code"]
    used = await make.invitation(nurse, ["steps.read"])
    answer = await person.post(f"/v1/me/invitations/{used}/acceptance", {"scopes": ["steps.read"]})
    assert answer.status_code == 201
    assert (await person.get(f"/v1/me/invitations/{old}")).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: soon)
    codes = ("unknown", used, old)
    refusals = [refusal(await person.get(f"/v1/me/invitations/{code}")) for code in codes]
    assert refusals[0][0] == 404
    assert all(each == refusals[0] for each in refusals)
    assert (await nurse.get(f"/v1/me/invitations/{old}")).status_code == 403
    assert (await make.client.get(f"/v1/me/invitations/{old}")).status_code == 401


async def test_what_waits_is_listed_newest_first_without_codes_until_it_runs_out(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    nurse = await make.staff()
    colleague, team = await make.staff(nurse.organization_id), await make.team(nurse)
    soon = clock.now() + timedelta(minutes=5)
    first = await invite(nurse, expires_at=soon.isoformat())
    who = {"staff": [str(colleague.id)], "teams": [str(team)]}
    second = await invite(nurse, **who)
    answer = await nurse.get(WAITING)
    newest, oldest = answer.json()["invitations"]
    assert (newest["id"], oldest["id"]) == (second["id"], first["id"])
    assert newest["staff"] == sorted([str(nurse.id), str(colleague.id)])
    assert newest["teams"] == [str(team)]
    assert "policy" not in newest
    assert first["code"] not in answer.text
    monkeypatch.setattr(clock, "now", lambda: soon)
    assert await listed(nurse) == [second["id"]]


async def test_an_invitation_that_was_taken_back_opens_nothing(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    invited = await invite(nurse)
    path = f"{WAITING}/{invited['id']}"
    assert (await nurse.request("DELETE", path)).status_code == 204
    assert refusal(await nurse.request("DELETE", path))[0] == 404
    assert await listed(nurse) == []
    code = f"/v1/me/invitations/{invited['code']}"
    assert (await person.get(code)).status_code == 404
    agreed = {"scopes": ["steps.read"]}
    assert (await person.post(f"{code}/acceptance", agreed)).status_code == 404


async def test_the_inviter_and_the_coordinators_of_the_organization_see_it_and_nobody_else(
    make: Make,
) -> None:
    nurse = await make.staff()
    colleague = await make.staff(nurse.organization_id)
    boss = await make.staff(nurse.organization_id, role="coordinator")
    stranger = await make.staff(role="coordinator")
    invited = await invite(nurse)
    path = f"{WAITING}/{invited['id']}"
    unknown = refusal(await nurse.request("DELETE", f"{WAITING}/{uuid4()}"))
    for caller in (colleague, stranger):
        assert await listed(caller) == []
        assert refusal(await caller.request("DELETE", path)) == unknown
    assert await listed(nurse) == await listed(boss) == [invited["id"]]
    assert (await boss.request("DELETE", path)).status_code == 204


async def test_a_coordinator_invites_for_colleagues_and_an_administrator_does_not(
    make: Make,
) -> None:
    nurse, person = await make.staff(), await make.person()
    boss = await make.staff(nurse.organization_id, role="coordinator")
    code = (await invite(boss, staff=[str(nurse.id)]))["code"]
    agreed = {"scopes": ["steps.read"]}
    answer = await person.post(f"/v1/me/invitations/{code}/acceptance", agreed)
    assert answer.json()["case"]["roles"] == ["public_health_nurse"]
    assert len((await nurse.get("/v1/cases")).json()["cases"]) == 1
    for colleague in (boss, await make.staff()):
        wanted = {"purpose": "guidance", "scopes": ["steps.read"], "staff": [str(colleague.id)]}
        status, document = refusal(await nurse.post(WAITING, wanted))
        assert status == 422
        assert document["errors"] == [{"pointer": "/staff", "code": "unknown_staff"}]
    admin = await make.staff(nurse.organization_id, role="administrator")
    for answer in (
        await admin.post(WAITING, {"purpose": "guidance", "scopes": ["steps.read"]}),
        await admin.get(WAITING),
        await admin.request("DELETE", f"{WAITING}/{uuid4()}"),
    ):
        assert refusal(answer)[1]["code"] == "forbidden"


async def test_a_team_named_in_the_invitation_works_on_the_case(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    boss = await make.staff(nurse.organization_id, role="coordinator")
    dissolved, team = await make.team(nurse), await make.team(nurse)
    code = (await invite(boss, teams=[str(team), str(dissolved)]))["code"]
    admin = await make.staff(nurse.organization_id, role="administrator")
    gone = await admin.request("DELETE", f"/v1/organization/teams/{dissolved}")
    assert gone.status_code == 204
    agreed = {"scopes": ["steps.read"]}
    case = (await person.post(f"/v1/me/invitations/{code}/acceptance", agreed)).json()["case"]
    assert (await nurse.get(f"/v1/cases/{case['id']}")).json() == case
    (seen,) = (await boss.get("/v1/cases")).json()["cases"]
    assert [each["id"] for each in seen["teams"]] == [str(team)]
    elsewhere = await make.team(await make.staff())
    wanted = {"purpose": "guidance", "scopes": ["steps.read"], "teams": [str(elsewhere)]}
    answer = await nurse.post(WAITING, wanted)
    assert refusal(answer)[1]["errors"] == [{"pointer": "/teams", "code": "unknown_team"}]


async def test_a_text_that_the_invitation_names_has_to_be_the_one_agreed_to(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    japanese, english = sample_ref("ja").model_dump(), sample_ref("en").model_dump()
    code = (await invite(nurse, policy=japanese))["code"]
    path, agreed = f"/v1/me/invitations/{code}/acceptance", {"scopes": ["steps.read"]}
    for other in ({}, {"policy": {**japanese, "version": "1999-01-01"}}):
        status, document = refusal(await person.post(path, {**agreed, **other}))
        assert status == 422
        assert document["errors"] == [{"pointer": "/policy", "code": "policy_not_asked"}]
    answer = await person.post(path, {**agreed, "policy": english})
    assert answer.json()["consents"][0]["policy"] == english
    wanted = {"purpose": "guidance", "scopes": ["steps.read"]}
    unknown = {"id": "no", "version": "1", "locale": "ja"}
    refused = refusal(await nurse.post(WAITING, {**wanted, "policy": unknown}))[1]
    assert refused["errors"] == [{"pointer": "/policy", "code": "unknown_policy"}]


async def test_what_is_agreed_to_can_end_by_itself_and_not_before_it_begins(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    code = await make.invitation(nurse, ["steps.read"])
    path = f"/v1/me/invitations/{code}/acceptance"
    past = {"scopes": ["steps.read"], "valid_until": "2020-01-01T00:00:00Z"}
    refused = refusal(await person.post(path, past))[1]
    assert refused["errors"] == [{"pointer": "/valid_until", "code": "past"}]
    answer = await person.post(path, {**past, "valid_until": "2199-01-01T00:00:00Z"})
    assert answer.json()["consents"][0]["valid_until"] == "2199-01-01T00:00:00Z"


@pytest.mark.parametrize("kind", ["employer", "insurer"])
@pytest.mark.parametrize("purpose", ["guidance", "program_support", "nonsense"])
async def test_an_employer_or_insurer_is_told_why_it_may_not_invite(
    make: Make, kind: str, purpose: str
) -> None:
    staff = await make.staff(await make.organization(kind))
    answer = await staff.post(WAITING, {"purpose": purpose, "scopes": ["steps.read"]})
    status, document = refusal(answer)
    assert (status, document["code"]) == (403, "forbidden")
    assert "never get anybody's records" in document["detail"]
