"""`make bench`: measures, prints the table, writes bench/results/<date>.json."""

import asyncio
import json
import platform
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measure import Row, measure
from bench.world import open_world
from vitalkeep.base import devdb

RESULTS = Path(__file__).parent / "results"


async def run() -> tuple[list[Row], str]:
    """The measured rows and PostgreSQL's version, on a database that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="vitalkeep-bench-") as scratch:
        database = await asyncio.to_thread(devdb.start, Path(scratch))
        try:
            async with open_world(Path(scratch), database.url, database.pid) as world:
                return await measure(world), database.version
        finally:
            await asyncio.to_thread(devdb.stop, database)


def main() -> None:
    """Measures and reports; a bar that is missed is said, not failed."""
    rows, postgres = asyncio.run(run())
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
    path = RESULTS / f"{now:%Y-%m-%d}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    console.print(f"written to bench/results/{path.name}")


main()
