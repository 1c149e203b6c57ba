"""All rounds with every target, in one world, and the table they end in."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from rich.table import Table

from chaos.pushing import Pusher
from chaos.rounds import KILLS, Tally, run_round
from chaos.whole import Whole, check_whole
from chaos.world import World, open_world

PERSONS = 2
PUSHERS_A_PERSON = 2


async def tell(
    data: Path, port: int, rounds: int, seed: int, say: Callable[[str], None]
) -> dict[str, Tally]:
    """What each target's rounds came to. Raises PromiseBroken at the first broken promise."""
    rng = Random(seed)  # noqa: S311 - repeatable chaos, not a secret
    tallies = {target: Tally() for target in KILLS}
    async with open_world(data, port, PERSONS) as world:
        pushers = [
            Pusher(f"{number}{letter}", person, seed)
            for number, person in enumerate(world.persons)
            for letter in "abcdef"[:PUSHERS_A_PERSON]
        ]
        for number in range(1, rounds + 1):
            for target, tally in tallies.items():
                line = await run_round(world, pushers, target, rng, tally)
                say(f"{target:10} {number:3}: {line}")
        await check_end(world, pushers, say)
    return tallies


async def check_end(world: World, pushers: list[Pusher], say: Callable[[str], None]) -> None:
    """Reads everything once more, from the beginning."""
    for person in world.persons:
        wholes = [pusher.whole for pusher in pushers if pusher.person is person]
        expected = Whole().join(wholes)
        await check_whole(world, person, expected)
        count = expected.records + len(expected.counters)
        say(f"read again from the beginning: {count:,} records, as they were sent")
    say(f"the server was started {world.supervisor.starts} times")


def to_table(tallies: dict[str, Tally]) -> Table:
    """The tallies as a table."""
    table = Table("killed", title="every promise was kept")
    rows: tuple[tuple[str, Callable[[Tally], int]], ...] = (
        ("kills", lambda t: t.rounds),
        ("pushes in flight", lambda t: t.in_flight),
        ("of them in a transaction", lambda t: t.in_transaction),
        ("batches acknowledged", lambda t: t.acknowledged),
        ("their records, all there", lambda t: t.records),
        ("outcome unknown", lambda t: t.unknown),
        ("of these there, and whole", lambda t: t.present),
        ("refused, nothing stored", lambda t: t.refused),
    )
    for target in tallies:
        table.add_column(target, justify="right")
    for name, figure in rows:
        table.add_row(name, *(f"{figure(tally):,}" for tally in tallies.values()))
    table.add_row("slowest return", *(f"{tally.slowest_s:.1f} s" for tally in tallies.values()))
    said = (", ".join(f"{k} {n}" for k, n in t.problems.most_common()) for t in tallies.values())
    table.add_row("what pushers were told", *said)
    return table
