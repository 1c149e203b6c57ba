"""One scope that is refused never fails the others, and the refusal is written down."""

from typing import Any
from uuid import uuid4

import pytest

from tests.consents.asking import ask, assert_refused, everything
from tests.make import Caller, Make

SLEEP = "android.permission.health.READ_SLEEP"


async def entered(person: Caller) -> list[tuple[str, str, str | None]]:
    """Event, scope and code of each entry."""
    return [
        (each["event"], each["scope"], each.get("code"))
        for each in await everything(person, "events")
    ]


def told(answer: Any) -> list[tuple[str, str, str]]:
    return [(each["scope"], each["code"], each["pointer"]) for each in answer.json()["refused"]]


async def test_what_can_be_granted_is_granted_and_the_rest_is_told(make: Make) -> None:
    person = await make.person(collects=False)
    answer = await ask(person, "steps.collect", "sleep.read", "mood.collect", "weight.collect")
    assert answer.status_code == 201
    given = [each["scope"] for each in answer.json()["consents"]]
    assert given == ["steps.collect", "weight.collect"]
    assert told(answer) == [
        ("sleep.read", "purpose_not_allowed", "/scopes/1"),
        ("mood.collect", "unknown_scope", "/scopes/2"),
    ]
    assert "collect" in answer.json()["refused"][0]["detail"]
    statuses = await person.statuses(*map(make.record, ("steps", "sleep", "weight")))
    assert statuses == ["created", "consent_missing", "created"]
    assert await entered(person) == [
        ("given", "steps.collect", None),
        ("given", "weight.collect", None),
        ("refused", "sleep.read", "purpose_not_allowed"),
        ("refused", "mood.collect", "unknown_scope"),
    ]


async def test_without_refusals_the_list_of_them_is_empty(make: Make) -> None:
    person = await make.person(collects=False)
    assert (await ask(person, "steps.collect")).json()["refused"] == []


async def test_what_the_person_declined_is_not_given_and_is_entered(make: Make) -> None:
    person = await make.person(collects=False)
    answer = await ask(person, "steps.collect", SLEEP, refused=["sleep.collect"])
    assert [each["scope"] for each in answer.json()["consents"]] == ["steps.collect"]
    assert told(answer) == [("sleep.collect", "refused_by_person", "/refused/0")]
    assert await entered(person) == [
        ("given", "steps.collect", None),
        ("refused", "sleep.collect", "refused_by_person"),
    ]
    assert await person.statuses(make.record("sleep")) == ["consent_missing"]


async def test_who_declines_everything_is_taken_at_their_word(make: Make) -> None:
    person = await make.person(collects=False)
    answer = await ask(person, "steps.collect", refused=["steps.collect"])
    assert (answer.status_code, answer.json()["consents"]) == (201, [])
    assert await entered(person) == [("refused", "steps.collect", "refused_by_person")]


async def test_declining_anew_does_not_end_what_was_given_before(make: Make) -> None:
    person = await make.person(collects=False)
    (given,) = await make.consents(person, ["steps.collect"])
    await ask(person, "steps.collect", refused=["steps.collect"])
    assert [each["id"] for each in await everything(person)] == [given["id"]]
    assert await person.statuses(make.record("steps")) == ["created"]


async def test_a_refusal_that_is_sent_again_is_entered_once(make: Make) -> None:
    person = await make.person(collects=False)
    for _ in range(3):
        answer = await ask(person, "steps.collect", "sleep.read", refused=["weight.collect"])
        assert len(answer.json()["refused"]) == 2
    assert [event for event, _, _ in await entered(person)] == ["given", "refused", "refused"]


async def test_who_declines_gives_and_declines_again_is_entered_again(make: Make) -> None:
    person = await make.person(collects=False)
    await ask(person, "steps.collect", refused=["steps.collect"])
    (given,) = (await ask(person, "steps.collect")).json()["consents"]
    await person.post(f"/v1/me/consents/{given['id']}/withdrawal")
    await ask(person, "steps.collect", refused=["steps.collect"])
    happened = [event for event, _, _ in await entered(person)]
    assert happened == ["refused", "given", "withdrawn", "refused"]


async def test_if_none_can_be_granted_nothing_is_stored(make: Make) -> None:
    person = await make.person(collects=False)
    answer = await ask(person, "sleep.read", "mood.collect", "steps.read")
    wanted = (("/purpose", "purpose_not_allowed"), ("/scopes/1", "unknown_scope"))
    await assert_refused(person, answer, *wanted)


@pytest.mark.parametrize("purpose", ["marketing", "joint_use", "advertising"])
async def test_a_barred_purpose_refuses_the_whole_whatever_else_is_asked(
    make: Make, purpose: str
) -> None:
    person = await make.person(collects=False)
    scopes = ("steps.collect", "steps.read", "mood.collect")
    answer = await ask(person, *scopes, purpose=purpose, refused=["steps.collect"])
    await assert_refused(person, answer, ("/purpose", "purpose_not_allowed"))


async def test_an_unknown_recipient_is_no_partial_matter(make: Make) -> None:
    person = await make.person(collects=False)
    recipient = {"kind": "app", "id": str(uuid4())}
    answer = await ask(person, "steps.collect", "mood.collect", recipient=recipient)
    await assert_refused(person, answer, ("/recipient/id", "unknown_recipient"))
