"""The command line's entry: `vitalkeep --help` explains each command."""

import asyncio
import json
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import typer
from rich.markup import escape
from rich.table import Table

from vitalkeep import __version__
from vitalkeep.base.embedded import embedded_database
from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.base.logs import configure_logs
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.settings import Settings
from vitalkeep.cli import (
    audit,
    bulk,
    connections,
    erasures,
    keyring,
    notices,
    organizations,
    parties,
    persons,
    retention,
    server,
)
from vitalkeep.cli.application import build_app
from vitalkeep.cli.check import check
from vitalkeep.cli.database import read_settings
from vitalkeep.cli.output import AsJson, answer, clear_errors, console, fail
from vitalkeep.cli.worker import worker
from vitalkeep.demo.story import Step, StepFailed, tell
from vitalkeep.erasure.data_map import data_map

STOPPED: Final = 128 + signal.SIGTERM

app = typer.Typer(
    help="Health-data sync backend: consent on every write and read, deletion proven.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command()(server.dev)
app.command()(server.serve)
app.command()(worker)
app.command()(server.migrate)
app.command()(check)
app.command()(parties.token)
parties.client_app.command("notices")(notices.client_notices)
organizations.org_app.command("notices")(notices.org_notices)
app.command("import")(bulk.import_command)
app.command("export")(bulk.export_command)
app.add_typer(parties.client_app, name="client")
app.add_typer(organizations.org_app, name="org")
app.add_typer(organizations.staff_app, name="staff")
app.add_typer(organizations.team_app, name="team")
app.add_typer(parties.policy_app, name="policy")
app.add_typer(audit.audit_app, name="audit")
app.add_typer(persons.persons_app, name="persons")
app.add_typer(connections.connections_app, name="connections")
app.add_typer(keyring.keys_app, name="keys")
erasures.erasures_app.command("scrub")(retention.erasures_scrub)
app.add_typer(erasures.erasures_app, name="erasures")
app.add_typer(retention.retention_app, name="retention")
app.add_typer(keyring.receipts_app, name="receipts")


@app.command()
def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        answer({"version": __version__}, as_json=True)
    else:
        console.print(__version__)


@app.command()
def openapi(as_json: AsJson = False) -> None:
    """Print the OpenAPI document; with --json on a single line."""
    with tempfile.TemporaryDirectory() as scratch:
        init_keyring(Path(scratch) / "keyring")
        keys = DirectoryKeyring(Path(scratch) / "keyring")
        document = build_app(Settings(database_url="postgresql://unused/unused"), keys).openapi()
    indent = None if as_json else 2
    sys.stdout.write(json.dumps(document, indent=indent, ensure_ascii=False, sort_keys=True) + "\n")


@app.command("data-map")
def print_data_map() -> None:
    """Print what every column of the database holds, as Markdown."""
    sys.stdout.write(data_map())


@app.command()
def demo(as_json: AsJson = False) -> None:
    """Tell the main job as a story on a throw-away database; exit 0 only if every step held."""
    configure_logs("error")
    steps: list[Step] = []
    with clear_errors(), tempfile.TemporaryDirectory(prefix="vitalkeep-demo-") as scratch:
        data = Path(scratch)
        settings = read_settings().model_copy(update={"data": data, "keyring": data / "keyring"})
        with embedded_database(data, settings.pg_bindir) as url:
            failure = asyncio.run(run_story(settings.with_database(url), steps, as_json))
    if as_json:
        answer({"ok": failure is None, "steps": [asdict(each) for each in steps]}, as_json=True)
    else:
        print_steps(steps)
    if failure is not None:
        raise fail(f"a step did not hold: {failure}")


async def run_story(settings: Settings, steps: list[Step], as_json: bool) -> str | None:
    """Runs the story, collecting its steps; what did not hold, or None."""
    init_keyring(settings.keyring_dir)
    await upgrade(settings.database_url or "")
    told = build_app(settings, DirectoryKeyring(settings.keyring_dir))
    try:
        async for step in tell(told):
            steps.append(step)
            if not as_json:
                console.print(f"[green]✓[/green] {step.title}")
    except StepFailed as failed:
        return str(failed)
    finally:
        await told.state.engine.dispose()
    return None


def print_steps(steps: list[Step]) -> None:
    """The table of steps with their figures."""
    table = Table("step", "figures")
    table.add_column("ms", justify="right")
    for step in steps:
        table.add_row(step.title, escape(step.figures), f"{step.ms:,.0f}")
    console.print(table)


def stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """Ends the command in order, so that it stops the database it started."""
    sys.exit(STOPPED)


def main() -> None:
    """Runs the command line."""
    signal.signal(signal.SIGTERM, stop)
    app()


if __name__ == "__main__":
    main()
