"""Giving consents, and what the person sees of them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.consents.asking import ask, assert_refused, everything, ids
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.demo.policies import sample_ref


async def active(person: Caller) -> list[dict[str, Any]]:
    answers = [
        await person.get("/v1/me/consents"),
        await person.get("/v1/me/consents", state="active"),
    ]
    assert answers[0].json() == answers[1].json()
    found: list[dict[str, Any]] = answers[0].json()["consents"]
    return found


def ahead(**by: float) -> str:
    return (clock.now() + timedelta(**by)).isoformat()


async def test_a_consent_says_who_may_do_what_and_on_what_it_rests(make: Make) -> None:
    person = await make.person(collects=False)
    assert person.app is not None
    source = {"kind": "health_connect", "evidence": ["android.permission.health.READ_STEPS"]}
    before = clock.now()
    answer = await ask(person, "steps.collect", "sleep.collect", source=source)
    assert answer.status_code == 201
    given = answer.json()["consents"]
    assert [consent["scope"] for consent in given] == ["steps.collect", "sleep.collect"]
    for consent in given:
        assert before <= datetime.fromisoformat(consent["given_at"]) <= clock.now()
        assert consent == {
            "id": consent["id"],
            "scope": consent["scope"],
            "recipient": {"kind": "app", "id": str(person.app.id)},
            "purpose": "storage",
            "policy": sample_ref("ja").model_dump(),
            "source": source,
            "state": "active",
            "given_at": consent["given_at"],
        }
        assert (await person.get(f"/v1/me/consents/{consent['id']}")).json() == consent
    assert sorted(ids(await active(person))) == sorted(ids(given))


async def test_giving_an_active_consent_again_answers_the_same_one(make: Make) -> None:
    person = await make.person(collects=False)
    (first,) = await make.consents(person, ["steps.collect"])
    again = await make.consents(person, ["sleep.collect", "steps.collect"])
    assert again[1] == first
    assert again[0]["id"] != first["id"]
    assert len(await everything(person)) == 2
    assert len(await everything(person, "events")) == 2


async def test_giving_at_once_makes_one_consent(make: Make) -> None:
    for _ in range(3):
        person = await make.person(collects=False)
        answers = await asyncio.gather(*(ask(person, "steps.collect") for _ in range(6)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["consents"][0]["id"] for answer in answers}) == 1
        assert len(await everything(person)) == 1


async def test_another_recipient_or_purpose_is_another_consent(make: Make) -> None:
    person = await make.person(collects=False)
    clinic = await make.organization("medical_institution")
    other = await make.organization("medical_institution")
    wanted = [(clinic, "guidance"), (clinic, "teleconsultation"), (other, "guidance")]
    for recipient_id, purpose in wanted:
        recipient = {"kind": "organization", "id": str(recipient_id)}
        await make.consents(person, ["steps.read"], recipient=recipient, purpose=purpose)
    found = await everything(person)
    assert len(set(ids(found))) == 3
    pairs = {(each["recipient"]["id"], each["purpose"]) for each in found}
    assert pairs == {(str(recipient_id), purpose) for recipient_id, purpose in wanted}


async def test_a_consent_for_one_app_lets_no_other_app_send(make: Make) -> None:
    person, other = await make.person(collects=False), await make.app()
    recipient = {"kind": "app", "id": str(other.id)}
    await make.consents(person, ["steps.collect"], recipient=recipient)
    assert await person.statuses(make.record("steps")) == ["consent_missing"]


@pytest.mark.parametrize(
    "moment",
    ["2020-01-01T00:00:00Z", "2026-01-01T00:00:00+09:00", "1970-01-01T00:00:00Z",
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "tomorrow", "2030-01-01T00:00:00",
     "2030-01-01", "", [], "99999-01-01T00:00:00Z"],
)  # fmt: skip
async def test_an_end_that_is_past_or_no_time_is_refused(make: Make, moment: object) -> None:
    person = await make.person(collects=False)
    answer = await ask(person, "steps.collect", valid_until=moment)
    problem = await assert_refused(person, answer)
    assert [each["pointer"] for each in problem["errors"]] == ["/valid_until"]


@pytest.mark.parametrize("name", ["data_from", "data_until"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "x"])
async def test_a_period_out_of_all_time_is_refused(make: Make, name: str, moment: str) -> None:
    person = await make.person(collects=False)
    problem = await assert_refused(person, await ask(person, "steps.collect", **{name: moment}))
    assert [each["pointer"] for each in problem["errors"]] == [f"/{name}"]


async def test_times_are_kept_to_the_instant_whatever_their_offset(make: Make) -> None:
    person = await make.person(collects=False)
    times: dict[str, Any] = {
        "valid_until": "2100-01-01T09:00:00.123456+09:00",
        "data_from": "2020-06-30T23:30:00-03:30",
        "data_until": "2100-01-01T00:00:00Z",
    }
    (given,) = await make.consents(person, ["steps.collect"], **times)
    (stored,) = await active(person)
    for name, moment in times.items():
        wanted = datetime.fromisoformat(moment).astimezone(UTC)
        assert datetime.fromisoformat(given[name]) == wanted
        assert datetime.fromisoformat(stored[name]) == wanted


async def test_a_consent_that_has_run_out_is_expired_and_can_be_given_anew(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person(collects=False)
    (first,) = await make.consents(person, ["steps.collect"], valid_until=ahead(minutes=5))
    (lasting,) = await make.consents(person, ["sleep.collect"])
    assert await person.statuses(make.record("steps")) == ["created"]
    at_the_end = datetime.fromisoformat(first["valid_until"])
    monkeypatch.setattr(clock, "now", lambda: at_the_end - timedelta(microseconds=1))
    assert len(await active(person)) == 2
    monkeypatch.setattr(clock, "now", lambda: at_the_end)
    assert ids(await active(person)) == ids([lasting])
    expired = {**first, "state": "expired", "changed_at": first["valid_until"]}
    assert (await person.get(f"/v1/me/consents/{first['id']}")).json() == expired
    assert {each["id"]: each["state"] for each in await everything(person)} == {
        first["id"]: "expired",
        lasting["id"]: "active",
    }
    assert await person.statuses(make.record("steps")) == ["consent_missing"]
    (second,) = await make.consents(person, ["steps.collect"])
    assert second["id"] != first["id"]
    assert second["state"] == "active"
    assert (await person.get(f"/v1/me/consents/{first['id']}")).json() == expired
    assert await person.statuses(make.record("steps")) == ["created"]
    assert {each["id"] for each in await active(person)} == {second["id"], lasting["id"]}


async def test_the_newest_consents_come_first(make: Make) -> None:
    person = await make.person(collects=False)
    order = ["sleep.collect", "steps.collect", "weight.collect"]
    for scope in order:
        await make.consents(person, [scope])
    assert [each["scope"] for each in await everything(person)] == order[::-1]
    assert [each["scope"] for each in await active(person)] == order[::-1]


async def test_nobody_sees_or_ends_another_persons_consent(make: Make) -> None:
    app = await make.app()
    person, other = await make.person(app), await make.person(app, collects=False)
    (theirs, *_) = await everything(person)
    assert await everything(other) == []
    assert await everything(other, "events") == []
    documents = []
    for consent_id in (theirs["id"], uuid4()):
        for method, tail in (("GET", ""), ("POST", "/withdrawal")):
            answer = await other.request(method, f"/v1/me/consents/{consent_id}{tail}")
            assert answer.status_code == 404
            documents.append({**answer.json(), "instance": ""})
    assert documents[0]["code"] == "not_found"
    assert all(document == documents[0] for document in documents)
    assert (await person.get(f"/v1/me/consents/{theirs['id']}")).json() == theirs


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/me/consents?state=expired"), ("GET", "/v1/me/consents?state="),
     ("GET", "/v1/me/consents/not-an-id"), ("POST", "/v1/me/consents/not-an-id/withdrawal")],
)  # fmt: skip
async def test_a_question_of_a_wrong_shape_is_refused(make: Make, method: str, path: str) -> None:
    person = await make.person(collects=False)
    answer = await person.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"source": {"kind": "rumour"}}, "/source/kind"),
     ({"source": {"kind": "in_app", "evidence": [""]}}, "/source/evidence/0"),
     ({"source": {"kind": "in_app", "evidence": ["x"] * 101}}, "/source/evidence"),
     ({"source": {"kind": "in_app", "evidence": "x"}}, "/source/evidence"),
     ({"source": {}}, "/source/kind"),
     ({"actor": "nurse"}, "/actor"),
     ({"state": "active"}, "/state"),
     ({"purpose": 7}, "/purpose")],
)  # fmt: skip
async def test_a_body_of_a_wrong_shape_is_pointed_at(
    make: Make, change: dict[str, object], pointer: str
) -> None:
    person = await make.person(collects=False)
    problem = await assert_refused(person, await ask(person, "steps.collect", **change))
    assert [each["pointer"] for each in problem["errors"]] == [pointer]
