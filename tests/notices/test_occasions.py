"""What recipients are told of, in the transaction in which it happens, and in which words."""

from uuid import UUID, uuid4

from tests.erasure.traces import left
from tests.make import Make
from tests.notices.receiving import Desk
from vitalkeep.base import clock
from vitalkeep.notices import delivery
from vitalkeep.notices.outbox import Content

SCOPES = ["steps.read", "weight.read"]


async def withdraw(person: object, consent_id: str) -> None:
    answer = await person.post(f"/v1/me/consents/{consent_id}/withdrawal")  # type: ignore[attr-defined]
    assert answer.status_code == 200, answer.text


async def test_an_organization_is_told_that_a_case_was_closed(desk: Desk, make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    assert nurse.organization_id is not None
    receiver = await desk.receiver(nurse.organization_id)
    case_id = (await make.case(nurse, person, SCOPES))["case"]["id"]
    for _ in range(2):  # again: nothing happens
        answer = await person.post(f"/v1/me/cases/{case_id}/closure", {"reason": "completed"})
        assert answer.status_code == 200
    await desk.deliver()
    (notice,) = receiver.read()
    assert notice == {
        "type": "case.closed",
        "timestamp": notice["timestamp"],
        "data": {"case_id": case_id},
    }
    (row,) = await desk.rows("recipient_id = :id", id=nurse.organization_id)
    assert notice["timestamp"] == clock.rfc3339(row.created_at)
    (request,) = receiver.requests
    assert request.headers["content-type"] == "application/json"


async def test_an_organization_is_told_which_scope_of_which_case_was_withdrawn(
    desk: Desk, make: Make
) -> None:
    nurse, person = await make.staff(), await make.person()
    assert nurse.organization_id is not None
    receiver = await desk.receiver(nurse.organization_id)
    accepted = await make.case(nurse, person, SCOPES)
    weight = next(each for each in accepted["consents"] if each["scope"] == "weight.read")
    for _ in range(2):
        await withdraw(person, weight["id"])
    collected = (await person.get("/v1/me/consents")).json()["consents"]
    await withdraw(person, next(c["id"] for c in collected if c["scope"] == "steps.collect"))
    await desk.deliver()
    told = [(notice["type"], notice["data"]) for notice in receiver.read()]
    case_id = accepted["case"]["id"]
    assert told == [("consent.withdrawn", {"case_id": case_id, "scope": "weight.read"})]


async def test_an_app_is_told_once_what_it_may_collect_no_more_and_not_what_others_may_read(
    desk: Desk, make: Make
) -> None:
    nurse, person = await make.staff(), await make.person()
    assert person.app is not None
    receiver = await desk.receiver(person.app.id, "app")
    read = await make.case(nurse, person, ["steps.read"])
    consents = (await person.get("/v1/me/consents")).json()["consents"]
    steps = next(each["id"] for each in consents if each["scope"] == "steps.collect")
    for consent_id in (steps, steps, read["consents"][0]["id"]):
        await withdraw(person, consent_id)
    await desk.deliver()
    (notice,) = receiver.read()
    assert notice["type"] == "consent.withdrawn"
    assert notice["data"] == {"consent_id": steps, "scope": "steps.collect"}


async def test_another_organization_s_case_and_a_closed_one_are_not_spoken_of(
    desk: Desk, make: Make
) -> None:
    person, first, second = await make.person(), await make.staff(), await make.staff()
    receivers = []
    for nurse in (first, second):
        assert nurse.organization_id is not None
        receivers.append(await desk.receiver(nurse.organization_id))
    ours = await make.case(first, person, ["steps.read"])
    old = (await make.case(first, person, ["steps.read"]))["case"]["id"]
    await make.case(second, person, ["steps.read"])
    await person.post(f"/v1/me/cases/{old}/closure")
    await withdraw(person, ours["consents"][0]["id"])
    await desk.deliver()
    told = [(each["type"], each["data"]["case_id"]) for each in receivers[0].read()]
    assert sorted(told) == [("case.closed", old), ("consent.withdrawn", ours["case"]["id"])]
    assert receivers[1].requests == []


async def test_who_has_named_no_url_gets_no_notice_and_nothing_is_kept_for_them(
    desk: Desk, make: Make
) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, SCOPES))["case"]["id"]
    assert (await person.post(f"/v1/me/cases/{case_id}/closure")).status_code == 200
    assert await desk.rows("recipient_id = :id", id=nurse.organization_id) == []


async def test_a_relative_s_case_is_closed_without_a_notice(desk: Desk, make: Make) -> None:
    person, relative = await make.person(), await make.person()
    case_id = (await make.watching(relative, person, ["sleep.read"]))["case"]["id"]
    assert (await person.post(f"/v1/me/cases/{case_id}/closure")).status_code == 200
    assert await desk.rows(":id = ANY(case_ids)", id=UUID(case_id)) == []


async def test_of_an_erasure_organizations_learn_their_cases_and_apps_its_id(
    desk: Desk, make: Make
) -> None:
    organization = await desk.organization()
    app = await desk.receiver((await make.app()).id, "app")
    erasure_id, cases = uuid4(), [uuid4(), uuid4()]
    content = Content(cases, erasure_id=erasure_id)
    await desk.queue(organization.recipient, "person.erased", content)
    await desk.queue(app.recipient, "person.erased", Content(erasure_id=erasure_id))
    await desk.deliver()
    ((told,), (known,)) = (organization.read(), app.read())
    assert told["data"] == {"case_ids": [str(each) for each in cases]}
    assert known["data"] == {"erasure_id": str(erasure_id)}


async def test_what_waits_about_a_person_goes_with_them_also_while_it_is_being_sent(
    desk: Desk, make: Make
) -> None:
    nurse, person = await make.staff(), await make.person()
    assert nurse.organization_id is not None
    receiver = await desk.receiver(nurse.organization_id)
    case_id = (await make.case(nurse, person, SCOPES))["case"]["id"]
    await person.post(f"/v1/me/cases/{case_id}/closure")
    state = make.fastapi.state
    held = [
        each
        for _ in range(10)
        for each in await delivery.claim(state.engine)
        if each.message.recipient == receiver.recipient
    ]
    assert len(held) == 1
    await left(person)
    assert await desk.rows("person_id = :id", id=person.id) == []
    assert await delivery.attempt(state.engine, state.keyring, held[0], allow_private=False)
    about_case = "type <> 'person.erased' AND :id = ANY(case_ids)"
    assert await desk.rows(about_case, id=UUID(case_id)) == []


async def test_leaving_tells_every_app_and_organization_that_was_given_a_consent(
    desk: Desk, make: Make
) -> None:
    nurse, person = await make.staff(), await make.person()
    assert nurse.organization_id is not None
    assert person.app is not None
    organization = await desk.receiver(nurse.organization_id)
    app = await desk.receiver(person.app.id, "app")
    stranger = await desk.organization()
    case_id = (await make.case(nurse, person, SCOPES))["case"]["id"]
    erased = await left(person)
    recipients = erased["certificate"]["statement"]["recipients"]
    assert {each["outcome"] for each in recipients} == {"queued"}
    assert await desk.rows("person_id = :id", id=person.id) == []
    await desk.deliver()
    ((told,), (known,)) = (organization.read(), app.read())
    assert (told["type"], told["data"]) == ("person.erased", {"case_ids": [case_id]})
    assert (known["type"], known["data"]) == (
        "person.erased",
        {"erasure_id": erased["erasure_id"]},
    )
    assert stranger.requests == []
