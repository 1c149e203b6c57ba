"""The command `check`, and the same look at PostgreSQL's settings before anything is served."""

import asyncio
from dataclasses import asdict

import asyncpg
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import create_probe_engine
from vitalkeep.base.pgsettings import Finding, explain, list_findings
from vitalkeep.base.settings import Settings
from vitalkeep.cli.database import World
from vitalkeep.cli.output import AsJson, Data, answer, console, errors, fail
from vitalkeep.cli.parties import run


def check(data: Data = None, as_json: AsJson = False) -> None:
    """Look whether PostgreSQL is set so that it forgets; exit 1 where `serve` would refuse."""

    async def work(_world: World, connection: AsyncConnection) -> list[Finding]:
        return await list_findings(connection)

    found = run(data, work)
    refused = [each for each in found if each.severity == "refuse"]
    if as_json:
        answer({"ok": not refused, "findings": [asdict(each) for each in found]}, as_json=True)
    elif not found:
        console.print("PostgreSQL is set as it should be")
    for each in [] if as_json else found:
        console.print(escape(f"{each.severity}  {describe(each)}"), soft_wrap=True)
    if refused:
        raise fail(explain(refused))


def describe(finding: Finding) -> str:
    """A finding on one line."""
    return f"{finding.setting} is {finding.found}, wanted {finding.wanted}: {finding.why}"


def require_forgetful(settings: Settings) -> None:
    """Warns of what is set badly, on standard error; exits where values would leak.

    In development that is a warning, too. A database that is away is no finding: `/readyz` looks
    again when it is there.
    """
    try:
        found = asyncio.run(ask(settings))
    except (SQLAlchemyError, asyncpg.PostgresError, OSError):
        return
    refused = [each for each in found if each.severity == "refuse" and not settings.development]
    if refused:
        raise fail(explain(refused))
    for each in found:
        errors.print(f"[yellow]warning:[/yellow] {escape(describe(each))}", soft_wrap=True)


async def ask(settings: Settings) -> list[Finding]:
    """The findings on the database of these settings."""
    engine = create_probe_engine(settings)
    try:
        async with engine.connect() as connection:
            return await list_findings(connection)
    finally:
        await engine.dispose()
