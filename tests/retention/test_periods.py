"""Periods of health records: which entry counts, whose record goes when, and what others see."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.base.settings import Settings
from vitalkeep.consents.sweeping import expire_consents
from vitalkeep.retention.periods import COLLECTING, find, list_all_rules, list_record_rules
from vitalkeep.retention.sweeping import plan, sweep

DAY = timedelta(days=1)
PERIODS = {"*/*": 9, "*/storage": 8, "steps/*": 7, "steps/storage": 6}
LONG_AGO = 400


@pytest.mark.parametrize(
    ("kind", "purpose", "days"),
    [
        ("steps", "storage", 6),
        ("steps", "self_monitoring", 7),
        ("weight", "storage", 8),
        ("weight", "self_monitoring", 9),
    ],
)
def test_the_entry_that_names_them_most_closely_counts(kind: str, purpose: str, days: int) -> None:
    assert find(PERIODS, kind, purpose) == days
    rules = {rule.name: str(rule.kept) for rule in list_record_rules(PERIODS)}
    assert rules[f"{kind}_for_{purpose}"] == f"{days} days"


def test_without_periods_there_are_no_rules_and_each_entry_makes_those_it_names() -> None:
    assert list_record_rules({}) == []
    assert [rule.name for rule in list_record_rules({"steps/storage": 5})] == ["steps_for_storage"]
    assert len(list_record_rules({"steps/*": 5})) == len(COLLECTING)


@pytest.mark.parametrize(
    ("key", "days"),
    [("step/storage", 5), ("steps/guidance", 5), ("steps", 5), ("", 5), ("steps/storage", 0)],
)
def test_an_entry_that_names_nothing_is_refused(key: str, days: int) -> None:
    with pytest.raises(ValueError, match="VITALKEEP_RECORD_PERIODS"):
        list_record_rules({key: days})


async def push_of(make: Make, person: Caller, age: int) -> dict[str, Any]:
    """Steps and a weight that were measured so many days ago."""
    at = clock.now() - age * DAY
    steps = make.record("steps", start=at.isoformat(), end=(at + timedelta(hours=1)).isoformat())
    return await person.push(steps, make.record("weight", time=at.isoformat()))


async def kinds(person: Caller) -> list[str]:
    """The types of the person's records, oldest first."""
    return [each["type"] for each in (await person.get("/v1/me/records")).json()["records"]]


async def sweep_all(app: FastAPI, now: datetime, **periods: int) -> int:
    named = {key.replace("_for_", "/"): days for key, days in periods.items()}
    return await sweep(app.state.engine, tuple(list_record_rules(named)), now)


async def test_a_record_goes_when_its_period_is_over_and_leaves_a_tombstone(
    make: Make, app: FastAPI
) -> None:
    person, now = await make.person(), clock.now()
    # A purpose without a period, of another type: it keeps no steps.
    await make.consents(person, ["weight.collect"], purpose="self_monitoring")
    for age in (LONG_AGO, 3):
        await push_of(make, person, age)
    cursor = (await person.get("/v1/me/changes")).json()["next_cursor"]
    assert (await person.get("/v1/me/days", type="steps")).status_code == 200
    await sweep_all(app, now, steps_for_storage=LONG_AGO + 1)
    assert sorted(await kinds(person)) == ["steps", "steps", "weight", "weight"]
    await sweep_all(app, now, steps_for_storage=LONG_AGO - 1)
    assert sorted(await kinds(person)) == ["steps", "weight", "weight"]
    changes = (await person.get("/v1/me/changes", cursor=cursor)).json()["changes"]
    assert [(each["op"], each["type"]) for each in changes] == [("delete", "steps")]
    assert await sweep_all(app, now, steps_for_storage=LONG_AGO - 1) == 0


async def test_the_longest_purpose_in_force_keeps_a_record_and_one_without_end_for_ever(
    make: Make, app: FastAPI
) -> None:
    person, now = await make.person(), clock.now()
    given = await make.consents(person, ["steps.collect"], purpose="self_monitoring")
    await push_of(make, person, LONG_AGO)
    periods = {"steps_for_storage": 5, "steps_for_self_monitoring": LONG_AGO + 9}
    await sweep_all(app, now, steps_for_storage=5)  # the other purpose has no period
    await sweep_all(app, now, **periods)
    assert "steps" in await kinds(person)
    answer = await person.post(f"/v1/me/consents/{given[0]['id']}/withdrawal")
    assert answer.json()["deleted"] == 0, answer.text
    await sweep_all(app, now, **periods)
    assert await kinds(person) == ["weight"]


async def test_what_a_consent_that_ran_out_had_let_in_goes_by_its_period(
    make: Make, app: FastAPI
) -> None:
    person, now = await make.person(collects=False), clock.now()
    soon = (now + timedelta(hours=1)).isoformat()
    await make.consents(person, ["steps.collect"], valid_until=soon)
    at = now - LONG_AGO * DAY
    await person.push(make.record("steps", start=at.isoformat(), end=(at + DAY / 24).isoformat()))
    later = now + 2 * DAY
    assert await expire_consents(app.state.engine, app.state.keyring, later) > 0
    (held,) = (await person.get("/v1/me/consents", state="all")).json()["consents"]
    assert held["state"] == "expired"
    await sweep_all(app, later, steps_for_storage=LONG_AGO + 9)
    assert await kinds(person) == ["steps"]
    await sweep_all(app, later, steps_for_storage=5)
    assert await kinds(person) == []


async def test_the_plan_shows_them_with_the_settings_of_the_deployment(
    make: Make, app: FastAPI
) -> None:
    await push_of(make, await make.person(), LONG_AGO)
    settings: Settings = app.state.settings.model_copy(
        update={"record_periods": {"weight/storage": 30}}
    )
    rules = list_all_rules(settings)
    async with app.state.engine.connect() as connection:
        found = await plan(connection, rules, clock.now())
    weights = next(each for each in found if each.rule.name == "weight_for_storage")
    assert weights.due > 0
    assert weights.overdue_since is not None
    assert weights.overdue_since < clock.now() - DAY
