"""Periodic tasks: counted, logged, repeated after failures, and run beside an application."""

import asyncio
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.base.answers import logged, logging_from
from tests.make import Make
from tests.records.stored import list_rows
from vitalkeep import worker
from vitalkeep.app import create_app
from vitalkeep.base import clock
from vitalkeep.base.metrics import REGISTRY
from vitalkeep.base.settings import Settings
from vitalkeep.worker import Task


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_deletions_are_purged_after_as_many_days_as_are_set(
    make: Make, app: FastAPI, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task = next(each for each in worker.TASKS if each.name == "purge_tombstones")
    settings: Settings = app.state.settings.model_copy(update={"tombstone_days": 30})
    person = await make.person()
    (gone,) = (await person.push(make.record()))["results"]
    await person.post("/v1/me/records/delete", {"ids": [gone["id"]], "by": "source"})
    (row,) = await list_rows(make, person)
    due = row["modified_at"] + timedelta(days=30)
    monkeypatch.setattr(clock, "now", lambda: due)
    await worker.run(task, app.state.engine, settings)  # what other tests left
    before = [
        counted("vitalkeep_task_rows_total", task=task.name),
        counted("vitalkeep_task_runs_total", task=task.name, outcome="done"),
    ]
    capsys.readouterr()
    with logging_from("info"):
        assert await worker.run(task, app.state.engine, settings) == 0
        monkeypatch.setattr(clock, "now", lambda: due + timedelta(seconds=1))
        assert await worker.run(task, app.state.engine, settings) == 1
    after = [
        counted("vitalkeep_task_rows_total", task=task.name),
        counted("vitalkeep_task_runs_total", task=task.name, outcome="done"),
    ]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 2]
    lines = [(line["event"], line["task"], line["rows"]) for line in logged(capsys)]
    assert lines == [("task_done", task.name, 0), ("task_done", task.name, 1)]
    assert await list_rows(make, person) == []


async def test_a_task_that_fails_is_logged_and_tried_again_and_the_others_go_on(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[str] = []
    enough = asyncio.Event()

    async def fail(_engine: AsyncEngine, _settings: Settings) -> int:
        runs.append("failing")
        raise RuntimeError("120/80 of hanako")

    async def succeed(_engine: AsyncEngine, _settings: Settings) -> int:
        runs.append("working")
        if min(runs.count("failing"), runs.count("working")) > 2:
            enough.set()
        return 1

    tasks = (Task("failing", 3600, fail), Task("working", 0.001, succeed))
    monkeypatch.setattr(worker, "TASKS", tasks)
    monkeypatch.setattr(worker, "RETRY_S", 0.001)
    before = counted("vitalkeep_task_runs_total", task="failing", outcome="failed")
    with logging_from("error"):
        working = asyncio.create_task(worker.work(app.state.engine, app.state.settings))
        async with asyncio.timeout(20):
            await enough.wait()
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    assert counted("vitalkeep_task_runs_total", task="failing", outcome="failed") >= before + 3
    failed = logged(capsys)
    assert {(line["event"], line["task"], line["error"]) for line in failed} == {
        ("task_failed", "failing", "RuntimeError")
    }
    assert "hanako" not in str(failed)


async def test_what_runs_alongside_begins_with_the_application_and_ends_with_it(
    settings: Settings, app: FastAPI
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def alongside(_engine: AsyncEngine, given: Settings) -> None:
        assert given is settings
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    made = create_app(settings, app.state.keyring, alongside=alongside)
    async with made.router.lifespan_context(made):
        async with asyncio.timeout(20):
            await begun.wait()
        assert not ended.is_set()
    assert ended.is_set()
