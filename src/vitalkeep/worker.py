"""Work that no request asks for: periodic tasks, as `vitalkeep worker` or beside `vitalkeep dev`.

Each task finds in the database what is due, so a run that was missed, cut short or made twice does
no harm (docs/decisions/0010).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.keyrings import open_keyring
from vitalkeep.base.logs import fault, get_log
from vitalkeep.base.metrics import TASK_ROWS, TASK_RUNS
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.due import pull_due
from vitalkeep.consents.sweeping import expire_consents
from vitalkeep.erasure.epochs import rotate_when_due
from vitalkeep.erasure.journal import finish_begun, forget_persons
from vitalkeep.erasure.journal_copy import keep_copy
from vitalkeep.erasure.settling import settle_notices
from vitalkeep.notices.delivery import deliver_due, purge_ended
from vitalkeep.records.freezing import delete_frozen
from vitalkeep.records.retention import purge_tombstones
from vitalkeep.retention.periods import list_all_rules
from vitalkeep.retention.sweeping import measure, sweep

RETRY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Task:
    """Something to do at start and then every `every_s` seconds; `run` answers how many rows."""

    name: str
    every_s: float
    run: Callable[[AsyncEngine, Settings], Awaitable[int]]


async def purge(engine: AsyncEngine, settings: Settings) -> int:
    """Purges deletions that have been readable for long enough."""
    before = clock.now() - timedelta(days=settings.tombstone_days)
    return await purge_tombstones(engine, before)


async def rotate_keys(engine: AsyncEngine, settings: Settings) -> int:
    """Moves everybody to a new master key when the newest is old enough, or a move was cut off."""
    every = timedelta(hours=settings.rotate_hours) if settings.rotate_hours else None
    return await rotate_when_due(engine, open_keyring(settings), every)


async def enter_expiries(engine: AsyncEngine, settings: Settings) -> int:
    """Enters in the ledgers which consents have run out."""
    return await expire_consents(engine, open_keyring(settings), clock.now())


async def end_freezes(engine: AsyncEngine, settings: Settings) -> int:
    """Deletes records that were frozen for 30 days."""
    return await delete_frozen(engine, open_keyring(settings), clock.now())


async def finish_erasures(engine: AsyncEngine, settings: Settings) -> int:
    """Finishes erasures that were cut off, and keeps the keyring's copy of the journal."""
    try:
        return await finish_begun(engine, open_keyring(settings), settings)
    finally:
        await keep_copy(engine, settings.keyring_dir)


async def forget_erased(engine: AsyncEngine, _settings: Settings) -> int:
    """Forgets who has left, once no backup holds them."""
    return await forget_persons(engine)


async def sweep_retention(engine: AsyncEngine, settings: Settings) -> int:
    """Deletes what is past its time by the rules of retention, and measures what is overdue."""
    rules, now = list_all_rules(settings), clock.now()
    swept = await sweep(engine, rules, now)
    await measure(engine, rules, now)
    return swept


async def send_notices(engine: AsyncEngine, settings: Settings) -> int:
    """Sends the notices that are due."""
    allow_private = settings.allow_private_notices
    return await deliver_due(engine, lambda: open_keyring(settings), allow_private=allow_private)


async def settle_erasures(engine: AsyncEngine, settings: Settings) -> int:
    """Enters in the journal of leaving what became of its notices."""
    return await settle_notices(engine, lambda: open_keyring(settings))


async def purge_notices(engine: AsyncEngine, _settings: Settings) -> int:
    """Forgets notices that were delivered or given up 30 days ago."""
    return await purge_ended(engine, clock.now())


async def pull_connections(engine: AsyncEngine, settings: Settings) -> int:
    """Pulls from the connections that are due, and takes back grants of those that were ended."""
    return await pull_due(engine, settings, lambda: open_keyring(settings))


TASKS: Final = (
    Task("finish_erasures", 60.0, finish_erasures),
    Task("forget_erased", 3600.0, forget_erased),
    Task("purge_tombstones", 3600.0, purge),
    Task("rotate_keys", 600.0, rotate_keys),
    Task("expire_consents", 300.0, enter_expiries),
    Task("delete_frozen", 3600.0, end_freezes),
    Task("sweep_retention", 3600.0, sweep_retention),
    Task("send_notices", 10.0, send_notices),
    Task("settle_erasures", 30.0, settle_erasures),
    Task("purge_notices", 3600.0, purge_notices),
    Task("pull_connections", 10.0, pull_connections),
)


async def work(engine: AsyncEngine, settings: Settings) -> None:
    """Runs every task at its pace until it is cancelled."""
    async with asyncio.TaskGroup() as group:
        for task in TASKS:
            group.create_task(repeat(task, engine, settings))


async def repeat(task: Task, engine: AsyncEngine, settings: Settings) -> None:
    """Runs a task again and again; after a failure sooner, since the next run does it all."""
    while True:
        pause = task.every_s
        try:
            await run(task, engine, settings)
        except Exception as error:  # whatever it is, the other tasks go on and so does this one
            pause = min(pause, RETRY_S)
            get_log().error("task_failed", task=task.name, retry_in_s=pause, **fault(error))
        await asyncio.sleep(pause)


async def run(task: Task, engine: AsyncEngine, settings: Settings) -> int:
    """Runs a task once, counted and logged; how many rows it dealt with."""
    begun = perf_counter()
    outcome = "failed"
    try:
        rows = await task.run(engine, settings)
        outcome = "done"
    finally:
        TASK_RUNS.labels(task.name, outcome).inc()
    TASK_ROWS.labels(task.name).inc(rows)
    ms = round((perf_counter() - begun) * 1000, 1)
    get_log().info("task_done", task=task.name, rows=rows, ms=ms)
    return rows
