"""Commands on connections to Google accounts."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.logs import configure_logs
from vitalkeep.cli.database import World, open_engine, open_world
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, console
from vitalkeep.cli.parties import run
from vitalkeep.cli.progress import show_progress
from vitalkeep.connectors.due import pull_due
from vitalkeep.connectors.marking import Marked, mark_to_move
from vitalkeep.connectors.overview import Standing, count_connections, count_due

connections_app = typer.Typer(help="Connections to Google accounts.", no_args_is_help=True)


@connections_app.command("list")
def connections_list(data: Data = None, as_json: AsJson = False) -> None:
    """Show how many connections stand how, by provider and type, and what keeps them."""

    async def work(_world: World, connection: AsyncConnection) -> tuple[int, list[Standing]]:
        return await count_due(connection), await count_connections(connection)

    due, standing = run(data, work)
    if as_json:
        answer({"due": due, "connections": standing}, as_json=True)
        return
    table = Table("provider", "type", "state", "problem")
    table.add_column("count", justify="right")
    for each in standing:
        texts = (each["provider"], each["type"], each["state"], each["problem"])
        table.add_row(*(text or "" for text in texts), str(each["count"]))
    console.print(table)
    console.print(f"{due} due")


@connections_app.command("pull")
def connections_pull(data: Data = None, as_json: AsJson = False) -> None:
    """Pull from the connections that are due, as the worker does once: from 500 at most."""
    configure_logs("error")
    with clear_errors(), open_world(data) as world:
        answer({"dealt_with": asyncio.run(pull_once(world))}, as_json=as_json)


async def pull_once(world: World) -> int:
    """How many connections were due and dealt with."""
    async with open_engine(world) as engine:
        return await pull_due(engine, world.settings, lambda: world.keyring)


class MoveFrom(StrEnum):
    """What can be moved on from."""

    GOOGLE_FIT = "google-fit"


class MoveTo(StrEnum):
    """Where to."""

    GOOGLE_HEALTH = "google-health"


@connections_app.command("move")
def connections_move(
    source: Annotated[MoveFrom, typer.Option("--from", help="What Google ends.")],
    target: Annotated[MoveTo, typer.Option("--to", help="What takes its place.")],
    dry_run: Annotated[bool, typer.Option(help="Only count.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask everybody who has connected Google Fit to connect Google Health instead.

    They see it as the connection's problem; only they can give Google the new grant. Run it again
    for those who have connected since.
    """
    configure_logs("error")
    with clear_errors(), open_world(data) as world:
        marked = asyncio.run(ask_to_move(world, dry_run=dry_run))
    answer({"from": source, "to": target, "dry_run": dry_run, **marked}, as_json=as_json)


async def ask_to_move(world: World, *, dry_run: bool) -> Marked:
    """Marks the connections, under a progress bar."""
    with show_progress("asking to move", "connections") as advance:
        async with open_engine(world) as engine:
            return await mark_to_move(
                engine, dry_run=dry_run, advance=lambda done, all_: advance(done, all_, done)
            )
