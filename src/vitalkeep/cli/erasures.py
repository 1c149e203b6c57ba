"""Commands of erasures: the list, checking certificates, replaying after a restore."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.clock import rfc3339
from vitalkeep.base.keys import KeyringError
from vitalkeep.cli.database import World, open_engine, open_world
from vitalkeep.cli.keyring import public_keys
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, fail
from vitalkeep.cli.parties import run
from vitalkeep.cli.progress import show_progress
from vitalkeep.erasure.certificate import Certificate, CertificateInvalid, verify
from vitalkeep.erasure.journal_copy import (
    NAME,
    Entry,
    further,
    list_entries,
    read_journal,
    write_journal,
)
from vitalkeep.erasure.replay import Replayed, replay

erasures_app = typer.Typer(help="Erasures and their certificates.", no_args_is_help=True)


@erasures_app.command("list")
def erasures_list(
    export: Annotated[
        Path | None, typer.Option(help="Write the journal to this file, for `erasures replay`.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List erasures, newest first; those under way have no time of their end."""

    async def work(_world: World, connection: AsyncConnection) -> list[Entry]:
        return await list_entries(connection)

    entries = run(data, work)
    if export is not None:
        with clear_errors():
            write_journal(export, entries)
        answer({"exported": len(entries), "file": str(export)}, as_json=as_json)
        return
    found = [show(entry) for entry in sorted(entries, key=newest_first)]
    if as_json:
        answer({"erasures": found}, as_json=True)
    for each in [] if as_json else found:
        answer(each, as_json=False)


def newest_first(entry: Entry) -> float:
    """The order of the list."""
    return -(entry.erased_at or entry.requested_at).timestamp()


def show(entry: Entry) -> dict[str, str]:
    """An erasure as the list has it."""
    told = {"erasure_id": str(entry.erasure_id), "stage": entry.stage}
    return told if entry.erased_at is None else {**told, "erased_at": rfc3339(entry.erased_at)}


@erasures_app.command("replay")
def erasures_replay(
    journal: Annotated[
        list[Path] | None,
        typer.Option(help="A journal exported before; the keyring's own is read anyway."),
    ] = None,
    even_so: Annotated[
        bool, typer.Option("--even-so", help="Although most persons are unreadable.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Erase again whoever had left and came back with a restored backup.

    Stop the servers and run `vitalkeep keys restore` first. Whoever is journaled, or has a key that
    no master key opens any more, loses every row. What was cut off is done by running it again.
    """
    begun = monotonic()

    async def work(world: World, entries: Sequence[Entry]) -> Replayed:
        async with open_engine(world) as engine:
            with show_progress("replay", "persons") as advance:
                return await replay(
                    engine,
                    world.keyring,
                    world.settings,
                    entries,
                    lambda done, total: advance(done, total, done),
                    even_so=even_so,
                )

    with clear_errors(), open_world(data) as world:
        entries = further(*map(read_journal, list_journals(world, journal or [])))
        done = asyncio.run(work(world, entries))
    seconds = round(monotonic() - begun, 3)
    answer({"journaled": len(entries), **asdict(done), "seconds": seconds}, as_json=as_json)


def list_journals(world: World, given: Sequence[Path]) -> list[Path]:
    """The keyring's own copy if there is one, then what was given."""
    own = world.settings.keyring_dir / NAME
    return [*([own] if own.exists() else []), *given]


@erasures_app.command("verify")
def erasures_verify(
    file: Annotated[Path, typer.Argument(help="A certificate.", exists=True, dir_okay=False)],
    jwks: Annotated[
        Path | None,
        typer.Option(help="The issuer's jwks.json; default: the keyring.", exists=True),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Check a certificate offline: exit 0 only if a known key signed exactly this statement."""
    try:
        certificate = read_certificate(file)
        statement = verify(certificate, public_keys(jwks, data))
    except (CertificateInvalid, KeyringError) as error:
        raise fail(str(error)) from None
    answer({"valid": True, **statement.model_dump(mode="json", exclude_none=True)}, as_json=as_json)


def read_certificate(file: Path) -> Certificate:
    """The certificate in a file, alone or inside the answer that brought it.

    Raises CertificateInvalid.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(document, dict) and "certificate" in document:
            document = document["certificate"]
        return Certificate.model_validate(document)
    except (OSError, ValueError):
        raise CertificateInvalid(f"{file} does not hold a certificate of erasure") from None
