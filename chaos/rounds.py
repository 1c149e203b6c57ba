"""One round: push, kill, come back, look, send again, look again."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Final

from chaos.batches import Batch, PromiseBroken, check_found
from chaos.pushing import Pusher
from chaos.world import World
from vitalkeep.base import devdb

DELAY_S: Final = (0.02, 0.8)
"""When the kill comes, in seconds after the pushers began, or after their first answer."""
WARM: Final = 0.5
"""How often the first answer is waited for; otherwise a new server may be killed at once."""
AFTERMATH_S: Final = 0.2
"""How long pushers go on after the kill, unless it stops them."""

BUSY: Final = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'vitalkeep' AND state <> 'idle' ORDER BY pid
"""
TWICE: Final = """
SELECT feed FROM records WHERE person_id = $1 GROUP BY feed HAVING count(*) > 1 LIMIT 1
"""
AHEAD: Final = """
SELECT max(r.feed) > p.feed FROM records r JOIN persons p USING (person_id)
WHERE person_id = $1 GROUP BY p.feed
"""


@dataclass
class Tally:
    """What all rounds with one target came to, in batches unless it says otherwise."""

    rounds: int = 0
    in_flight: int = 0
    in_transaction: int = 0
    acknowledged: int = 0
    records: int = 0
    unknown: int = 0
    present: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    problems: Counter[str] = field(default_factory=Counter)


async def kill_server(world: World, _busy: list[int], _rng: Random) -> None:
    """The server's process; its supervisor starts another."""
    process = world.supervisor.process
    if process is None:
        raise RuntimeError("no server runs")
    process.kill()
    await process.wait()


async def kill_postmaster(world: World, _busy: list[int], _rng: Random) -> None:
    """PostgreSQL's first process; its others see it and end. Started again when it is dead."""
    os.kill(world.database.pid, signal.SIGKILL)
    world.database = await asyncio.to_thread(start_again, world.data)


def start_again(data: Path) -> devdb.DevDatabase:
    """Starts PostgreSQL once the killed one is dead, as an operator's init would."""
    while devdb.find_running(data) is not None:
        sleep(0.01)
    return devdb.start(data)


async def kill_backend(world: World, busy: list[int], rng: Random) -> None:
    """One PostgreSQL process that serves a push; PostgreSQL ends all the others and recovers."""
    while not busy:
        busy = await busy_backends(world)
    os.kill(rng.choice(busy), signal.SIGKILL)


async def busy_backends(world: World) -> list[int]:
    """The server's PostgreSQL processes that are inside a transaction now."""
    connection = await world.connect()
    try:
        return [row[0] for row in await connection.fetch(BUSY)]
    finally:
        await connection.close()


Kill = Callable[[World, list[int], Random], Awaitable[None]]
KILLS: Final[dict[str, Kill]] = {
    "server": kill_server,
    "postmaster": kill_postmaster,
    "backend": kill_backend,
}


async def run_round(
    world: World, pushers: list[Pusher], target: str, rng: Random, tally: Tally
) -> str:
    """One kill and all that follows; a line for the reader. Raises PromiseBroken."""
    answered = asyncio.Event()
    for pusher in pushers:
        pusher.begin(answered)
    delay, warm = rng.uniform(*DELAY_S), rng.random() < WARM
    pushing = [asyncio.create_task(pusher.push_on(world)) for pusher in pushers]
    if warm:
        await answered.wait()
    await asyncio.sleep(delay)
    busy = await busy_backends(world)
    tally.in_flight += sum(pusher.flying for pusher in pushers)
    tally.in_transaction += len(busy)
    killed = monotonic()
    await KILLS[target](world, busy, rng)
    await asyncio.sleep(AFTERMATH_S)
    for pusher in pushers:
        pusher.stopping = True
    await asyncio.gather(*pushing)
    await world.until_ready()
    back = monotonic() - killed
    tally.slowest_s = max(tally.slowest_s, back)
    seen = await look(world, pushers, tally)
    return f"{delay * 1000:3.0f} ms, {len(busy)} in a transaction, back in {back:4.1f} s: {seen}"


async def look(world: World, pushers: list[Pusher], tally: Tally) -> str:
    """Checks what is there, sends again what was not acknowledged, checks that; counts it all."""
    await settle(world)
    acknowledged = [batch for pusher in pushers for batch in pusher.acknowledged]
    unknown = [batch for pusher in pushers for batch in pusher.unknown]
    refused = [batch for pusher in pushers for batch in pusher.refused]
    present = await check_persons(world, pushers)
    for pusher in pushers:
        for batch in [*pusher.acknowledged, *pusher.unknown, *pusher.refused]:
            pusher.whole.add(batch)
        for batch in [*pusher.unknown, *pusher.refused]:
            await pusher.send_again(world, batch, present=batch in present)
        pusher.unknown, pusher.refused = [], []
        pusher.acknowledged = [
            each for each in [*unknown, *refused]
            if each.pusher == pusher.name and each not in present
        ]  # fmt: skip
    await check_persons(world, pushers)
    await check_numbers(world)
    tally.rounds += 1
    tally.acknowledged += len(acknowledged)
    tally.records += sum(batch.size for batch in acknowledged)
    tally.unknown += len(unknown)
    tally.present += len(present)
    tally.refused += len(refused)
    for pusher in pushers:
        tally.problems += pusher.problems
        pusher.problems.clear()
    return (
        f"{len(acknowledged):3} acknowledged ({sum(b.size for b in acknowledged):5} records), "
        f"{len(unknown)} unknown, {len(present)} of them there"
    )


async def settle(world: World) -> None:
    """Waits until nothing of a dead server is at work any more: its locks are gone."""
    connection = await world.connect()
    for person in world.persons:
        async with connection.transaction():
            lock = "SELECT FROM persons WHERE person_id = $1 FOR UPDATE"
            await connection.execute(lock, person.person_id)
    await connection.close()


async def check_persons(world: World, pushers: list[Pusher]) -> list[Batch]:
    """The unknown batches that are there, after reading each person's changes of the round."""
    present: list[Batch] = []
    for person in world.persons:
        own = [pusher for pusher in pushers if pusher.person is person]
        acknowledged = [batch for pusher in own for batch in pusher.acknowledged]
        unknown = [batch for pusher in own for batch in [*pusher.unknown, *pusher.refused]]
        found = await world.new_changes(person)
        there = check_found(acknowledged, unknown, found)
        lied = [batch for pusher in own for batch in pusher.refused if batch in there]
        if lied:
            raise PromiseBroken(f"told that nothing was stored, and it is there: {lied[0]}")
        for name in list(found)[:: max(1, len(found) // 5)]:
            record = await world.get(person, f"/v1/me/records/{found[name]['id']}")
            if record != found[name]:
                raise PromiseBroken(f"the feed says {found[name]}, the record reads {record}")
        present += there
    return present


async def check_numbers(world: World) -> None:
    """Raises PromiseBroken if a change number was given twice, or may be given again."""
    connection = await world.connect()
    for person in world.persons:
        twice = await connection.fetchval(TWICE, person.person_id)
        if twice is not None or await connection.fetchval(AHEAD, person.person_id):
            raise PromiseBroken(f"change number {twice} is not one record's alone")
    await connection.close()
