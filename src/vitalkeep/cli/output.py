"""How commands speak: for people, or one JSON object with `--json`; errors on stderr, exit 1."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from vitalkeep.base.devdb import DevDatabaseError
from vitalkeep.base.errors import Problem
from vitalkeep.base.keys import KeyringError

AsJson = Annotated[bool, typer.Option("--json", help="Answer one JSON object on standard output.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Directory of the embedded database and keyring."),
]

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def answer(result: Mapping[str, object], *, as_json: bool) -> None:
    """Prints the result: as JSON, or a line for each member."""
    if as_json:
        sys.stdout.write(orjson.dumps(dict(result), default=str).decode() + "\n")
        return
    for name, value in result.items():
        console.print(f"[bold]{name}[/bold]  {value}", soft_wrap=True)


def fail(message: str) -> typer.Exit:
    """Prints an error; raise what comes back."""
    errors.print(f"[red]error:[/red] {message}", soft_wrap=True)
    return typer.Exit(1)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turns what a user can run into into one line and exit code 1."""
    try:
        yield
    except (DevDatabaseError, KeyringError) as error:
        raise fail(str(error)) from None
    except Problem as problem:
        raise fail(problem.detail) from None
