"""What the phone or Google grants narrows what is in force, and never widens it."""

from datetime import timedelta
from typing import Any

import pytest

from tests.consents.asking import ask, everything
from tests.consents.test_withdraw import at_another_app
from tests.make import Caller, Make
from vitalkeep.base import clock

STEPS = "android.permission.health.READ_STEPS"
SLEEP = "android.permission.health.READ_SLEEP"
FIT = {
    "kind": "google_oauth",
    "evidence": ["https://www.googleapis.com/auth/fitness.activity.read"],
}
FIT_STEPS = "https://www.googleapis.com/auth/fitness.activity.read"
HEALTH_STEPS = "https://www.googleapis.com/auth/googlehealth.activity_and_fitness.readonly"
ON_PHONE = {"kind": "health_connect", "evidence": ["screen:sync"]}
AT_GOOGLE = {"kind": "google_oauth", "evidence": []}


async def report(person: Caller, *granted: str, platform: str = "health_connect") -> dict[str, Any]:
    body = {"platform": platform, "granted": list(granted)}
    answer = await person.request("PUT", "/v1/me/platform-grants", json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def scopes(consents: list[dict[str, Any]]) -> list[str]:
    return sorted(each["scope"] for each in consents)


async def test_a_consent_whose_grant_is_gone_ends_and_its_records_stay(make: Make) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["steps.collect", "sleep.collect"], source=ON_PHONE)
    await person.push(make.record("sleep"))
    told = await report(person, STEPS)
    assert scopes(told["consents"]) == ["steps.collect"]
    assert [(each["scope"], each["state"]) for each in told["narrowed"]] == [
        ("sleep.collect", "narrowed")
    ]
    assert told["without_consent"] == []
    (kept,) = (await person.get("/v1/me/records")).json()["records"]
    assert kept["type"] == "sleep"
    (refused, taken) = (await person.push(make.record("sleep"), make.record("steps")))["results"]
    assert (refused["code"], taken["status"]) == ("consent_missing", "created")
    assert "no longer grants" in refused["detail"]
    (event,) = [each for each in await everything(person, "events") if each["event"] == "narrowed"]
    assert (event["scope"], event["platform"], event["actor"]) == (
        "sleep.collect", "health_connect", "platform",
    )  # fmt: skip


async def test_reporting_again_changes_nothing_and_a_grant_that_comes_back_revives_nothing(
    make: Make,
) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["steps.collect", "sleep.collect"], source=ON_PHONE)
    await report(person, STEPS)
    before = await everything(person, "events")
    again = await report(person, STEPS)
    assert (scopes(again["consents"]), again["narrowed"]) == (["steps.collect"], [])
    back = await report(person, STEPS, SLEEP)
    assert (scopes(back["consents"]), back["without_consent"]) == (
        ["steps.collect"], ["sleep.collect"],
    )  # fmt: skip
    assert await person.statuses(make.record("sleep")) == ["consent_missing"]
    assert await everything(person, "events") == before
    (anew,) = await make.consents(person, ["sleep.collect"], source=ON_PHONE)
    assert anew["state"] == "active"
    assert await person.statuses(make.record("sleep")) == ["created"]


async def test_a_grant_without_a_consent_makes_none(make: Make) -> None:
    person = await make.person(collects=False)
    told = await report(person, STEPS, SLEEP, "android.permission.health.READ_NUTRITION")
    assert (told["consents"], told["narrowed"]) == ([], [])
    assert told["without_consent"] == ["steps.collect", "sleep.collect"]
    assert await everything(person) == []


async def test_of_a_paused_consent_the_pause_stays_and_the_grant_counts(make: Make) -> None:
    person = await make.person(collects=False)
    (given,) = await make.consents(person, ["steps.collect"], source=ON_PHONE)
    await person.post(f"/v1/me/consents/{given['id']}/pause")
    told = await report(person, STEPS)
    assert (told["consents"], told["without_consent"]) == ([], [])
    assert scopes((await report(person))["narrowed"]) == ["steps.collect"]


@pytest.mark.parametrize(
    ("scope", "source", "platform", "ends"),
    [
        ("steps.collect", ON_PHONE, "health_connect", True),
        ("steps.collect", ON_PHONE, "google_fit", False),
        ("steps.collect", AT_GOOGLE, "google_fit", True),
        ("steps.collect", AT_GOOGLE, "google_health", True),
        ("blood_pressure.collect", AT_GOOGLE, "google_health", False),
        ("steps.collect", AT_GOOGLE, "health_connect", False),
        ("steps.collect", FIT, "google_fit", True),
        ("steps.collect", FIT, "google_health", False),
        ("steps.collect", {"kind": "in_app", "evidence": [STEPS]}, "health_connect", True),
        ("steps.collect", {"kind": "in_app", "evidence": [SLEEP]}, "health_connect", False),
        ("steps.collect", {"kind": "in_app", "evidence": ["screen:1"]}, "health_connect", False),
        ("steps.collect", {"kind": "paper", "evidence": []}, "google_fit", False),
        (STEPS, {"kind": "in_app", "evidence": []}, "health_connect", True),
        (HEALTH_STEPS, {"kind": "in_app", "evidence": []}, "google_health", True),
        (HEALTH_STEPS, {"kind": "in_app", "evidence": []}, "google_fit", False),
    ],
)  # fmt: skip
async def test_only_what_rests_on_the_platform_ends(
    make: Make, scope: str, source: dict[str, Any], platform: str, ends: bool
) -> None:
    person = await make.person(collects=False)
    given = await make.consents(person, [scope], source=source)
    told = await report(person, platform=platform)
    assert scopes(told["narrowed"]) == (scopes(given) if ends else [])
    assert scopes(told["consents"]) == ([] if ends else scopes(given))


async def test_of_another_app_and_of_readers_nothing_ends(make: Make) -> None:
    person = await make.person(collects=False)
    other = at_another_app(make, person, await make.app())
    await make.consents(other, ["steps.collect"], source=ON_PHONE)
    recipient = {"kind": "organization", "id": str(await make.organization())}
    await make.consents(
        person, ["steps.read"], recipient=recipient, purpose="guidance", source=ON_PHONE
    )
    assert await report(person) == {"consents": [], "narrowed": [], "without_consent": []}
    assert {each["state"] for each in await everything(person)} == {"active"}


async def test_what_has_run_out_is_entered_as_that(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person(collects=False)
    end = clock.now() + timedelta(minutes=5)
    await make.consents(person, ["steps.collect"], source=ON_PHONE, valid_until=end.isoformat())
    monkeypatch.setattr(clock, "now", lambda: end)
    assert await report(person) == {"consents": [], "narrowed": [], "without_consent": []}
    assert [each["event"] for each in await everything(person, "events")] == ["given", "expired"]


async def test_a_narrowed_consent_can_be_withdrawn_with_what_it_let_in(make: Make) -> None:
    person = await make.person(collects=False)
    (given,) = await make.consents(person, ["sleep.collect"], source=ON_PHONE)
    await person.push(make.record("sleep"))
    await report(person)
    done = (await person.post(f"/v1/me/consents/{given['id']}/withdrawal")).json()
    assert (done["deleted"], done["consent"]["state"]) == (1, "withdrawn")
    assert await person.statuses(make.record("sleep")) == ["consent_withdrawn"]


@pytest.mark.parametrize(
    "body",
    [{}, {"platform": "health_connect"}, {"platform": "healthkit", "granted": []},
     {"platform": "google_fit", "granted": "x"}, {"platform": "google_fit", "granted": [""]},
     {"platform": "google_fit", "granted": [], "more": 1}],
    ids=str,
)  # fmt: skip
async def test_a_report_of_a_wrong_shape_narrows_nothing(make: Make, body: object) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["steps.collect"], source=ON_PHONE)
    answer = await person.request("PUT", "/v1/me/platform-grants", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert {each["state"] for each in await everything(person)} == {"active"}


async def test_what_was_asked_for_by_the_platforms_name_is_not_shown_as_evidence(
    make: Make,
) -> None:
    person = await make.person(collects=False)
    (given,) = (await ask(person, STEPS)).json()["consents"]
    assert given["source"] == {"kind": "in_app", "evidence": ["screen:test"]}
