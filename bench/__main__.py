"""`make bench`: measures, prints the table, writes bench/results/<date>.json."""

import argparse
import asyncio
import json
import platform
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from bench.measure import Row, measure
from bench.pulling import measure_pull
from bench.scale import measure_days, measure_growth, measure_leaving
from bench.world import open_world
from vitalkeep.base import devdb

RESULTS = Path(__file__).parent / "results"
Only = Literal["growth", "pull"]


async def run(only: Only | None, leaving: int | None) -> tuple[list[Row], str]:
    """The measured rows and PostgreSQL's version, on a database that is thrown away.

    With `growth` only what a growing table costs, which takes many minutes and 6 GB of disk; with
    `pull` only a big pull from a stand-in for Google; with `leaving` only what somebody's leaving
    with that many records costs.
    """
    with tempfile.TemporaryDirectory(prefix="vitalkeep-bench-") as scratch:
        database = await asyncio.to_thread(devdb.start, Path(scratch))
        try:
            if only == "pull":
                return [await measure_pull(Path(scratch), database.url)], database.version
            async with open_world(Path(scratch), database.url, database.pid) as world:
                if only == "growth":
                    rows = [await measure_growth(world, 100_000, 10_000_000, 7)]
                elif leaving is not None:
                    rows = await measure_leaving(world, leaving, leaving // 10)
                else:
                    rows = await measure(world)
                    rows.append(await measure_days(world, 30))
                    rows += await measure_leaving(world, 1_000_000, 100_000)
                return rows, database.version
        finally:
            await asyncio.to_thread(devdb.stop, database)


def main() -> None:
    """Measures and reports; a bar that is missed is said, not failed."""
    parser = argparse.ArgumentParser(prog="make bench")
    instead = parser.add_mutually_exclusive_group()
    for name, what in (
        ("growth", "measure 10 million records instead of the rest"),
        ("pull", "measure a pull of 90 days that is killed half-way instead of the rest"),
    ):
        instead.add_argument(f"--{name}", dest="only", action="store_const", const=name, help=what)
    instead.add_argument(
        "--leaving",
        type=int,
        metavar="RECORDS",
        help="measure only leaving with so many records, the scrub, and a rotation for a tenth as "
        "many persons",
    )
    asked = parser.parse_args()
    rows, postgres = asyncio.run(run(asked.only, asked.leaving))
    table = Table("what", "measured", "bar", "aim", "bar held")
    for each in rows:
        table.add_row(each.what, each.measured, each.bar, each.aim, "yes" if each.holds else "NO")
    console = Console()
    console.print(table)
    now = datetime.now(UTC)
    result = {
        "at": now.isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "postgresql": postgres,
        "rows": [asdict(each) for each in rows],
    }
    RESULTS.mkdir(exist_ok=True)
    measured = asked.only or (None if asked.leaving is None else "leaving")
    path = RESULTS / f"{now:%Y-%m-%d}{f'-{measured}' if measured else ''}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    console.print(f"written to bench/results/{path.name}")


main()
