"""The main job as a story: every step is told, and one that does not hold ends it."""

import json
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.cli.commands import call, run_json
from vitalkeep.app import create_app
from vitalkeep.base.db import connect_args
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.settings import Settings
from vitalkeep.demo import world
from vitalkeep.demo.story import Step, StepFailed, tell

STEPS = (
    "adds an app, an organization and a nurse",
    "Nothing is stored before the person agrees",
    "agrees to the collection of every type",
    "pushes 30 days",
    "Sending the same again changes nothing",
    "follows the change feed to its end",
    "Without a case the nurse sees nobody",
    "The nurse invites, the person accepts",
    "reads what was agreed to, and nothing else",
    "withdraws the reading of steps",
    "sees who looked",
    "A new version of the policy covers more",
    "the certificate verifies",
    "Every table is empty of the person",
)


@pytest_asyncio.fixture
async def stage(app: FastAPI, keyring: DirectoryKeyring) -> AsyncIterator[FastAPI]:
    """An application on a migrated database of its own, on which nothing was told yet."""
    name = f"story_{secrets.token_hex(4)}"
    engine = app.state.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    url = app.state.engine.url.set(database=name).render_as_string(hide_password=False)
    await upgrade(url)
    told = create_app(Settings().with_database(url), keyring)
    yield told
    await told.state.engine.dispose()
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name}"))


def test_the_demo_tells_every_step_and_ends_well(tmp_path: Path) -> None:
    told = run_json("demo", VITALKEEP_KEYRING=tmp_path / "operators", VITALKEEP_DATA=tmp_path)
    assert told["ok"] is True
    assert len(told["steps"]) == len(STEPS)
    for step, words in zip(told["steps"], STEPS, strict=True):
        assert words in step["title"]
        assert step["figures"]
        assert step["ms"] > 0
    pushed = told["steps"][3]["figures"]
    assert "'created': 630" in pushed
    assert "0 rows in" in told["steps"][-1]["figures"]
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_does_not_hold_fails_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "NURSE_EMAIL", "no address")
    ended = call("demo", "--json")
    assert ended.exit_code == 1
    assert json.loads(ended.stdout) == {"ok": False, "steps": []}
    assert ended.stderr.startswith("error: a step did not hold: The operator adds an app")


def test_without_json_the_steps_stand_in_a_table_even_when_the_last_one_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(world, "JAPAN", timedelta(days=900))  # measured in days to come
    ended = call("demo")
    assert ended.exit_code == 1
    assert "✓ The operator adds an app" in ended.stdout
    assert "│ 1 app, 1 organization, 1" in ended.stdout
    assert "error: a step did not hold: without consent: " in ended.stderr


async def tell_and_spoil(stage: FastAPI, after: str, sql: str, told: list[Step]) -> None:
    """Tells the story and changes the database under it once a step's title has these words."""
    async for step in tell(stage):
        told.append(step)
        if after in step.title:
            async with stage.state.engine.begin() as connection:
                await connection.execute(text(sql))


@pytest.mark.parametrize(
    ("after", "sql", "failed"),
    [
        (STEPS[1], "DELETE FROM policies", "The person agrees to the collection of every type"),
        (STEPS[2], "UPDATE consents SET state = 'expired'", "push: .*consent_missing"),
        (STEPS[3], "UPDATE records SET sealed = sealed || '0'::bytea", "again: .*updated"),
        (STEPS[4], "DELETE FROM records", "0 changes of 630"),
        (STEPS[9], "DELETE FROM access_events", "0 entries for one look"),
    ],
)
async def test_the_story_ends_at_the_step_that_does_not_hold(
    stage: FastAPI, after: str, sql: str, failed: str
) -> None:
    told: list[Step] = []
    with pytest.raises(StepFailed, match=failed):
        await tell_and_spoil(stage, after, sql, told)
    assert after in told[-1].title


async def test_the_story_holds_for_a_login_that_owns_nothing(stage: FastAPI) -> None:
    """As in production, where not even a transaction outside of a request passes the policies."""
    owner = stage.state.engine
    arguments = connect_args()
    arguments["server_settings"] = {"role": "vitalkeep_app"}
    stage.state.engine = create_async_engine(owner.url, connect_args=arguments)
    steps = [step async for step in tell(stage)]
    await stage.state.engine.dispose()
    stage.state.engine = owner
    assert len(steps) == len(STEPS)
    async with owner.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM records")) == 0
        assert await connection.scalar(text("SELECT count(*) FROM person_keys")) == 0
