"""Who works on a case: coordinators assign and hand over, within one organization, at once."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from tests.care.sql import refusal, run_sql
from tests.make import Caller, Make


async def ward(make: Make) -> tuple[Caller, Caller, Caller, str]:
    """A coordinator, a nurse, a person and the id of the nurse's case."""
    nurse, person = await make.staff(), await make.person()
    boss = await make.staff(nurse.organization_id, role="coordinator")
    case = await make.case(nurse, person, ["steps.read"], label="田中 さくら")
    return boss, nurse, person, str(case["case"]["id"])


async def assign(boss: Caller, case_id: str, **who: object) -> dict[str, Any]:
    answer = await boss.request("PUT", f"/v1/cases/{case_id}/staff", json=who)
    assert answer.status_code == 200, answer.text
    case: dict[str, Any] = answer.json()
    return case


async def sees(staff: Caller, case_id: str) -> bool:
    """Whether the case is in the staff member's list, which has to agree with asking for it."""
    listed = case_id in [case["id"] for case in (await staff.get("/v1/cases")).json()["cases"]]
    assert (await staff.get(f"/v1/cases/{case_id}")).status_code == (200 if listed else 404)
    return listed


async def test_a_coordinator_sees_every_case_of_the_organization_with_who_works_on_it(
    make: Make,
) -> None:
    boss, nurse, _, case_id = await ward(make)
    await ward(make)
    colleague = await make.staff(nurse.organization_id, role="physician")
    other = (await make.case(colleague, await make.person(), ["weight.read"]))["case"]["id"]
    listed = {case["id"]: case for case in (await boss.get("/v1/cases")).json()["cases"]}
    assert listed.keys() == {case_id, other}
    case = listed[case_id]
    assert (case["label"], case["purpose"], case["scopes"]) == (
        "田中 さくら", "guidance", ["steps.read"],
    )  # fmt: skip
    assert case["staff"] == [
        {"id": str(nurse.id), "role": "public_health_nurse", "state": "active"}
    ]
    assert case["teams"] == []
    assert "staff" not in (await nurse.get(f"/v1/cases/{case_id}")).json()


async def test_who_is_assigned_sees_the_case_and_who_is_not_named_no_more(make: Make) -> None:
    boss, nurse, person, case_id = await ward(make)
    doctor = await make.staff(nurse.organization_id, role="physician")
    assert [await sees(nurse, case_id), await sees(doctor, case_id)] == [True, False]
    case = await assign(boss, case_id, staff=[str(doctor.id)])
    assert [each["id"] for each in case["staff"]] == [str(doctor.id)]
    assert [await sees(nurse, case_id), await sees(doctor, case_id)] == [False, True]
    assert await assign(boss, case_id, staff=[str(doctor.id)]) == case
    (seen,) = (await person.get("/v1/me/cases")).json()["cases"]
    assert seen["roles"] == ["physician"]


async def test_a_team_works_on_a_case_as_long_as_it_is_in_the_team(make: Make) -> None:
    boss, nurse, person, case_id = await ward(make)
    admin = await make.staff(nurse.organization_id, role="administrator")
    dietitian = await make.staff(nurse.organization_id, role="registered_dietitian")
    team = await make.team(dietitian, boss, admin)
    case = await assign(boss, case_id, teams=[str(team)])
    assert (case["staff"], [each["id"] for each in case["teams"]]) == ([], [str(team)])
    # Being in the team gives nobody who is not clinical staff a place on the case.
    assert case["roles"] == ["registered_dietitian"]
    assert [await sees(nurse, case_id), await sees(dietitian, case_id)] == [False, True]
    path = f"/v1/organization/teams/{team}"
    answer = await admin.request("PATCH", path, json={"staff": [str(nurse.id)]})
    assert answer.status_code == 200
    assert [await sees(nurse, case_id), await sees(dietitian, case_id)] == [True, False]
    (seen,) = (await person.get("/v1/me/cases")).json()["cases"]
    assert seen["roles"] == ["public_health_nurse"]


async def test_the_person_sees_roles_and_neither_names_nor_ids_nor_addresses(make: Make) -> None:
    boss, nurse, person, case_id = await ward(make)
    await assign(boss, case_id, staff=[str(nurse.id)], teams=[str(await make.team(nurse))])
    answer = await person.get("/v1/me/cases")
    assert answer.json()["cases"][0].keys() == {
        "id", "organization", "purpose", "label", "scopes", "roles", "state", "opened_at",
    }  # fmt: skip
    assert str(nurse.id) not in answer.text
    assert "@" not in answer.text


async def test_a_case_may_be_worked_on_by_nobody_until_it_is_assigned(make: Make) -> None:
    boss, nurse, person, case_id = await ward(make)
    assert (await assign(boss, case_id))["staff"] == []
    assert not await sees(nurse, case_id)
    (seen,) = (await person.get("/v1/me/cases")).json()["cases"]
    assert (seen["roles"], seen["state"]) == ([], "open")


async def test_a_handover_puts_one_in_the_place_of_another(make: Make) -> None:
    boss, nurse, _, case_id = await ward(make)
    doctor = await make.staff(nurse.organization_id, role="physician")
    place = {"from": str(nurse.id), "to": str(doctor.id)}
    path = f"/v1/cases/{case_id}/handover"
    first = await boss.post(path, place)
    assert first.status_code == 200
    assert [await sees(nurse, case_id), await sees(doctor, case_id)] == [False, True]
    assert (await boss.post(path, place)).json() == first.json()
    third = await make.staff(nurse.organization_id)
    nobody = await boss.post(path, {"from": str(nurse.id), "to": str(third.id)})
    assert refusal(nobody)[1]["code"] == "conflict"
    same = await boss.post(path, {"from": str(doctor.id), "to": str(doctor.id)})
    assert refusal(same)[1]["code"] == "conflict"


async def test_a_handover_to_one_who_is_on_the_case_leaves_them_there_alone(make: Make) -> None:
    boss, nurse, _, case_id = await ward(make)
    doctor = await make.staff(nurse.organization_id, role="physician")
    await assign(boss, case_id, staff=[str(nurse.id), str(doctor.id)])
    place = {"from": str(nurse.id), "to": str(doctor.id)}
    case = (await boss.post(f"/v1/cases/{case_id}/handover", place)).json()
    assert [each["id"] for each in case["staff"]] == [str(doctor.id)]


async def test_the_cases_of_a_suspended_nurse_can_be_handed_over(make: Make, app: FastAPI) -> None:
    boss, nurse, person, case_id = await ward(make)
    await run_sql(app, "UPDATE staff SET state = 'suspended' WHERE staff_id = :id", id=nurse.id)
    (seen,) = (await person.get("/v1/me/cases")).json()["cases"]
    assert seen["roles"] == []
    (left,) = (await boss.get(f"/v1/cases/{case_id}")).json()["staff"]
    assert left["state"] == "suspended"
    doctor = await make.staff(nurse.organization_id, role="physician")
    place = {"from": left["id"], "to": str(doctor.id)}
    assert (await boss.post(f"/v1/cases/{case_id}/handover", place)).status_code == 200
    assert await sees(doctor, case_id)


@pytest.mark.parametrize(
    "who", ["elsewhere", "suspended", "unknown", "coordinator", "administrator"]
)
async def test_a_case_goes_to_active_clinical_colleagues_only(
    make: Make, app: FastAPI, who: str
) -> None:
    boss, nurse, _, case_id = await ward(make)
    colleague = uuid4()
    if who != "unknown":
        role = who if who in ("coordinator", "administrator") else "nurse"
        place = None if who == "elsewhere" else nurse.organization_id
        colleague = (await make.staff(place, role=role)).id
    if who == "suspended":
        await run_sql(
            app, "UPDATE staff SET state = 'suspended' WHERE staff_id = :id", id=colleague
        )
    put = await boss.request(
        "PUT", f"/v1/cases/{case_id}/staff", json={"staff": [str(nurse.id), str(colleague)]}
    )
    handover = await boss.post(
        f"/v1/cases/{case_id}/handover", {"from": str(nurse.id), "to": str(colleague)}
    )
    for answer, pointer in ((put, "/staff"), (handover, "/to")):
        status, document = refusal(answer)
        assert status == 422
        assert document["errors"] == [{"pointer": pointer, "code": "unknown_staff"}]
    assert await sees(nurse, case_id)


async def test_a_team_of_another_organization_is_refused(make: Make) -> None:
    boss, _, _, case_id = await ward(make)
    theirs = await make.team(await make.staff())
    for team in (theirs, uuid4()):
        answer = await boss.request(
            "PUT", f"/v1/cases/{case_id}/staff", json={"teams": [str(team)]}
        )
        assert refusal(answer)[1]["errors"] == [{"pointer": "/teams", "code": "unknown_team"}]


async def test_only_a_coordinator_of_the_same_organization_assigns(make: Make) -> None:
    boss, nurse, person, case_id = await ward(make)
    doctor = await make.staff(nurse.organization_id, role="physician")
    admin = await make.staff(nurse.organization_id, role="administrator")
    stranger = await make.staff(role="coordinator")
    who = {"staff": [str(doctor.id)]}
    place = {"from": str(nurse.id), "to": str(doctor.id)}

    async def attempts(caller: Caller, case: str) -> list[tuple[int, dict[str, Any]]]:
        put = await caller.request("PUT", f"/v1/cases/{case}/staff", json=who)
        handover = await caller.post(f"/v1/cases/{case}/handover", place)
        return [refusal(put), refusal(handover)]

    for caller in (nurse, doctor, admin, person):
        assert [status for status, _ in await attempts(caller, case_id)] == [403, 403]
    assert await attempts(stranger, case_id) == await attempts(boss, str(uuid4()))
    assert (await attempts(stranger, case_id))[0][0] == 404
    await person.post(f"/v1/me/cases/{case_id}/closure")
    assert await attempts(boss, case_id) == await attempts(boss, str(uuid4()))


async def test_an_administrator_sees_no_case(make: Make) -> None:
    _, nurse, _, case_id = await ward(make)
    admin = await make.staff(nurse.organization_id, role="administrator")
    for path in ("/v1/cases", f"/v1/cases/{case_id}"):
        assert refusal(await admin.get(path))[1]["code"] == "forbidden"
