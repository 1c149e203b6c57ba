"""The end of a grant: revoked at Google with the last connection, and with its person."""

from datetime import timedelta
from typing import Any

import pytest

from tests.care.sql import run_sql
from tests.connectors.pulled import Pulled
from tests.erasure.traces import left
from tests.make import Caller
from vitalkeep.base import clock
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.connectors import pulling
from vitalkeep.connectors.windows import Batch
from vitalkeep.connectors.writing import LeaseLost
from vitalkeep.erasure import upstream

FIT, HEALTH = "/v1/me/connections/google-fit", "/v1/me/connections/google-health"


async def rows(pulled: Pulled, person: Caller) -> int:
    """How many connections of the person are stored."""
    query = "SELECT count(*) FROM connections WHERE person_id = :id"
    count: int = (await run_sql(pulled.google.app, query, id=person.id))[0][0]
    return count


async def test_a_grant_is_revoked_with_the_last_connection_and_not_before(pulled: Pulled) -> None:
    person = await pulled.person("weight")
    await pulled.person("weight", provider="google-health", caller=person)
    assert (await person.request("DELETE", FIT)).status_code == 200
    assert await rows(pulled, person) == 1
    await person.request("DELETE", HEALTH)
    pulled.world.fail_next("oauth.revoke")
    await pulled.pull(person, "google-health")
    assert (await pulled.seen(person))["state"] == "disconnecting"
    assert pulled.world.person.revocations == 0
    await pulled.pull(person, "google-health")
    assert (await rows(pulled, person), pulled.world.person.revocations) == (0, 1)


async def test_a_token_that_google_does_not_take_back_is_destroyed_after_seven_days(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await pulled.person("weight")
    await person.request("DELETE", FIT)
    pulled.world.fail_next("oauth.revoke", times=2)
    later = clock.now() + timedelta(days=6, hours=23)
    monkeypatch.setattr(clock, "now", lambda: later)
    await pulled.pull(person)
    assert await rows(pulled, person) == 1
    monkeypatch.setattr(clock, "now", lambda: later + timedelta(hours=1))
    await pulled.pull(person)
    assert await rows(pulled, person) == 0


async def test_leaving_takes_the_grant_back_and_the_certificate_says_so(pulled: Pulled) -> None:
    person = await pulled.person("weight")
    await pulled.person("weight", provider="google-health", caller=person)
    statement = (await left(person))["certificate"]["statement"]
    assert statement["upstream"] == [
        {"provider": "google_fit", "outcome": "revoked"},
        {"provider": "google_health", "outcome": "revoked"},
    ]
    assert pulled.world.person.revocations == 1
    assert statement["rows_deleted"]["connections"] == 2


async def test_a_google_that_is_away_keeps_nobody_from_leaving(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "PAUSE_S", 0.0)
    person = await pulled.person("weight")
    pulled.world.fail_next("oauth.revoke", times=upstream.TRIES)
    statement = (await left(person))["certificate"]["statement"]
    assert statement["upstream"][0] == {"provider": "google_fit", "outcome": "failed"}
    assert pulled.world.count("oauth.revoke") == upstream.TRIES


@pytest.mark.parametrize("how", ["disconnect", "leave", "connect anew"])
async def test_a_pull_that_is_under_way_writes_nothing_more_once_it_is_over(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    person = await pulled.person("weight")
    pulled.world.fit.add_point("com.google.weight", [72.1], clock.now() - timedelta(hours=1))
    asked: list[str] = []

    async def fetch(*given: Any) -> Batch:
        batch = await pulling_fetch(*given)
        asked.append(how)
        if how == "disconnect":
            await person.request("DELETE", FIT)
        elif how == "leave":
            await left(person)
        else:
            await pulled.connect(person, "weight", provider="google-fit")
        return batch

    pulling_fetch = pulling.fetch
    monkeypatch.setattr(pulling, "fetch", fetch)
    with pytest.raises(Unauthenticated if how == "leave" else LeaseLost):
        await pulled.pull(person)
    assert len(asked) == 1
    query = "SELECT count(*) FROM records WHERE person_id = :id"
    assert (await run_sql(pulled.google.app, query, id=person.id))[0][0] == 0
    assert await rows(pulled, person) == (0 if how == "leave" else 1)


@pytest.mark.parametrize("how", ["damaged", "keyless"])
async def test_a_token_that_nobody_can_open_any_more_keeps_no_one_from_being_erased(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    person, keyring = await pulled.person("weight"), pulled.google.app.state.keyring
    state = pulled.google.app.state
    if how == "damaged":
        await pulled.change(person, "sealed_tokens = '\\x00'")
    else:
        monkeypatch.setattr(keyring, "epochs", lambda: [999])
    outcomes = await upstream.revoke_grants(state.engine, keyring, state.settings, person.id)
    assert outcomes == {"google_fit": "failed", "google_health": "not_connected"}
    assert pulled.world.count("oauth.revoke") == 0
