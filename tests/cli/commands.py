"""Running the command line: as a user's process, or in this one where many calls are made."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from vitalkeep.cli.main import app

AS_A_MODULE = [sys.executable, "-m", "vitalkeep.cli.main"]
AS_A_SCRIPT = [str(Path(sys.executable).with_name("vitalkeep"))]


def environment(**variables: str | Path) -> dict[str, str]:
    """The environment without any VITALKEEP_ variable but these.

    Output into a pipe is buffered, as it is for users.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VITALKEEP_")}
    kept.pop("PYTHONUNBUFFERED", None)
    return {**kept, "COLUMNS": "200", **{name: str(value) for name, value in variables.items()}}


def run(*arguments: str | Path, **variables: str | Path) -> subprocess.CompletedProcess[str]:
    """The ended process of one command."""
    return subprocess.run(
        [*AS_A_SCRIPT, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(**variables),
        cwd="/",
    )


def run_json(*arguments: str | Path, **variables: str | Path) -> dict[str, Any]:
    """The one JSON object that a process of this command prints with `--json`."""
    done = run(*arguments, "--json", **variables)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def call(*arguments: str | Path, **variables: str | Path) -> Result:
    """The command's result, run in this process: quick, and a traceback is an exception.

    In a thread of its own, since the command starts an event loop and the test may be in one.
    """
    with only(environment(**variables)), ThreadPoolExecutor(1) as thread:
        return thread.submit(CliRunner().invoke, app, [*map(str, arguments)]).result()


def refusal(result: Result) -> str:
    """The one line with which a command refused; it must have ended with 1 and said nothing else.

    Anything but an orderly exit, which a user would see as a traceback, is raised here.
    """
    if not isinstance(result.exception, SystemExit):
        raise result.exception or AssertionError(f"not refused: {result.stdout}")
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


@contextmanager
def only(variables: Mapping[str, str]) -> Iterator[None]:
    """Has exactly these environment variables."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
