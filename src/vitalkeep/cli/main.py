"""The command line's entry: `vitalkeep --help` explains each command."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import typer
from rich.table import Table

from vitalkeep import __version__
from vitalkeep.app import create_app
from vitalkeep.base.embedded import embedded_database
from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.base.logs import configure_logs
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.settings import Settings
from vitalkeep.cli import keyring, parties, server
from vitalkeep.cli.output import AsJson, answer, clear_errors, console, fail
from vitalkeep.demo.story import Step, StepFailed, tell
from vitalkeep.erasure.data_map import data_map

app = typer.Typer(
    help="Health-data sync backend: consent on every write and read, deletion proven.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command()(server.dev)
app.command()(server.serve)
app.command()(server.migrate)
app.command()(parties.token)
app.add_typer(parties.client_app, name="client")
app.add_typer(parties.org_app, name="org")
app.add_typer(parties.staff_app, name="staff")
app.add_typer(parties.policy_app, name="policy")
app.add_typer(keyring.keys_app, name="keys")
app.add_typer(keyring.erasures_app, name="erasures")


@app.command()
def version() -> None:
    """Print the version."""
    console.print(__version__)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    with tempfile.TemporaryDirectory() as scratch:
        init_keyring(Path(scratch) / "keyring")
        keys = DirectoryKeyring(Path(scratch) / "keyring")
        document = create_app(Settings(database_url="postgresql://unused/unused"), keys).openapi()
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


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
        with embedded_database(data) as url:
            failure = asyncio.run(run_story(Settings(data=data).with_database(url), steps, as_json))
    if as_json:
        answer(
            {"ok": failure is None, "steps": [list(step_row(each)) for each in steps]}, as_json=True
        )
    else:
        print_steps(steps)
    if failure is not None:
        raise fail(f"a step did not hold: {failure}")


async def run_story(settings: Settings, steps: list[Step], as_json: bool) -> str | None:
    """Runs the story, collecting its steps; what did not hold, or None."""
    init_keyring(settings.keyring_dir)
    await upgrade(settings.database_url or "")
    told = create_app(settings, DirectoryKeyring(settings.keyring_dir))
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


def step_row(step: Step) -> tuple[str, str, str]:
    """A step as a row of the table."""
    return step.title, step.figures, f"{step.ms:,.0f}"


def print_steps(steps: list[Step]) -> None:
    """The table of steps with their figures."""
    table = Table("step", "figures")
    table.add_column("ms", justify="right")
    for step in steps:
        table.add_row(*step_row(step))
    console.print(table)


def main() -> None:
    """Runs the command line."""
    app()
