"""Cases: each side sees its own, and nobody else's."""

from uuid import uuid4

from fastapi import FastAPI

from tests.care.sql import refusal, run_sql
from tests.make import Caller, Make


async def case_ids(caller: Caller) -> list[str]:
    """Ids of the cases that the caller sees, newest first."""
    own = "/v1/cases" if caller.organization_id else "/v1/me/cases"
    return [case["id"] for case in (await caller.get(own)).json()["cases"]]


async def test_the_nurse_sees_the_case_as_the_person_opened_it(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    case = (await make.case(nurse, person, ["steps.read"], label="田中 さくら"))["case"]
    assert case["label"] == "田中 さくら"
    assert case["organization"]["id"] == str(nurse.organization_id)
    assert (await nurse.get("/v1/cases")).json() == {"cases": [case]}
    assert (await nurse.get(f"/v1/cases/{case['id']}")).json() == case
    assert (await person.get("/v1/me/cases")).json() == {"cases": [case]}


async def test_no_answer_to_staff_holds_the_persons_id(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    await person.push(make.record())
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    for path in ("/v1/cases", f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/records"):
        answer = await nurse.get(path)
        assert answer.status_code == 200
        assert str(person.id) not in answer.text


async def test_everybody_sees_their_own_cases_newest_first(make: Make) -> None:
    nurse, person, other_person = await make.staff(), await make.person(), await make.person()
    colleague, stranger = await make.staff(nurse.organization_id), await make.staff()
    mine = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    hers = (await make.case(nurse, other_person, ["steps.read"]))["case"]["id"]
    elsewhere = (await make.case(stranger, person, ["weight.read"]))["case"]["id"]
    assert await case_ids(nurse) == [hers, mine]
    assert await case_ids(stranger) == [elsewhere]
    assert await case_ids(colleague) == []
    assert await case_ids(person) == [elsewhere, mine]
    assert await case_ids(other_person) == [hers]


async def pages_of_cases(caller: Caller, limit: int) -> tuple[list[list[str]], str]:
    """Ids by page, and the first cursor."""
    pages, cursors = [], [""]
    while True:
        after = {"cursor": cursors[-1]} if cursors[-1] else {}
        page = (await caller.get("/v1/cases", limit=limit, **after)).json()
        pages.append([case["id"] for case in page["cases"]])
        if "next_cursor" not in page:
            return pages, cursors[1]
        cursors.append(page["next_cursor"])


async def test_pages_of_cases_hold_what_each_sees_and_nothing_else(make: Make) -> None:
    nurse = await make.staff()
    colleague = await make.staff(nurse.organization_id)
    coordinator = await make.staff(nurse.organization_id, role="coordinator")
    accepted = [
        (await make.case(staff, person := await make.person(), ["steps.read"]), person)
        for staff in (nurse, colleague, nurse, nurse, colleague, nurse)
    ]
    gone, person = accepted.pop(2)
    await person.post(f"/v1/me/consents/{gone['consents'][0]['id']}/withdrawal", {})
    newest_first = [each["case"]["id"] for each, _ in reversed(accepted)]
    first, second, third, fourth, fifth = newest_first
    assert (await pages_of_cases(nurse, 2))[0] == [[first, third], [fifth]]
    assert (await pages_of_cases(colleague, 1))[0] == [[second], [fourth]]
    pages, cursor = await pages_of_cases(coordinator, 2)
    assert pages == [[first, second], [third, fourth], [fifth]]
    status, body = refusal(await nurse.get("/v1/cases", cursor=cursor))
    assert (status, body["code"]) == (400, "invalid_cursor")


async def test_a_colleague_named_in_the_invitation_works_on_the_case(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    colleague = await make.staff(nurse.organization_id, role="physician")
    code = await make.invitation(nurse, ["steps.read"], staff=[str(colleague.id)])
    answer = await person.post(f"/v1/me/invitations/{code}/acceptance", {"scopes": ["steps.read"]})
    case_id = answer.json()["case"]["id"]
    for staff in (nurse, colleague):
        assert await case_ids(staff) == [case_id]
        assert (await staff.get(f"/v1/cases/{case_id}/records")).status_code == 200


async def test_a_case_shows_what_is_consented_to_now(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    accepted = await make.case(nurse, person, ["steps.read", "sleep.read"])
    gone = next(each["id"] for each in accepted["consents"] if each["scope"] == "sleep.read")
    await person.post(f"/v1/me/consents/{gone}/withdrawal", {})
    for caller in (nurse, person):
        path = "/v1/cases" if caller is nurse else "/v1/me/cases"
        (case,) = (await caller.get(path)).json()["cases"]
        assert case["scopes"] == ["steps.read"]


async def test_a_case_that_is_not_the_nurses_answers_404_with_one_body(
    make: Make, app: FastAPI
) -> None:
    nurse, person = await make.staff(), await make.person()
    colleague, stranger = await make.staff(nurse.organization_id), await make.staff()
    accepted = await make.case(nurse, person, ["steps.read"])
    path = f"/v1/cases/{accepted['case']['id']}"
    refusals = [refusal(await nurse.get(f"/v1/cases/{uuid4()}"))]
    refusals += [refusal(await staff.get(path)) for staff in (colleague, stranger)]
    await person.post(f"/v1/me/consents/{accepted['consents'][0]['id']}/withdrawal", {})
    refusals.append(refusal(await nurse.get(path)))
    assert await case_ids(nurse) == []
    closed = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    await run_sql(app, "UPDATE cases SET state = 'closed' WHERE case_id = :id", id=closed)
    refusals.append(refusal(await nurse.get(f"/v1/cases/{closed}")))
    assert refusals[0][0] == 404
    assert all(each == refusals[0] for each in refusals)


async def test_a_closed_case_stays_in_the_persons_list(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    await run_sql(app, "UPDATE cases SET state = 'closed' WHERE case_id = :id", id=case_id)
    assert await case_ids(nurse) == []
    (case,) = (await person.get("/v1/me/cases")).json()["cases"]
    assert (case["id"], case["state"]) == (case_id, "closed")


async def test_staff_are_no_persons_and_a_person_is_not_staff_of_their_own_case(
    make: Make,
) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    for path in ("/v1/me", "/v1/me/cases", "/v1/me/records", "/v1/me/access-log"):
        assert refusal(await nurse.get(path))[1]["code"] == "forbidden"
    assert (await person.get("/v1/cases")).json() == {"cases": []}
    unknown = refusal(await person.get(f"/v1/cases/{uuid4()}"))
    assert (unknown[0], unknown[1]["code"]) == (404, "not_found")
    for path in (f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/records"):
        assert refusal(await person.get(path)) == unknown
    for path in ("/v1/cases", f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/records"):
        assert (await make.client.get(path)).status_code == 401


async def test_a_suspended_nurse_is_not_signed_in_any_more(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    paths = ("/v1/cases", f"/v1/cases/{case_id}", f"/v1/cases/{case_id}/records")
    assert [(await nurse.get(path)).status_code for path in paths] == [200, 200, 200]
    await run_sql(app, "UPDATE staff SET state = 'suspended' WHERE staff_id = :id", id=nurse.id)
    assert [(await nurse.get(path)).status_code for path in paths] == [401, 401, 401]


async def test_a_nurse_of_a_large_organization_still_gets_her_list(
    make: Make, app: FastAPI
) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    which = {"id": nurse.organization_id}
    await run_sql(
        app,
        "INSERT INTO case_handles (case_id, person_id, organization_id) "
        "SELECT gen_random_uuid(), gen_random_uuid(), :id FROM generate_series(1, 33000)",
        **which,
    )
    try:
        assert await case_ids(nurse) == [case_id]
    finally:
        await run_sql(app, "DELETE FROM case_handles WHERE organization_id = :id", **which)
