"""Exporting to files and importing from them, on the tests' own database."""

import json
from pathlib import Path
from typing import Any

from typer.testing import Result

from tests.cli.commands import call
from tests.make import Caller, Make

Json = dict[str, Any]


def where(make: Make) -> dict[str, str]:
    """The variables that lead commands to the test's database."""
    settings = make.fastapi.state.settings
    return {
        "VITALKEEP_DATABASE_URL": str(settings.database_url),
        "VITALKEEP_KEYRING": str(settings.keyring_dir),
    }


def who(person: Caller) -> tuple[str, ...]:
    assert person.app is not None
    return ("--person", person.external_id, "--client", str(person.app.id))


def take(
    make: Make, person: Caller, file: Path, dialect: str = "vitalkeep", *more: str | Path
) -> Result:
    options = ("--dialect", dialect, *who(person), "--json", *more)
    return call("import", file, *options, **where(make))


def taken(make: Make, person: Caller, file: Path, dialect: str = "vitalkeep") -> Json:
    """The answer of an import of which nothing is rejected."""
    done = take(make, person, file, dialect)
    assert done.exit_code == 0, done.output
    answer: Json = json.loads(done.stdout)
    return answer


def counted(answer: Json) -> Json:
    return {name: count for name, count in answer["counts"].items() if count}


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


def exported(make: Make, person: Caller, file: Path) -> list[Json]:
    """The records of an export to this file, which has to be whole."""
    done = call("export", *who(person), "--output", file, "--json", **where(make))
    assert done.exit_code == 0, done.output
    *records, end = map(json.loads, file.read_text().splitlines())
    assert (end["end"], end["records"]) == (True, len(records))
    assert json.loads(done.stdout)["records"] == len(records)
    return records


def without_ids(records: list[Json]) -> list[str]:
    """The records in any order, without what is made anew."""
    added = ("id", "modified_at")
    kept = ({n: v for n, v in each.items() if n not in added} for each in records)
    return sorted(json.dumps(each, sort_keys=True) for each in kept)
