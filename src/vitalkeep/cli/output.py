"""How commands speak: for people, or one JSON object with `--json`; errors on stderr, exit 1."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import gaierror
from typing import Annotated, Final

import asyncpg
import orjson
import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from vitalkeep.base.devdb import DevDatabaseError
from vitalkeep.base.errors import Problem
from vitalkeep.base.keys import KeyringError

AsJson = Annotated[bool, typer.Option("--json", help="Answer one JSON object on standard output.")]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Directory of the embedded database and keyring."),
]

UNDEFINED_TABLE: Final = "42P01"

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def answer(result: Mapping[str, object], *, as_json: bool) -> None:
    """Prints the result at once, also into a pipe: as JSON, or a line for each member."""
    if as_json:
        sys.stdout.write(orjson.dumps(dict(result), default=str).decode() + "\n")
        sys.stdout.flush()
        return
    for name, value in result.items():
        console.print(f"[bold]{name}[/bold]  {escape(str(value))}", soft_wrap=True)


def fail(message: str) -> typer.Exit:
    """Prints an error; raise what comes back."""
    errors.print(f"[red]error:[/red] {escape(message)}", soft_wrap=True)
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
    except (SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
        raise fail(of_database(error)) from None


def of_database(error: Exception) -> str:
    """What the database, or the system on the way to it, said: one line, without the statement."""
    said = error.orig if isinstance(error, DBAPIError) else error
    if getattr(said, "sqlstate", None) == UNDEFINED_TABLE:
        return "the database lacks migrations: run `vitalkeep migrate`"
    if isinstance(said, ConnectionError | TimeoutError | gaierror):
        return f"the database of VITALKEEP_DATABASE_URL can't be reached: {said}"
    return str(said).partition("\n")[0]
