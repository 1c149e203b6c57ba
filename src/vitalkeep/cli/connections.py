"""Commands on connections to Google accounts."""

import asyncio

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.logs import configure_logs
from vitalkeep.cli.database import World, open_engine, open_world
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, console
from vitalkeep.cli.parties import run
from vitalkeep.connectors.due import pull_due
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
    """Pull from every connection that is due, as the worker does, once."""
    configure_logs("error")
    with clear_errors(), open_world(data) as world:
        answer({"dealt_with": asyncio.run(pull_once(world))}, as_json=as_json)


async def pull_once(world: World) -> int:
    """How many connections were due and dealt with."""
    async with open_engine(world) as engine:
        return await pull_due(engine, world.settings, lambda: world.keyring)
