"""A pause stops collecting and nothing else, until it is resumed."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.consents.asking import everything
from tests.make import Caller, Make
from vitalkeep.base import clock


async def collecting(make: Make, *scopes: str, **more: Any) -> tuple[Caller, str]:
    person = await make.person(collects=False)
    (given, *_) = await make.consents(person, scopes or ["steps.collect"], **more)
    return person, str(given["id"])


async def moved(person: Caller, consent_id: str, way: str) -> dict[str, Any]:
    answer = await person.post(f"/v1/me/consents/{consent_id}/{way}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def happened(person: Caller) -> list[str]:
    return [each["event"] for each in await everything(person, "events")]


async def test_what_is_paused_takes_no_push_and_says_so(make: Make) -> None:
    person, consent_id = await collecting(make, "steps.collect", "sleep.collect")
    before = clock.now()
    paused = await moved(person, consent_id, "pause")
    assert paused["state"] == "paused"
    assert before <= datetime.fromisoformat(paused["changed_at"]) <= clock.now()
    (refused, taken) = (await person.push(make.record("steps"), make.record("sleep")))["results"]
    assert (refused["code"], taken["status"]) == ("consent_missing", "created")
    assert "paused" in refused["detail"]
    resumed = await moved(person, consent_id, "resume")
    assert (resumed["id"], resumed["state"]) == (consent_id, "active")
    assert await person.statuses(make.record("steps")) == ["created"]
    assert await happened(person) == ["given", "given", "paused", "resumed"]


async def test_others_go_on_reading_what_is_stored(make: Make) -> None:
    person, consent_id = await collecting(make)
    nurse = await make.staff()
    case = await make.case(nurse, person, ["steps.read"])
    await person.push(make.record("steps"))
    await moved(person, consent_id, "pause")
    page = await nurse.get(f"/v1/cases/{case['case']['id']}/records")
    assert len(page.json()["records"]) == 1
    assert len((await person.get("/v1/me/records")).json()["records"]) == 1


async def test_pausing_and_resuming_again_changes_nothing(make: Make) -> None:
    person, consent_id = await collecting(make)
    assert (await moved(person, consent_id, "resume"))["state"] == "active"
    first = await moved(person, consent_id, "pause")
    assert await moved(person, consent_id, "pause") == first
    ways = ["resume"] * 4
    answers = await asyncio.gather(*(moved(person, consent_id, way) for way in ways))
    assert all(answer == answers[0] for answer in answers)
    assert await happened(person) == ["given", "paused", "resumed"]


async def test_a_paused_consent_is_not_listed_among_the_active(make: Make) -> None:
    person, consent_id = await collecting(make)
    await moved(person, consent_id, "pause")
    assert (await person.get("/v1/me/consents")).json() == {"consents": []}
    assert [each["id"] for each in await everything(person)] == [consent_id]


async def test_giving_again_does_not_resume(make: Make) -> None:
    person, consent_id = await collecting(make)
    paused = await moved(person, consent_id, "pause")
    assert await make.consents(person, ["steps.collect"]) == [paused]
    until = (clock.now() + timedelta(days=9)).isoformat()
    (other,) = await make.consents(person, ["steps.collect"], valid_until=until)
    assert (other["id"] != consent_id, other["state"]) == (True, "paused")
    assert await person.statuses(make.record("steps")) == ["consent_missing"]
    assert await happened(person) == ["given", "paused", "superseded", "given", "paused"]


async def test_a_paused_consent_runs_out_and_can_not_be_resumed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = clock.now() + timedelta(minutes=5)
    person, consent_id = await collecting(make, valid_until=end.isoformat())
    await moved(person, consent_id, "pause")
    monkeypatch.setattr(clock, "now", lambda: end)
    assert (await everything(person))[0]["state"] == "expired"
    answer = await person.post(f"/v1/me/consents/{consent_id}/resume")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    (refused,) = (await person.push(make.record("steps")))["results"]
    assert "run out" in refused["detail"]


async def test_a_paused_consent_can_be_withdrawn_and_then_neither_paused_nor_resumed(
    make: Make,
) -> None:
    person, consent_id = await collecting(make)
    await person.push(make.record("steps"))
    await moved(person, consent_id, "pause")
    assert (await moved(person, consent_id, "withdrawal"))["deleted"] == 1
    for way in ("pause", "resume"):
        answer = await person.post(f"/v1/me/consents/{consent_id}/{way}")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert await person.statuses(make.record("steps")) == ["consent_withdrawn"]
    assert await happened(person) == ["given", "paused", "withdrawn"]


async def test_reading_can_not_be_paused(make: Make) -> None:
    person = await make.person(collects=False)
    recipient = {"kind": "organization", "id": str(await make.organization())}
    (given,) = await make.consents(person, ["steps.read"], recipient=recipient, purpose="guidance")
    for way in ("pause", "resume"):
        answer = await person.post(f"/v1/me/consents/{given['id']}/{way}")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await everything(person))[0]["state"] == "active"


async def test_nobody_pauses_another_persons_consent(make: Make) -> None:
    person, consent_id = await collecting(make)
    other = await make.person(person.app, collects=False)
    for way in ("pause", "resume"):
        assert (await other.post(f"/v1/me/consents/{consent_id}/{way}")).status_code == 404
    assert await person.statuses(make.record("steps")) == ["created"]
