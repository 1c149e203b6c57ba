"""What is past its time goes, nothing before it does, and the plan and the metric tell."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.cli.commands import call
from tests.erasure.traces import Life, live
from tests.make import Make
from vitalkeep import worker
from vitalkeep.base import clock
from vitalkeep.base.metrics import REGISTRY
from vitalkeep.retention import sweeping
from vitalkeep.retention.rules import Rule, list_rules

RULES = list_rules(90)
BY_NAME = {rule.name: rule for rule in RULES}
SECOND = timedelta(seconds=1)
COUNTED = [rule for rule in RULES if rule.task == "sweep_retention" and rule.since]


async def sweep(app: FastAPI, now: datetime, *names: str) -> int:
    """Sweeps by these rules, or by all."""
    rules = tuple(rule for rule in RULES if not names or rule.name in names)
    return await sweeping.sweep(app.state.engine, rules, now)


async def newest(app: FastAPI, rule: Rule) -> datetime:
    """When the last of the rows that stand now will be due."""
    statement = f"SELECT max({rule.since}) FROM {rule.table} WHERE {rule.where}"  # noqa: S608
    due = sweeping.due_at(rule, (await run_sql(app, statement))[0][0])
    assert due is not None
    return due


async def count(app: FastAPI, rule: Rule) -> int:
    statement = f"SELECT count(*) FROM {rule.table} WHERE {rule.where}"  # noqa: S608
    found: int = (await run_sql(app, statement))[0][0]
    return found


async def forget_leavers(app: FastAPI) -> None:
    """Removes what other tests left of persons in mid-erasure: their rows are never swept."""
    for rule in COUNTED:
        if rule.person is not None:
            await run_sql(
                app,
                f"DELETE FROM {rule.table} WHERE {rule.person} NOT IN "  # noqa: S608
                "(SELECT person_id FROM persons WHERE state = 'active')",
            )


async def furnish(make: Make) -> Life:
    """A person with rows that every rule is about, and nobody who is leaving."""
    await forget_leavers(make.fastapi)
    life = await live(make)
    await make.invitation(life.nurse, ["steps.read"])
    await make.sign_in(life.app, life.person.external_id)
    await run_sql(
        make.fastapi,
        "INSERT INTO refresh_families (subject_id, family_id, client_id, role, digest, public, "
        "expires_at) VALUES (:id, gen_random_uuid(), gen_random_uuid(), 'staff', '\\x00', false, "
        ":at)",
        id=life.nurse.id,
        at=clock.now() + timedelta(days=90),
    )
    return life


@pytest.mark.parametrize("rule", COUNTED, ids=lambda rule: rule.name)
async def test_a_row_goes_when_its_time_is_over_and_not_before(
    make: Make, app: FastAPI, rule: Rule
) -> None:
    await furnish(make)
    due = await newest(app, rule)
    last = (
        f"SELECT count(*) FROM {rule.table} WHERE {rule.where} AND {rule.since} = "  # noqa: S608
        f"(SELECT max({rule.since}) FROM {rule.table} WHERE {rule.where})"
    )
    left = (await run_sql(app, last))[0][0]
    await sweep(app, due, rule.name)
    assert await count(app, rule) == left > 0
    assert await sweep(app, due + SECOND, rule.name) == left
    assert await count(app, rule) == 0


async def test_an_expired_invitation_takes_the_id_of_its_relative_along_and_a_case_keeps_it(
    make: Make, app: FastAPI
) -> None:
    relative, _, _ = await watched(make)
    await make.watch(relative, ["sleep.read"])
    rows = "SELECT count(*) FROM relatives WHERE person_id = :id"
    assert (await run_sql(app, rows, id=relative.id))[0][0] == 2
    await sweep(app, clock.now(), "invitations_of_relatives", "relatives")
    assert (await run_sql(app, rows, id=relative.id))[0][0] == 2
    await sweep(app, clock.now() + timedelta(days=15), "invitations_of_relatives", "relatives")
    assert (await run_sql(app, rows, id=relative.id))[0][0] == 1


async def watched(make: Make) -> tuple[Any, Any, Any]:
    """A relative, whom they watch, and the case."""
    relative, person = await make.person(), await make.person()
    code = await make.watch(relative, ["steps.read"])
    agreed = {"scopes": ["steps.read"]}
    answer = await person.post(f"/v1/me/invitations/{code}/acceptance", agreed)
    assert answer.status_code in (200, 201), answer.text
    return relative, person, answer.json()


async def test_a_sweep_that_was_cut_off_is_finished_by_the_next(
    make: Make, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = BY_NAME["pushes"]
    await sweep(app, await newest(app, rule) + SECOND if await count(app, rule) else clock.now())
    for _ in range(3):
        await live(make)
    due = await newest(app, rule) + SECOND
    real = sweeping.sweep_person
    done: list[int] = []

    async def once(*arguments: Any) -> int:
        if done:
            raise RuntimeError("stopped")
        done.append(await real(*arguments))
        return 1

    with monkeypatch.context() as patch:
        patch.setattr(sweeping, "sweep_person", once)
        with pytest.raises(RuntimeError, match="stopped"):
            await sweep(app, due, "pushes")
    assert await count(app, rule) == 2
    assert await sweeping.sweep_persons(app.state.engine, rule, due, batch=1) == 2


async def test_rows_of_nobody_go_batch_by_batch(make: Make, app: FastAPI) -> None:
    rule, nurse = BY_NAME["invitations"], await make.staff()
    for _ in range(5):
        await make.invitation(nurse, ["steps.read"])
    before = await count(app, rule)
    due = await newest(app, rule) + SECOND
    assert await sweeping.sweep_rows(app.state.engine, rule, due, batch=2) == before >= 5


async def test_who_is_leaving_is_left_alone(make: Make, app: FastAPI) -> None:
    rule, person = BY_NAME["pushes"], (await live(make)).person
    due = await newest(app, rule) + SECOND
    state = "UPDATE persons SET state = :state WHERE person_id = :id"
    await run_sql(app, state, state="erasing", id=person.id)
    assert await sweeping.sweep_person(app.state.engine, rule, due, person.id) == 0
    await run_sql(app, state, state="active", id=person.id)
    assert await sweeping.sweep_person(app.state.engine, rule, due, person.id) == 1


def overdue(name: str) -> float:
    metric = "vitalkeep_retention_overdue_seconds"
    return REGISTRY.get_sample_value(metric, {"rule": name}) or 0.0


async def test_the_metric_tells_for_how_long_the_oldest_row_has_been_due(
    make: Make, app: FastAPI
) -> None:
    await furnish(make)
    due = {rule.name: await newest(app, rule) for rule in COUNTED}
    for name, moment in due.items():
        await sweep(app, moment, name)
        late = moment + timedelta(hours=2)
        await sweeping.measure(app.state.engine, RULES, late)
        assert overdue(name) == pytest.approx(7200)
        await sweep(app, late, name)
        await sweeping.measure(app.state.engine, RULES, late)
        assert overdue(name) == 0


async def test_the_plan_shows_what_the_worker_then_deletes(
    make: Make, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await furnish(make)
    settings = app.state.settings
    variables = {
        "VITALKEEP_DATABASE_URL": settings.database_url,
        "VITALKEEP_KEYRING": str(settings.keyring_dir),
    }
    task = next(each for each in worker.TASKS if each.name == "sweep_retention")

    def planned() -> dict[str, dict[str, Any]]:
        told = json.loads(call("retention", "plan", "--json", **variables).stdout)["rules"]
        return {each["rule"]: each for each in told}

    now = planned()
    assert now.keys() == BY_NAME.keys()
    assert all(now[rule.name]["waiting"] > 0 for rule in COUNTED)
    assert all(now[rule.name]["next_due"] for rule in COUNTED)
    later = clock.now() + timedelta(days=3 * 366)
    monkeypatch.setattr(clock, "now", lambda: later)
    then = planned()
    for rule in COUNTED:
        before, after = now[rule.name], then[rule.name]
        assert after["due"] == before["due"] + before["waiting"]
        assert after["overdue_since"] <= before["next_due"]
        assert (after["waiting"], after["next_due"]) == (0, None)
    due = sum(then[rule.name]["due"] for rule in COUNTED)
    assert await worker.run(task, app.state.engine, settings) >= due
    assert {each["due"] for each in planned().values() if each["task"] == task.name} == {0}
    assert "access_events" in call("retention", "plan", **variables).stdout
