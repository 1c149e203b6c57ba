"""Commands about how long what is kept, and about taking what was deleted off the disk."""

import asyncio
import sys
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.settings import Settings
from vitalkeep.cli.database import World, connect, open_world
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, console, errors, fail
from vitalkeep.cli.parties import run
from vitalkeep.retention.periods import list_all_rules
from vitalkeep.retention.published import describe
from vitalkeep.retention.rules import list_rules
from vitalkeep.retention.scrubbing import LOCK, Holding, Scrub, list_holdings, list_tables, scrub
from vitalkeep.retention.sweeping import Planned, plan

TOMBSTONE_DAYS: Final = int(Settings.model_fields["tombstone_days"].default)
UNFOLDED: Final = 200
"""Columns of a table that goes to a file, where nothing is cut."""

retention_app = typer.Typer(help="How long what is kept.", no_args_is_help=True)


@retention_app.command("plan")
def retention_plan(data: Data = None, as_json: AsJson = False) -> None:
    """Show what is due by each rule, since when, and when the next row will be; deletes nothing."""

    async def work(world: World, connection: AsyncConnection) -> list[Planned]:
        return await plan(connection, list_all_rules(world.settings), clock.now())

    found = [each.to_json() for each in run(data, work)]
    if as_json:
        answer({"rules": found}, as_json=True)
        return
    names = ("rule", "kept", "due", "overdue_since", "waiting", "next_due")
    shown = Table(*(name.replace("_", " ") for name in names))
    for each in found:
        shown.add_row(*("" if each[name] is None else str(each[name]) for name in names))
    wide = console if console.is_terminal else Console(width=UNFOLDED)
    wide.print(shown)


@retention_app.command("rules")
def retention_rules() -> None:
    """Print the rules as Markdown, with their grounds."""
    sys.stdout.write(describe(list_rules(TOMBSTONE_DAYS)))


def erasures_scrub(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the tables, their size and the lock.")
    ] = False,
    table: Annotated[
        list[str] | None, typer.Option(help="Only this table; may repeat. Default: all.")
    ] = None,
    lock_timeout: Annotated[
        float, typer.Option(help="Seconds to wait for each table's lock.", min=0.1, max=600)
    ] = 5.0,
    wal: Annotated[bool, typer.Option(help="Switch WAL and make a checkpoint at the end.")] = True,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write anew the files that hold deleted rows; each table is locked while it is rewritten."""
    try:
        tables = list_tables(table or ())
    except ValueError as error:
        raise fail(str(error)) from None
    with clear_errors(), open_world(data) as world:
        if dry_run:
            show_holdings(asyncio.run(look(world, tables)), as_json=as_json)
            return
        done = asyncio.run(rewrite_all(world, tables, lock_timeout, wal=wal))
    answer({**asdict(done), "complete": done.complete}, as_json=as_json)
    if not done.complete:
        raise fail(explain(done))


async def look(world: World, tables: list[str]) -> list[Holding]:
    """What a scrub would rewrite."""
    async with connect(world) as connection:
        return await list_holdings(connection, tables)


async def rewrite_all(
    world: World, tables: list[str], lock_timeout_s: float, *, wal: bool
) -> Scrub:
    """Scrubs, telling each table on a terminal."""
    async with connect(world):
        pass  # an embedded database is migrated

    def tell(table: str) -> None:
        if errors.is_terminal:
            errors.print(escape(f"rewriting {table}"))

    return await scrub(world.settings, tables, lock_timeout_s=lock_timeout_s, wal=wal, told=tell)


def show_holdings(found: list[Holding], *, as_json: bool) -> None:
    """The tables that a scrub would lock and rewrite."""
    if as_json:
        answer({"lock": LOCK, "tables": [asdict(each) for each in found]}, as_json=True)
        return
    shown = Table("table", "bytes", "dead rows")
    for each in found:
        shown.add_row(each.table, f"{each.bytes:,}", f"{each.dead_rows:,}")
    console.print(shown)
    console.print(f"Each is locked ({LOCK}) while it is rewritten: no reads, no writes.")


def explain(done: Scrub) -> str:
    """What a scrub left."""
    left = [f"{each.table} ({each.left})" for each in done.tables if each.left]
    if done.ids_in_statistics:
        left.append(
            f"{done.ids_in_statistics} ids in statistics: before PostgreSQL 18 those of a table "
            "without rows stay until it has some"
        )
    return "not everything was rewritten: " + ", ".join(left)
