"""What goes wrong at Google: how far it reaches, who sees it, and when it is tried again."""

from datetime import timedelta
from typing import Any

import pytest

from tests.care.sql import run_sql
from tests.connectors.accounts import fit_scope
from tests.connectors.pulled import Pulled
from tests.make import Caller
from vitalkeep.base import clock

STEPS, WEIGHT = "com.google.step_count.delta", "com.google.weight"
HOUR = timedelta(hours=1)


async def of_type(pulled: Pulled, person: Caller, number: int) -> Any:
    """The stored row of one type."""
    (row,) = await run_sql(
        pulled.google.app,
        "SELECT * FROM connection_types WHERE person_id = :id AND type = :type",
        id=person.id,
        type=number,
    )
    return row


async def due_at(pulled: Pulled, person: Caller) -> Any:
    """When the connection is due."""
    query = "SELECT due_at FROM connections WHERE person_id = :id"
    return (await run_sql(pulled.google.app, query, id=person.id))[0][0]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"status": 500}, "google_unavailable"),
        ({"status": 429, "retry_after": 7200}, "rate_limited"),
        ({"status": 403, "reason": "rateLimitExceeded"}, "rate_limited"),
        ({"status": 400}, "google_refused"),
        ({"body": "broken"}, "google_unavailable"),
    ],
    ids=["500", "429", "403", "400", "broken"],
)
async def test_one_broken_type_stops_no_other_and_waits_before_it_is_tried_again(
    pulled: Pulled, wrong: dict[str, Any], code: str
) -> None:
    person = await pulled.person("steps", "weight")
    pulled.world.fit.add_point(WEIGHT, [72.1], clock.now() - HOUR)
    pulled.world.fit.add_point(STEPS, [50], clock.now() - HOUR, clock.now() - HOUR / 2)
    pulled.world.fail_next("fit.datasets", data_type=STEPS, **wrong)
    await pulled.pull(person)
    assert [each["type"] for each in await pulled.records(person)] == ["weight"]
    seen = (await pulled.seen(person))["types"]
    assert seen["steps"]["problem"]["code"] == code
    assert "last_success_at" in seen["weight"]
    row = await of_type(pulled, person, 1)
    waits = timedelta(seconds=wrong.get("retry_after", 30))
    assert row.retry_at - clock.now() > waits - timedelta(seconds=20)
    assert await due_at(pulled, person) == min(row.retry_at, await due_at(pulled, person))
    asked = pulled.world.count("fit")
    await pulled.pull(person)  # asked for by the person, too early for Google
    assert {call.data_type for call in pulled.world.calls_of("fit")[asked:]} == {WEIGHT}
    again = "UPDATE connection_types SET retry_at = NULL WHERE person_id = :id"
    await run_sql(pulled.google.app, again, id=person.id)
    await pulled.pull(person)
    assert {each["type"] for each in await pulled.records(person)} == {"steps", "weight"}
    assert "problem" not in (await pulled.seen(person))["types"]["steps"]


async def test_who_is_told_twice_to_slow_down_asks_no_more(pulled: Pulled) -> None:
    person = await pulled.person("steps", "weight", "body_fat", "blood_glucose")
    pulled.world.fail_next("fit", times=99, status=429, retry_after=3600)
    await pulled.pull(person)
    assert pulled.world.count("fit") == 2
    assert await due_at(pulled, person) - clock.now() > timedelta(minutes=59)
    assert (await pulled.seen(person))["problem"]["code"] == "rate_limited"


async def test_a_token_is_renewed_before_it_ends_and_once_when_google_refuses_it(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await pulled.person("weight")
    pulled.world.fit.add_point(WEIGHT, [72.1], clock.now() - HOUR)
    pulled.world.expire_access_tokens()
    await pulled.pull(person)
    assert pulled.world.count("oauth.token") == 2
    assert len(await pulled.records(person, "weight")) == 1
    later = clock.now() + HOUR
    refused = [call for call in pulled.world.calls_of("fit") if call.status == 401]
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        await pulled.pull(person)
    assert pulled.world.count("oauth.token") == 3
    assert [call for call in pulled.world.calls_of("fit") if call.status == 401] == refused
    pulled.world.fail_next("fit", times=2, status=401)
    asked = pulled.world.count("fit")
    await pulled.change(person, "due_at = :now", now=clock.now())
    await pulled.pull(person)
    assert pulled.world.count("fit") == asked + 2
    assert (await pulled.seen(person))["problem"]["code"] == "google_refused"


async def test_a_grant_that_is_revoked_ends_the_connection_and_the_person_sees_why(
    pulled: Pulled,
) -> None:
    person = await pulled.person("weight")
    pulled.world.revoke()
    await pulled.pull(person)
    seen = await pulled.seen(person)
    assert (seen["state"], seen["problem"]["code"]) == ("ended", "authorization_ended")
    assert not await pulled.pull_if_due(person)
    assert (await person.post("/v1/me/connections/google-fit/sync")).status_code == 409
    await pulled.person("weight", caller=person)
    pulled.world.fit.add_point(WEIGHT, [72.1], clock.now() - HOUR)
    await pulled.pull(person)
    assert len(await pulled.records(person, "weight")) == 1
    assert (await pulled.seen(person))["state"] == "active"


async def test_a_scope_that_is_taken_back_ends_its_types_and_their_consents_alone(
    pulled: Pulled,
) -> None:
    person = await pulled.person("weight", "body_fat", "steps")
    pulled.world.fit.add_point(STEPS, [50], clock.now() - HOUR, clock.now() - HOUR / 2)
    pulled.world.withdraw_scope(fit_scope("weight"))
    await pulled.pull(person)
    seen = (await pulled.seen(person))["types"]
    assert {name: each["granted"] for name, each in seen.items()} == {
        "steps": True, "weight": False, "body_fat": False,
    }  # fmt: skip
    every = (await person.get("/v1/me/consents", state="all")).json()["consents"]
    assert {each["scope"]: each["state"] for each in every} == {
        "steps.collect": "active", "weight.collect": "narrowed", "body_fat.collect": "narrowed",
    }  # fmt: skip
    assert [each["type"] for each in await pulled.records(person)] == ["steps"]
    asked = pulled.world.count("fit")
    await pulled.pull(person)
    assert {call.data_type for call in pulled.world.calls_of("fit")[asked:]} == {STEPS}


async def test_while_google_is_away_nothing_is_lost_and_it_is_asked_more_and_more_seldom(
    pulled: Pulled,
) -> None:
    person = await pulled.person("weight")
    pauses = []
    for _ in range(4):
        pulled.world.expire_access_tokens()
        pulled.world.fail_next("oauth.token")
        await pulled.pull(person)
        pauses.append(await due_at(pulled, person) - clock.now())
    assert pauses[3] > 2 * pauses[0]
    assert (await pulled.seen(person))["problem"]["code"] == "google_unavailable"
    await pulled.pull(person)
    assert "problem" not in await pulled.seen(person)
