"""The command `worker`: periodic tasks as a process of their own."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import start_http_server

from vitalkeep.base.db import create_engine
from vitalkeep.base.logs import configure_logs
from vitalkeep.base.metrics import REGISTRY
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.settings import Settings
from vitalkeep.cli.check import require_forgetful
from vitalkeep.cli.database import open_world
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors
from vitalkeep.cli.server import production_settings
from vitalkeep.worker import TASKS, run, work


def worker(
    data: Data = None,
    once: Annotated[bool, typer.Option("--once", help="Run each task once, then end.")] = False,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve /metrics here, on the loopback.", min=1, max=65535)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do what no request asks for: purge deletions, end consents, rotate keys. SIGTERM ends it."""
    with clear_errors(), worker_settings(data) as settings:
        require_forgetful(settings)
        if once:
            configure_logs("error")
            answer(asyncio.run(run_each(settings)), as_json=as_json)
            return
        configure_logs(settings.log_level)
        if metrics_port is not None:
            start_http_server(metrics_port, "127.0.0.1", REGISTRY)
        answer({"tasks": [task.name for task in TASKS]}, as_json=as_json)
        asyncio.run(work_until_told(settings))


@contextmanager
def worker_settings(data: Path | None) -> Iterator[Settings]:
    """Settings as `serve` has them, or on the embedded database of a directory."""
    if data is None:
        yield production_settings()[0]
        return
    with open_world(data) as world:
        if world.embedded:
            asyncio.run(upgrade(world.settings.database_url or ""))
        yield world.settings


async def run_each(settings: Settings) -> dict[str, int]:
    """Runs every task once; how many rows each dealt with."""
    engine = create_engine(settings)
    try:
        return {task.name: await run(task, engine, settings) for task in TASKS}
    finally:
        await engine.dispose()


async def work_until_told(settings: Settings) -> None:
    """Works until SIGTERM or Ctrl-C; what is under way is rolled back and found again."""
    working = asyncio.current_task()
    if working is None:
        raise RuntimeError("not called in a task")
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    engine = create_engine(settings)
    try:
        with suppress(asyncio.CancelledError):
            await work(engine, settings)
    finally:
        await engine.dispose()
