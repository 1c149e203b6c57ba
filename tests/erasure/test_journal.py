"""Leaving that is cut off anywhere: the gate stays closed, and the worker finishes it."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.cli.commands import environment
from tests.erasure.traces import Life, deactivate, live, traces
from tests.make import Caller, Make
from vitalkeep import worker
from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.keys import DirectoryKeyring, KeyringError, init_keyring
from vitalkeep.erasure import journal, upstream
from vitalkeep.erasure.deactivate import delete_rows
from vitalkeep.erasure.journal import begin, finish, finish_begun, open_person, seal_person
from vitalkeep.erasure.upstream import Leaver, Provider

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("closed", "disconnected", "deleted", "erased")


class Died(Exception):
    """The process ends here."""


async def erasure_of(make: Make, erasure_id: object) -> dict[str, Any]:
    """The erasure as its public page shows it."""
    answer = await make.client.get(f"/v1/erasures/{erasure_id}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def begun(app: FastAPI, person: Caller) -> UUID:
    """The id of an erasure whose first step is done, and no other."""
    async with bound_transaction(app.state.engine, person_id=person.id) as connection:
        return await begin(connection, app.state.keyring, person.id, uuid4())


async def finish_all(app: FastAPI) -> int:
    """What the worker does."""
    return await finish_begun(app.state.engine, app.state.keyring, app.state.settings)


async def require_closed(life: Life, make: Make) -> None:
    """Nobody reads or writes anything of the person any more."""
    assert (await life.person.get("/v1/me/records")).status_code == 401
    pushed = await life.person.post("/v1/me/records", {"records": [make.record()]})
    assert pushed.status_code == 401
    assert (await life.nurse.get(f"/v1/cases/{life.case_id}/records")).status_code == 404


async def test_the_steps_are_those_that_are_tried_here(make: Make, app: FastAPI) -> None:
    told: list[str] = []
    state = app.state
    erasure_id = await begun(app, await make.person())
    await finish(state.engine, state.keyring, state.settings, erasure_id, told.append)
    assert tuple(told) == STEPS


@pytest.mark.parametrize("last", STEPS)
async def test_an_end_at_any_step_is_finished_by_the_worker(
    make: Make, app: FastAPI, last: str
) -> None:
    life, state = await live(make), app.state
    erasure_id = await begun(app, life.person)

    def die(step: str) -> None:
        if step == last:
            raise Died

    with pytest.raises(Died):
        await finish(state.engine, state.keyring, state.settings, erasure_id, die)
    await require_closed(life, make)
    cut_off = await erasure_of(make, erasure_id)
    assert cut_off["stage"] == ("erased" if last == "erased" else "erasing")
    assert ("certificate" in cut_off) == (last == "erased")
    assert (await traces(app, life.ids) == set()) == (last == "erased")
    assert await finish_all(app) == (last != "erased")
    after = await erasure_of(make, erasure_id)
    assert after["stage"] == "erased"
    assert after["certificate"]["statement"]["rows_deleted"]["records"] > 0
    assert await traces(app, life.ids) == set()
    assert await finish_all(app) == 0
    assert await erasure_of(make, erasure_id) == after


@pytest.mark.parametrize("last", STEPS)
async def test_kill_9_at_any_step_is_finished_by_the_worker(
    make: Make, app: FastAPI, last: str
) -> None:
    life, settings = await live(make), app.state.settings
    erasure_id = await begun(app, life.person)
    url = app.state.engine.url.render_as_string(hide_password=False)
    variables = {
        "VITALKEEP_DATABASE_URL": url.replace("+asyncpg", ""),
        "VITALKEEP_KEYRING": str(settings.keyring_dir),
    }
    died = subprocess.run(  # noqa: ASYNC221 - nothing else is to happen meanwhile
        [sys.executable, "-m", "tests.erasure.killed_erasure", last, str(erasure_id)],
        env={**environment(**variables), "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=ROOT,
        check=False,
        timeout=60,
    )
    assert died.returncode == -signal.SIGKILL
    await require_closed(life, make)
    assert await finish_all(app) == (last != "erased")
    assert (await erasure_of(make, erasure_id))["stage"] == "erased"
    assert await traces(app, life.ids) == set()


async def test_a_lost_answer_is_found_by_the_previews_id(
    make: Make, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = await live(make)
    preview = (await life.person.get("/v1/me/deactivation")).json()

    def cut_off(*_: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(journal, "delete_rows", cut_off)
        assert (await deactivate(life.person, preview["confirm_token"])).status_code == 500
    assert (await deactivate(life.person, preview["confirm_token"])).status_code == 401
    assert (await erasure_of(make, preview["erasure_id"]))["stage"] == "erasing"
    task = next(each for each in worker.TASKS if each.name == "finish_erasures")
    assert await worker.run(task, app.state.engine, app.state.settings) == 1
    assert (await erasure_of(make, preview["erasure_id"]))["certificate"]


async def test_whoever_begins_again_joins_the_erasure_there_is(make: Make, app: FastAPI) -> None:
    person, state = await make.person(), app.state
    first = await begun(app, person)
    assert await begun(app, person) == first
    finished = [await finish(state.engine, state.keyring, state.settings, first) for _ in range(2)]
    assert finished[0] == finished[1]
    assert await begun(app, person) == first
    async with bound_transaction(state.engine) as connection:
        with pytest.raises(Unauthenticated):
            await begin(connection, state.keyring, uuid4(), uuid4())


async def test_one_that_can_not_be_finished_holds_up_no_other(
    make: Make, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = await make.person(), await make.person()
    ids = [await begun(app, person) for person in (stuck, other)]

    async def refuse(connection: Any, person_id: UUID) -> dict[str, int]:
        if person_id == stuck.id:
            raise Died
        return await delete_rows(connection, person_id)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "delete_rows", refuse)
        with pytest.raises(Died):
            await finish_all(app)
    assert [(await erasure_of(make, each))["stage"] for each in ids] == ["erasing", "erased"]
    assert await finish_all(app) == 1


async def test_grants_elsewhere_are_revoked_once_and_the_certificate_says_so(
    make: Make, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, state, revoked = await make.person(), app.state, list[UUID]()

    async def revoke(leaver: Leaver) -> Any:
        revoked.append(leaver.person_id)
        return "revoked"

    def die(step: str) -> None:
        if step == "disconnected":
            raise Died

    monkeypatch.setattr(upstream, "PROVIDERS", (Provider("google_fit", revoke),))
    erasure_id = await begun(app, person)
    with pytest.raises(Died):
        await finish(state.engine, state.keyring, state.settings, erasure_id, die)
    assert await finish_all(app) == 1
    statement = (await erasure_of(make, erasure_id))["certificate"]["statement"]
    assert statement["upstream"] == [{"provider": "google_fit", "outcome": "revoked"}]
    assert revoked == [person.id]


async def test_the_persons_id_is_kept_sealed_until_backups_have_expired_and_then_forgotten(
    make: Make, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, state = await make.person(), app.state
    erasure_id = await begun(app, person)
    await finish(state.engine, state.keyring, state.settings, erasure_id)
    kept = "SELECT sealed_person, kept_until FROM erasures WHERE erasure_id = :id"
    ((sealed, until),) = await run_sql(app, kept, id=erasure_id)
    assert person.id.bytes not in sealed
    assert open_person(state.keyring, sealed) == person.id
    retained = (await erasure_of(make, erasure_id))["certificate"]["statement"]["retained"]
    assert retained[1]["until"] == clock.rfc3339(until)
    task = next(each for each in worker.TASKS if each.name == "forget_erased")
    monkeypatch.setattr(clock, "now", lambda: until - timedelta(seconds=1))
    await worker.run(task, state.engine, state.settings)
    assert await run_sql(app, kept, id=erasure_id) == [(sealed, until)]
    monkeypatch.setattr(clock, "now", lambda: until)
    assert await worker.run(task, state.engine, state.settings) >= 1
    assert await run_sql(app, kept, id=erasure_id) == [(None, until)]
    assert (await erasure_of(make, erasure_id))["certificate"]


def test_an_id_sealed_by_another_deployment_does_not_open(tmp_path: Path) -> None:
    for name in ("one", "other"):
        init_keyring(tmp_path / name)
    one, other = (DirectoryKeyring(tmp_path / name) for name in ("one", "other"))
    person_id = uuid4()
    assert open_person(one, seal_person(one, person_id)) == person_id
    with pytest.raises(KeyringError, match="of another keyring"):
        open_person(other, seal_person(one, person_id))
