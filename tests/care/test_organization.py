"""An organization in the hands of its administrators: its name, its staff, its teams."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.care.sql import refusal
from tests.make import App, Caller, Make
from vitalkeep.persons.refresh import start_family
from vitalkeep.persons.tokens import AccessClaims

STAFF = "/v1/organization/staff"
TEAMS = "/v1/organization/teams"


async def office(make: Make) -> tuple[Caller, Caller, Caller]:
    """An administrator, a coordinator and a nurse of one organization."""
    admin = await make.staff(role="administrator")
    boss = await make.staff(admin.organization_id, role="coordinator")
    return admin, boss, await make.staff(admin.organization_id)


async def changed(admin: Caller, staff_id: object, **change: str) -> dict[str, Any]:
    answer = await admin.request("PATCH", f"{STAFF}/{staff_id}", json=change)
    assert answer.status_code == 200, answer.text
    staff: dict[str, Any] = answer.json()
    return staff


async def refresh_token(make: Make, app: App, staff: Caller) -> str:
    """A refresh token of the staff member, as a sign-in with Google gives."""
    claims = AccessClaims(staff.id, app.id, "staff", 0)
    async with make.fastapi.state.engine.begin() as connection:
        return await start_family(connection, claims, public=False, days=90)


async def refresh(make: Make, app: App, token: str) -> int:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return (await make.client.post("/oauth/token", auth=app.auth, data=form)).status_code


async def test_an_administrator_renames_the_organization_and_persons_see_it(make: Make) -> None:
    admin, boss, nurse = await office(make)
    person = await make.person()
    await make.case(nurse, person, ["steps.read"])
    before = (await boss.get("/v1/organization")).json()
    assert before.keys() == {"id", "name", "kind", "created_at"}
    answer = await admin.request("PATCH", "/v1/organization", json={"name": "さくら健康センター"})
    assert answer.json() == {**before, "name": "さくら健康センター"}
    assert (await admin.get("/v1/organization")).json() == answer.json()
    (case,) = (await person.get("/v1/me/cases")).json()["cases"]
    assert case["organization"]["name"] == "さくら健康センター"


async def test_what_an_organization_is_stays_with_the_operator(make: Make) -> None:
    admin, _, _ = await office(make)
    answer = await admin.request(
        "PATCH", "/v1/organization", json={"name": "N", "kind": "medical_institution"}
    )
    assert refusal(answer)[1]["errors"] == [{"pointer": "/kind", "code": "unknown_field"}]


async def test_somebody_who_is_added_can_be_signed_in_and_is_listed_with_their_address(
    make: Make,
) -> None:
    admin, boss, nurse = await office(make)
    email = f"Hana.{uuid4()}@staff.example"
    answer = await admin.post(STAFF, {"email": email, "role": "physician"})
    assert answer.status_code == 201
    added = answer.json()
    assert (added["email"], added["role"], added["state"]) == (email.lower(), "physician", "active")
    again = await admin.post(STAFF, {"email": email.upper(), "role": "nurse"})
    assert refusal(again)[1]["code"] == "conflict"
    for caller in (admin, boss):
        listed = (await caller.get(STAFF)).json()["staff"]
        assert [each["id"] for each in listed] == [
            str(admin.id), str(boss.id), str(nurse.id), added["id"],
        ]  # fmt: skip
        assert listed[-1] == added


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "no address", "role": "nurse"}, "/email"),
        ({"email": "a@b.example\n", "role": "nurse"}, "/email"),
        ({"email": "a@b.example", "role": "cook"}, "/role"),
        ({"email": "a@b.example"}, "/role"),
    ],
)
async def test_who_cannot_be_is_not_added(
    make: Make, body: dict[str, object], pointer: str
) -> None:
    admin, _, _ = await office(make)
    status, document = refusal(await admin.post(STAFF, body))
    assert (status, [error["pointer"] for error in document["errors"]]) == (422, [pointer])


async def test_who_is_suspended_loses_their_session_their_refresh_token_and_their_cases(
    make: Make,
) -> None:
    admin, _, nurse = await office(make)
    app = await make.app()
    token, person = await refresh_token(make, app, nurse), await make.person()
    await make.case(nurse, person, ["steps.read"])
    assert (await nurse.get("/v1/cases")).status_code == 200
    suspended = await changed(admin, nurse.id, state="suspended")
    assert suspended["state"] == "suspended"
    assert (await nurse.get("/v1/cases")).status_code == 401
    assert await refresh(make, app, token) == 401
    assert await changed(admin, nurse.id, state="suspended") == suspended
    (case,) = (await person.get("/v1/me/cases")).json()["cases"]
    assert case["roles"] == []
    # Who comes back signs in anew: what was handed out before stays dead.
    assert (await changed(admin, nurse.id, state="active"))["state"] == "active"
    assert (await nurse.get("/v1/cases")).status_code == 401
    assert await refresh(make, app, token) == 401


async def test_another_role_counts_from_the_next_request_on(make: Make) -> None:
    admin, _, nurse = await office(make)
    await make.case(nurse, await make.person(), ["steps.read"])
    assert len((await nurse.get("/v1/cases")).json()["cases"]) == 1
    assert (await changed(admin, nurse.id, role="administrator"))["role"] == "administrator"
    assert (await nurse.get("/v1/cases")).status_code == 403
    assert (await nurse.get(STAFF)).status_code == 200


@pytest.mark.parametrize("change", [{"state": "suspended"}, {"role": "nurse"}])
async def test_the_last_active_administrator_stays(make: Make, change: dict[str, str]) -> None:
    admin, boss, _ = await office(make)
    mine = f"{STAFF}/{admin.id}"
    status, document = refusal(await admin.request("PATCH", mine, json=change))
    assert (status, document["code"]) == (409, "conflict")
    assert (await admin.get(STAFF)).json()["staff"][0]["role"] == "administrator"
    await changed(admin, boss.id, role="administrator")
    assert (await admin.request("PATCH", mine, json=change)).status_code == 200
    back = {"state": "active", "role": "administrator"}
    assert (await changed(boss, admin.id, **back))["state"] == "active"


async def test_of_two_administrators_who_suspend_each_other_at_once_one_stays(make: Make) -> None:
    for _ in range(5):
        first = await make.staff(role="administrator")
        second = await make.staff(first.organization_id, role="administrator")
        answers = await asyncio.gather(
            first.request("PATCH", f"{STAFF}/{second.id}", json={"state": "suspended"}),
            second.request("PATCH", f"{STAFF}/{first.id}", json={"state": "suspended"}),
        )
        assert 200 in {answer.status_code for answer in answers}
        assert {answer.status_code for answer in answers} <= {200, 401, 409}
        alive = [(await each.get(STAFF)).status_code for each in (first, second)]
        assert sorted(alive) == [200, 401]


async def test_another_organizations_staff_and_teams_are_unknown(make: Make) -> None:
    admin, _, nurse = await office(make)
    stranger = await make.staff(role="administrator")
    team = await make.team(nurse)
    for theirs, path in ((nurse.id, STAFF), (team, TEAMS)):
        for method in ("PATCH", "DELETE") if path == TEAMS else ("PATCH",):
            asked = [
                await stranger.request(
                    method, f"{path}/{each}", json={"name": "x"} if path == TEAMS else {}
                )
                for each in (theirs, uuid4())
            ]
            assert refusal(asked[0]) == refusal(asked[1])
            assert asked[0].status_code == 404
    assert [each["id"] for each in (await admin.get(TEAMS)).json()["teams"]] == [str(team)]
    assert (await stranger.get(TEAMS)).json() == {"teams": []}


CHANGES = [
    ("PATCH", "/v1/organization", {"name": "N"}),
    ("POST", STAFF, {"email": "x@staff.example", "role": "nurse"}),
    ("PATCH", f"{STAFF}/{{staff}}", {"role": "nurse"}),
    ("POST", TEAMS, {"name": "N"}),
    ("PATCH", f"{TEAMS}/{{team}}", {"name": "N"}),
    ("DELETE", f"{TEAMS}/{{team}}", None),
]
LOOKS = ["/v1/organization", STAFF, TEAMS]


async def test_administrators_change_coordinators_look_and_clinical_staff_do_neither(
    make: Make,
) -> None:
    _, boss, nurse = await office(make)
    person = await make.person()
    team = await make.team(nurse)
    for method, path, body in CHANGES:
        for caller in (boss, nurse, person):
            place = path.format(staff=nurse.id, team=team)
            answer = await caller.request(method, place, json=body)
            assert refusal(answer)[1]["code"] == "forbidden", (path, caller)
    for path in LOOKS:
        assert (await boss.get(path)).status_code == 200
        for caller in (nurse, person):
            assert refusal(await caller.get(path))[1]["code"] == "forbidden"


async def test_a_team_is_added_renamed_filled_and_dissolved(make: Make) -> None:
    admin, _, nurse = await office(make)
    answer = await admin.post(TEAMS, {"name": "東チーム", "staff": [str(nurse.id)]})
    assert answer.status_code == 201
    team = answer.json()
    assert (team["name"], team["staff"]) == ("東チーム", [str(nurse.id)])
    assert (await admin.get(TEAMS)).json() == {"teams": [team]}
    taken = refusal(await admin.post(TEAMS, {"name": "東チーム"}))
    assert (taken[0], taken[1]["code"]) == (409, "conflict")
    path = f"{TEAMS}/{team['id']}"
    renamed = await admin.request("PATCH", path, json={"name": "西チーム"})
    assert renamed.json() == {**team, "name": "西チーム"}
    assert (await admin.request("PATCH", path, json={"staff": []})).json()["staff"] == []
    assert (await admin.request("DELETE", path)).status_code == 204
    assert (await admin.request("DELETE", path)).status_code == 404
    assert (await admin.get(TEAMS)).json() == {"teams": []}


async def test_nobody_of_another_organization_comes_into_a_team(make: Make) -> None:
    admin, _, _ = await office(make)
    stranger = await make.staff()
    answer = await admin.post(TEAMS, {"name": "T", "staff": [str(stranger.id)]})
    assert refusal(answer)[1]["errors"] == [{"pointer": "/staff", "code": "unknown_staff"}]
    assert (await admin.get(TEAMS)).json() == {"teams": []}


async def test_a_team_with_an_open_case_is_not_dissolved(make: Make) -> None:
    admin, boss, nurse = await office(make)
    case = await make.case(nurse, await make.person(), ["steps.read"])
    case_id, team = case["case"]["id"], await make.team(nurse)
    path = f"/v1/cases/{case_id}/staff"
    put = await boss.request("PUT", path, json={"teams": [str(team)]})
    assert put.status_code == 200
    answer = await admin.request("DELETE", f"{TEAMS}/{team}")
    assert refusal(answer)[1]["code"] == "conflict"
    assert (await nurse.get(f"/v1/cases/{case_id}")).status_code == 200
    assert (await boss.post(f"/v1/cases/{case_id}/closure")).status_code == 200
    assert (await admin.request("DELETE", f"{TEAMS}/{team}")).status_code == 204


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b", "a\nb", "a\n"])
async def test_a_name_is_one_line_of_text(make: Make, name: str) -> None:
    admin, _, _ = await office(make)
    for method, path in (("PATCH", "/v1/organization"), ("POST", TEAMS)):
        answer = await admin.request(method, path, json={"name": name})
        assert refusal(answer)[1]["errors"][0]["pointer"] == "/name"


async def test_changing_nothing_answers_what_there_is(make: Make) -> None:
    admin, _, nurse = await office(make)
    staff = await changed(admin, nurse.id)
    assert (UUID(staff["id"]), staff["role"]) == (nurse.id, "public_health_nurse")
    assert (await nurse.get("/v1/cases")).status_code == 200
