"""Moving from Google Fit to Google Health: nothing is lost, nothing comes twice, Fit ends."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.care.sql import run_sql
from tests.connectors.accounts import fit_scope
from tests.connectors.notified import Notified
from tests.connectors.pulled import Pulled
from tests.google.catalog import HEALTH_SCOPES
from tests.google.health_store import Origin
from tests.make import Caller
from vitalkeep.base import clock
from vitalkeep.connectors import marking
from vitalkeep.connectors.marking import mark_to_move
from vitalkeep.connectors.moving import OVERLAP

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS, WEIGHT, PRESSURE = (
    "com.google.step_count.delta", "com.google.weight", "com.google.blood_pressure",
)  # fmt: skip
HEART, GLUCOSE = "com.google.heart_rate.bpm", "com.google.blood_glucose"
MOVED = ("steps", "weight", "blood_glucose", "heart_rate", "sleep")
WALK: Origin = {"platform": "FIT", "package": "jp.example.walk", "device": {}}
"""Where Google Health says that what came of Google Fit is from."""
DAYS = 10


def enter_both(pulled: Pulled, now: datetime) -> None:
    """Ten days of one person in both services, as alike and as unlike as they tell them.

    Weights and heart rates are told as Fit's own, glucose and nights under other names, steps by
    another source with the same times. What is older than the overlap only Fit has in this form.
    """
    fit, health = pulled.world.fit, pulled.world.health
    for day in range(DAYS):
        at = now - day * DAY - 3 * HOUR
        fit.add_point(WEIGHT, [70.1 + day], at)
        health.add_point("weight", 70_100 + day * 1000, at, **WALK)
        fit.add_point(GLUCOSE, [5.5 + day / 10], at)
        health.add_point("blood-glucose", round((5.5 + day / 10) * 18.0156), at)
        fit.add_point(STEPS, [1000 + day], at, at + HOUR)
        health.add_point("steps", 1000 + day, at, at + HOUR)
        for minute in (1, 2, 3):
            beat = at + timedelta(minutes=minute)
            fit.add_point(HEART, [60 + minute], beat)
            other: Origin = {} if day % 2 else WALK
            health.add_point("heart-rate", 60 + minute, beat, **other)
        night = at - 8 * HOUR
        fit.add_sleep(night, night + 6 * HOUR, [(night, night + 6 * HOUR, 4)])
        health.add_sleep(night, night + 6 * HOUR, [(night, night + 6 * HOUR, "LIGHT")])
    fit.add_point(WEIGHT, [99.9], now - 2 * DAY)  # Google Health never got to know of it


async def days_of(person: Caller, now: datetime) -> list[dict[str, Any]]:
    """The person's days, without who measured."""
    span = {"from": f"{now - 15 * DAY:%Y-%m-%d}", "to": f"{now + DAY:%Y-%m-%d}"}
    days: list[dict[str, Any]] = (await person.get("/v1/me/days", **span)).json()["days"]
    for day in days:
        day.pop("by_source", None)
        for name in {"start", "end"} & day.keys():  # Google Health knows the offset
            day[name] = datetime.fromisoformat(day[name])
        for name, value in day.items():  # and has glucose in whole mg/dL
            day[name] = round(value, 1) if isinstance(value, float) else value
    return days


async def counts(pulled: Pulled, person: Caller) -> dict[str, int]:
    """How many records there are of each type."""
    found: dict[str, int] = {}
    for each in await pulled.records(person):
        found[each["type"]] = found.get(each["type"], 0) + 1
    return found


async def providers(pulled: Pulled, person: Caller) -> dict[str, dict[str, Any]]:
    """The person's connections by provider, as they see them."""
    return {each["provider"]: each for each in await pulled.google.connections(person)}


async def move(pulled: Pulled, person: Caller, *types: str, fit_first: bool = True) -> None:
    """Connects Google Health, and pulls from both until Fit has had its turn before Health."""
    await pulled.person(*types, provider="google-health", caller=person)
    if fit_first:
        await pulled.pull(person, "google-fit")
    await pulled.pull(person, "google-health")
    if not fit_first:
        await pulled.pull(person, "google-fit")
        await pulled.pull(person, "google-health")


@pytest.mark.parametrize("fit_first", [True, False], ids=["fit first", "health first"])
async def test_days_and_counts_are_the_same_after_a_move_and_fit_is_gone(
    pulled: Pulled, fit_first: bool
) -> None:
    pulled.look_back(30)
    now = clock.now().replace(minute=30, second=20, microsecond=0)
    enter_both(pulled, now)
    person = await pulled.person(*MOVED)
    await pulled.pull(person)
    before = await counts(pulled, person), await days_of(person, now)
    assert before[0] == dict.fromkeys(MOVED, DAYS) | {"weight": DAYS + 1}
    await move(pulled, person, *MOVED, fit_first=fit_first)
    assert (await counts(pulled, person), await days_of(person, now)) == before
    assert [*await providers(pulled, person)] == ["google-health"]
    assert pulled.world.person.revocations == 0  # it would have ended Google Health, too
    earliest = min(
        call.query["filter"].split('"')[1] for call in pulled.world.calls_of("health.list")
    )
    assert timedelta(0) <= clock.now() - OVERLAP - datetime.fromisoformat(earliest) < 2 * HOUR
    asked = pulled.world.count("fit")
    await pulled.pull(person, "google-health")
    assert (await counts(pulled, person), pulled.world.count("fit")) == (before[0], asked)


async def test_what_google_health_took_over_is_deleted_when_it_goes_there(pulled: Pulled) -> None:
    at = clock.now() - 3 * HOUR
    pulled.world.fit.add_point(WEIGHT, [70.1], at)
    pulled.world.health.add_point("weight", 70_100, at, **WALK)
    person = await pulled.person("weight")
    await pulled.pull(person)
    await move(pulled, person, "weight")
    assert await counts(pulled, person) == {"weight": 1}
    pulled.world.health.delete_points("weight", at - HOUR, at + HOUR)
    await pulled.pull(person, "google-health")
    assert await counts(pulled, person) == {}


async def test_a_pull_from_fit_that_is_under_way_is_not_overtaken(pulled: Pulled) -> None:
    person = await pulled.person("weight", "blood_pressure")
    await pulled.pull(person)
    await pulled.person("weight", provider="google-health", caller=person)
    await pulled.pull(person, "google-fit")
    lease = "UPDATE connections SET lease = {} WHERE person_id = :id AND provider = 'google_fit'"
    await run_sql(pulled.google.app, lease.format("gen_random_uuid()"), id=person.id)
    await pulled.pull(person, "google-health")
    assert "weight" in (await providers(pulled, person))["google-fit"]["types"]
    await run_sql(pulled.google.app, lease.format("NULL"), id=person.id)
    await pulled.pull(person, "google-health")
    assert "weight" not in (await providers(pulled, person))["google-fit"]["types"]


async def test_a_night_that_google_health_finishes_late_is_folded_when_it_has(
    pulled: Pulled,
) -> None:
    begun = clock.now() - 2 * DAY
    pulled.world.fit.add_sleep(begun, begun + HOUR, [(begun, begun + HOUR, 5)])
    stages = [(begun, begun + HOUR, "DEEP")]
    night = pulled.world.health.add_sleep(begun, begun + HOUR, stages, processed=False)
    pulled.look_back(3)
    person = await pulled.person("sleep")
    await pulled.pull(person)
    await move(pulled, person, "sleep")
    assert [*await providers(pulled, person)] == ["google-health"]
    nights = await pulled.records(person, "sleep")
    assert sorted(len(each["stages"]) for each in nights) == [0, 1]  # the stages are not lost
    pulled.world.health.process_sleep(night.id)
    yesterday = "UPDATE connection_types SET looked_back_at = :at WHERE person_id = :id"
    await run_sql(pulled.google.app, yesterday, id=person.id, at=clock.now() - DAY)
    await pulled.pull(person, "google-health")
    (sleep,) = await pulled.records(person, "sleep")
    assert [each["stage"] for each in sleep["stages"]] == ["deep"]


async def test_consents_are_carried_over_by_the_new_grant_alone(pulled: Pulled) -> None:
    pulled.world.fit.add_point(PRESSURE, [128.0, 82.0], clock.now() - 3 * HOUR)
    person = await pulled.person("steps", "weight", "blood_pressure", "sleep")
    await pulled.pull(person)
    activity, metrics, _ = HEALTH_SCOPES
    pulled.world.person.agrees = frozenset({activity, metrics})
    types = ("steps", "weight", "sleep")
    assert await pulled.connect(person, *types, provider="google-health") == "partial"
    await pulled.pull(person, "google-fit")
    await pulled.pull(person, "google-health")
    left = await providers(pulled, person)
    assert {name: sorted(each["types"]) for name, each in left.items()} == {
        "google-fit": ["blood_pressure", "sleep"], "google-health": ["sleep", "steps", "weight"],
    }  # fmt: skip
    told = left["google-fit"]["types"]["blood_pressure"]["problem"]
    assert told["code"] == "not_in_google_health"
    assert "problem" not in left["google-fit"]["types"]["sleep"]
    assert left["google-health"]["types"]["sleep"]["problem"]["code"] == "scope_missing"
    every = (await person.get("/v1/me/consents", state="all")).json()["consents"]
    standing = {each["scope"]: each["source"] for each in every if each["state"] == "active"}
    rests = {scope: source["evidence"] for scope, source in standing.items()}
    assert rests["steps.collect"] == rests["weight.collect"] == [activity, metrics]
    assert fit_scope("sleep") in rests["sleep.collect"]
    assert fit_scope("blood_pressure") in rests["blood_pressure.collect"]
    ended = {each["scope"]: each["state"] for each in every if each["state"] != "active"}
    assert ended == dict.fromkeys(["steps.collect", "weight.collect"], "superseded")
    await person.request("DELETE", "/v1/me/connections/google-fit")
    rest = await providers(pulled, person)
    assert ([*rest], rest["google-health"]["state"]) == (["google-health"], "active")
    active = (await person.get("/v1/me/consents")).json()["consents"]
    assert {each["scope"] for each in active} == {"steps.collect", "weight.collect"}


async def test_a_fit_that_google_has_turned_off_says_where_to_go_and_ends(pulled: Pulled) -> None:
    person = await pulled.person("weight", "blood_pressure")
    pulled.world.fit.add_point(WEIGHT, [70.1], clock.now() - 3 * HOUR)
    await pulled.pull(person)
    for status in (403, 404, 410, 410, 410, 410, 410):
        assert (await pulled.seen(person))["state"] == "active"
        pulled.world.fail_next("fit.sources", status=status, reason="accessNotConfigured")
        asked = pulled.world.count("fit")
        await pulled.pull(person)
        assert pulled.world.count("fit") == asked + 1  # the other type is not asked for, too
        seen = await pulled.seen(person)
        assert seen["problem"]["code"] == "move_to_google_health"
        assert seen["types"]["blood_pressure"]["problem"]["code"] == "not_in_google_health"
    assert seen["state"] == "ended"
    refused = await person.post("/v1/me/connections/google-fit/sync")
    assert (refused.status_code, "Google Health" in refused.json()["detail"]) == (409, True)
    await pulled.person("weight", provider="google-health", caller=person)
    await pulled.pull(person, "google-health")
    assert [*(await providers(pulled, person))["google-fit"]["types"]] == ["blood_pressure"]
    assert await counts(pulled, person) == {"weight": 1}


async def test_a_fit_that_does_not_answer_is_waited_for_as_long_as_the_overlap(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await pulled.person("weight")
    await pulled.pull(person)
    pulled.world.fail_next("fit", times=99)
    await move(pulled, person, "weight")
    assert len(await providers(pulled, person)) == 2
    later = clock.now() + OVERLAP + HOUR
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        await pulled.pull(person, "google-health")
    assert [*await providers(pulled, person)] == ["google-health"]


async def test_the_operator_asks_each_person_once_to_move(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "PAGE", 1)
    engine, seen = pulled.google.app.state.engine, []
    first, second = [await pulled.person("weight", "blood_pressure") for _ in range(2)]
    await pulled.person("weight", provider="google-health", caller=second)

    async def run(*, dry_run: bool) -> dict[str, int]:
        marked = await mark_to_move(
            engine, dry_run=dry_run, advance=lambda done, total: seen.append((done, total))
        )
        return {"marked": marked["marked"], "before": marked["marked_before"]}

    would = await run(dry_run=True)
    assert (would["marked"] >= 2, seen) == (True, [])
    assert "problem" not in await pulled.seen(first)
    assert await run(dry_run=False) == would
    assert seen[-1] == (would["marked"], would["marked"])
    assert await run(dry_run=False) == {"marked": 0, "before": sum(would.values())}
    told = await pulled.seen(first)
    assert told["problem"]["code"] == "move_to_google_health"
    assert told["types"]["blood_pressure"]["problem"]["code"] == "not_in_google_health"
    await pulled.pull(first)  # it goes on being pulled from, and goes on saying so
    assert (await pulled.seen(first))["problem"]["code"] == "move_to_google_health"
    assert "problem" not in (await providers(pulled, second))["google-fit"]


async def test_what_a_move_left_as_google_fit_brought_it_is_not_read_again(
    notified: Notified,
) -> None:
    person, now = await notified.person("weight"), clock.now()
    begun = "UPDATE connection_types SET since = :at WHERE person_id = :id"
    await run_sql(notified.pulled.google.app, begun, at=now - HOUR, id=person.id)
    await notified.tell(*[notified.notice("weight", now - n * HOUR) for n in (30, 6)])
    assert await notified.waiting(person) == []
    await notified.tell(notified.notice("weight", now - 6 * HOUR, now))
    (row,) = await notified.waiting(person)
    assert row.start_time == (now - HOUR).replace(minute=0, second=0, microsecond=0)
