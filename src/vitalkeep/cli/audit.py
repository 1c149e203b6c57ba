"""Commands that look at who looked."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import InvalidRequest
from vitalkeep.care.oversight import DAY, Finding, Report, report_reads
from vitalkeep.cli.database import World
from vitalkeep.cli.output import AsJson, Data, answer, console
from vitalkeep.cli.parties import run

audit_app = typer.Typer(help="Who read, and whether it looks right.", no_args_is_help=True)

TITLES: Final = {
    "volume": "read more than usual",
    "before_closing": "read just before a case closed",
    "denied_burst": "was refused again and again",
}


@audit_app.command("report")
def audit_report(
    since: Annotated[
        str | None, typer.Option(help="Date or RFC 3339 time; default: 24 hours ago.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List reads that look out of purpose: ids, roles and organizations, never values."""

    async def work(_world: World, connection: AsyncConnection) -> Report:
        until = clock.now()
        begin = until - DAY if since is None else read_moment(since)
        return await report_reads(connection, begin, until)

    report = run(data, work)
    if as_json:
        answer(to_json(report), as_json=True)
    else:
        print_report(report)


UNFOLDED: Final = 200
"""Columns of a table that goes to a file, where nothing is cut."""


def read_moment(given: str) -> datetime:
    """A moment in the past, UTC where no offset is given. Raises InvalidRequest."""
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise InvalidRequest("--since is no date or time: it looks like 2026-11-21.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment >= clock.now():
        raise InvalidRequest("--since has to lie in the past.")
    return moment


def to_json(report: Report) -> dict[str, object]:
    """The report as one object."""
    findings = [
        {"kind": each.kind, **asdict(each.reader), **in_rfc3339(each.figures)}
        for each in report.findings
    ]
    return {**in_rfc3339(asdict(report)), "findings": findings}


def in_rfc3339(values: Mapping[str, object]) -> dict[str, object]:
    """The values, with moments as text."""
    return {
        name: clock.rfc3339(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def print_report(report: Report) -> None:
    """The report as a table."""
    period = f"{report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC"
    console.print(
        f"{period}: {len(report.findings)} findings, {report.readers} readers, "
        f"{report.unjudged} without a history to compare with"
    )
    if report.findings:
        table = Table("what", "staff", "role", "organization", "figures")
        for each in report.findings:
            table.add_row(*map(escape, cells(each)))
        wide = console if console.is_terminal else Console(width=UNFOLDED)
        wide.print(table)


def cells(finding: Finding) -> tuple[str, ...]:
    """A finding's row."""
    figures = ", ".join(f"{name} {value}" for name, value in in_rfc3339(finding.figures).items())
    reader = finding.reader
    return TITLES[finding.kind], str(reader.staff_id), reader.role, reader.organization, figures
