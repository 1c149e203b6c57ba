"""Pulling from Google Fit: what comes, what goes again, and what is asked for at all."""

from datetime import timedelta
from typing import Any

import pytest

from tests.care.sql import run_sql
from tests.connectors.pulled import Pulled
from tests.google.catalog import SEGMENT
from tests.google.heartbeats import Heartbeats
from vitalkeep import worker
from vitalkeep.base import clock
from vitalkeep.connectors import pulling
from vitalkeep.connectors.fetch_fit import base_url
from vitalkeep.connectors.writing import write

STEPS, WEIGHT = "com.google.step_count.delta", "com.google.weight"
HOUR = timedelta(hours=1)


class Died(Exception):
    """The process is gone."""


async def test_a_first_pull_brings_a_month_and_the_next_ones_what_changed(pulled: Pulled) -> None:
    pulled.look_back(30)
    person = await pulled.person("steps", "weight", "sleep")
    now, fit = clock.now().replace(minute=30, second=0, microsecond=0), pulled.world.fit
    for days in (40, 20, 1):
        begun = now - timedelta(days=days)
        fit.add_point(STEPS, [100 + days], begun, begun + timedelta(minutes=20))
    fit.add_point(WEIGHT, [72.1], now - HOUR)
    night = now - timedelta(days=1)
    fit.add_sleep(
        night, night + 7 * HOUR, [(night, night + HOUR, 4), (night + HOUR, night + 7 * HOUR, 5)]
    )
    assert await pulled.pull(person)
    steps = await pulled.records(person, "steps")
    assert [each["count"] for each in steps] == [120, 101]
    assert [each["kilograms"] for each in await pulled.records(person, "weight")] == [72.1]
    (sleep,) = await pulled.records(person, "sleep")
    assert [stage["stage"] for stage in sleep["stages"]] == ["light", "deep"]
    seen = await pulled.seen(person)
    assert all("last_success_at" in each for each in seen["types"].values())
    before = await person.get("/v1/me/changes")
    assert await pulled.pull(person)
    after = await person.get("/v1/me/changes", cursor=before.json()["next_cursor"])
    assert after.json()["changes"] == []
    fit.delete_points(STEPS, now - timedelta(days=1, hours=1), now)
    fit.add_point(STEPS, [7], now - 2 * HOUR, now - HOUR)
    assert await pulled.pull(person)
    assert [each["count"] for each in await pulled.records(person, "steps")] == [120, 7]
    assert fit.points[SEGMENT]


async def test_a_pull_that_dies_goes_on_where_it_was_without_loss_or_double(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled.look_back(30)
    person = await pulled.person("heart_rate")
    fit, now = pulled.world.fit, clock.now()
    fit.generate_heart_rate(now - timedelta(days=12), samples=2_000)
    fit.delete_points("com.google.heart_rate.bpm", now - HOUR, now + timedelta(days=90))
    written: list[object] = []

    async def die(*given: Any, **progress: Any) -> bool:
        if len(written) == 8:
            raise Died
        written.append(progress["pulled_to"])
        return await write(*given, **progress)

    with monkeypatch.context() as patch:
        patch.setattr(pulling, "write", die)
        with pytest.raises(Died):
            await pulled.pull(person)
    part = sum(len(each["samples"]) for each in await pulled.records(person, "heart_rate"))
    there = len(fit.beats or Heartbeats(0))
    assert 0 < part < there
    assert not await pulled.pull_if_due(person)  # the dead run's lease still stands
    asked = pulled.world.count("fit.datasets")
    assert await pulled.pull(person)
    assert pulled.world.count("fit.datasets") - asked < 5  # the rest only, not the month
    beats = [
        sample for each in await pulled.records(person, "heart_rate") for sample in each["samples"]
    ]
    times = [each["time"] for each in beats]
    assert len(times) == len(set(times)) == there


async def test_a_type_without_a_consent_in_force_is_not_even_asked_for(pulled: Pulled) -> None:
    person = await pulled.person("steps", "weight")
    pulled.world.fit.add_point(WEIGHT, [72.1], clock.now() - HOUR)
    pulled.world.fit.add_point(STEPS, [50], clock.now() - HOUR, clock.now() - HOUR / 2)
    given = (await person.get("/v1/me/consents")).json()["consents"]
    weight = next(each["id"] for each in given if each["scope"] == "weight.collect")
    await person.post(f"/v1/me/consents/{weight}/withdrawal")
    assert await pulled.pull(person)
    assert {call.data_type for call in pulled.world.calls_of("fit")} == {STEPS}
    assert [each["type"] for each in await pulled.records(person)] == ["steps"]
    seen = (await pulled.seen(person))["types"]
    assert seen["weight"]["problem"]["code"] == "consent_missing"
    assert "problem" not in seen["steps"]


async def test_what_a_phone_sent_stays_the_phone_s_when_google_has_it_too(
    pulled: Pulled,
) -> None:
    person = await pulled.person("steps")
    begun = clock.now() - 3 * HOUR
    pulled.world.fit.add_point(STEPS, [50], begun, begun + HOUR)
    await pulled.pull(person)
    (record,) = await pulled.records(person, "steps")
    pushed = {
        name: record[name] for name in ("type", "client_id", "start", "end", "origin", "count")
    }
    assert await person.statuses(pushed) == ["updated"]  # it is the phone's from now on
    before = (await person.get("/v1/me/changes")).json()["next_cursor"]
    await pulled.pull(person)
    pulled.world.fit.delete_points(STEPS, begun, begun + HOUR)
    await pulled.pull(person)
    assert (await person.get("/v1/me/changes", cursor=before)).json()["changes"] == []
    assert await person.statuses(pushed) == ["unchanged"]


async def test_what_the_person_deleted_here_stays_deleted(pulled: Pulled) -> None:
    person = await pulled.person("weight")
    pulled.world.fit.add_point(WEIGHT, [72.1], clock.now() - HOUR)
    await pulled.pull(person)
    (record,) = await pulled.records(person, "weight")
    await person.request("DELETE", f"/v1/me/records/{record['id']}")
    await pulled.pull(person)
    assert await pulled.records(person, "weight") == []


async def test_the_worker_pulls_what_is_due_and_a_sync_makes_it_due(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, state = await pulled.person("weight"), pulled.google.app.state
    task = next(each for each in worker.TASKS if each.name == "pull_connections")
    await run_sql(
        pulled.google.app,
        "UPDATE connections SET due_at = NULL WHERE person_id <> :id",
        id=person.id,
    )
    assert await worker.run(task, state.engine, state.settings) == 1
    assert await worker.run(task, state.engine, state.settings) == 0
    synced = await person.post("/v1/me/connections/google-fit/sync")
    assert (synced.status_code, synced.json()["provider"]) == (202, "google-fit")
    assert await worker.run(task, state.engine, state.settings) == 1
    later = clock.now() + timedelta(minutes=61)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert await worker.run(task, state.engine, state.settings) == 1


async def test_an_address_without_a_path_gets_google_s_own(pulled: Pulled) -> None:
    settings = pulled.google.settings
    origin = settings.model_copy(update={"google_fit_url": "http://127.0.0.1:9090/"})
    assert base_url(origin) == "http://127.0.0.1:9090/fitness/v1/users/me"
    assert base_url(settings) == settings.google_fit_url
