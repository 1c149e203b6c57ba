"""Commands of the keyring, and of what it signs for persons who stay."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.clock import rfc3339
from vitalkeep.base.keyrings import make_keyring, open_keyring
from vitalkeep.base.keys import KeyringError
from vitalkeep.base.signing import SignatureInvalid
from vitalkeep.cli.database import World, load_settings, open_engine, open_world
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, fail
from vitalkeep.cli.parties import run
from vitalkeep.cli.progress import show_progress
from vitalkeep.consents.receipts import verify_receipt
from vitalkeep.erasure.certificate import CertificateInvalid
from vitalkeep.erasure.epoch_status import Status, describe
from vitalkeep.erasure.epochs import Rotation, Told, rotate
from vitalkeep.erasure.key_backup import Restored, restore_keys

keys_app = typer.Typer(help="The keyring.", no_args_is_help=True)
receipts_app = typer.Typer(help="Receipts of consents.", no_args_is_help=True)


@keys_app.command("init")
def keys_init(data: Data = None, as_json: AsJson = False) -> None:
    """Make a keyring; back it up, for without it the data can't be read."""
    settings = load_settings(data)
    with clear_errors():
        keyring = make_keyring(settings)
    answer({"keyring": keyring.name, "epoch": keyring.epoch}, as_json=as_json)


@keys_app.command("rotate")
def keys_rotate(
    even_so: Annotated[
        bool,
        typer.Option("--even-so", help="Although persons of the keyring's backup are missing."),
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Move everybody to a new master key, back their keys up, then destroy the older master keys.

    What a killed rotation left is finished. Persons who left before are out of reach of any backup
    afterwards. An epoch that still wraps a living person's key is never destroyed.
    """
    begun = monotonic()

    async def work(world: World) -> Rotation:
        async with open_engine(world) as engine:
            with show_steps() as told:
                return await rotate(engine, world.keyring, told, even_so=even_so)

    with clear_errors(), open_world(data) as world:
        done = asyncio.run(work(world))
    waiting = {str(epoch): rfc3339(gone_at) for epoch, gone_at in done.waiting.items()}
    told = {**asdict(done), "waiting": waiting, "seconds": round(monotonic() - begun, 3)}
    answer(told, as_json=as_json)


@contextmanager
def show_steps() -> Iterator[Told]:
    """Shows a rotation's steps with a bar, on a terminal."""
    with show_progress("rotate", "keys") as advance:

        def told(_step: str, done: int, total: int) -> None:
            advance(done, total or None, done)

        yield told


@keys_app.command("restore")
def keys_restore(data: Data = None, as_json: AsJson = False) -> None:
    """Put the keyring's backup of persons' keys into a database restored from an older state.

    Stop the servers first. Whoever left before the backup stays unreadable.
    """

    async def work(world: World) -> Restored:
        async with open_engine(world) as engine:
            return await restore_keys(engine, world.keyring)

    with clear_errors(), open_world(data) as world:
        done = asyncio.run(work(world))
    answer(asdict(done), as_json=as_json)


@keys_app.command("status")
def keys_status(data: Data = None, as_json: AsJson = False) -> None:
    """Show each epoch with its age and persons, who waits to be shredded, and the backup's age."""

    async def work(world: World, connection: AsyncConnection) -> Status:
        return await describe(connection, world.keyring)

    with clear_errors():
        open_keyring(load_settings(data))
    told = run(data, work)
    if as_json:
        answer(asdict(told), as_json=True)
    else:
        answer({name: value for name, value in asdict(told).items() if value != []}, as_json=False)
    if told.lost_epochs:
        lost = [int(epoch) for epoch in told.lost_epochs]
        raise fail(f"persons' keys are wrapped by epochs that are gone: {lost}")


@receipts_app.command("verify")
def receipts_verify(
    file: Annotated[Path, typer.Argument(help="A receipt.", exists=True, dir_okay=False)],
    jwks: Annotated[
        Path | None,
        typer.Option(help="The issuer's jwks.json; default: the keyring.", exists=True),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Check a receipt of a consent offline: exit 0 only if a known key signed exactly this."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        content = verify_receipt(document, public_keys(jwks, data))
    except (OSError, ValueError):
        raise fail(f"{file} does not hold a receipt of a consent") from None
    except (SignatureInvalid, CertificateInvalid, KeyringError) as error:
        raise fail(str(error)) from None
    answer({"valid": True, **content}, as_json=as_json)


def public_keys(jwks: Path | None, data: Path | None) -> dict[str, dict[str, str]]:
    """The keys to trust, by kid. Raises KeyringError, CertificateInvalid."""
    if jwks is None:
        keyring = open_keyring(load_settings(data))
        return {key.kid: key.public_jwk() for key in keyring.certificate_keys}
    try:
        return {key["kid"]: key for key in json.loads(jwks.read_text())["keys"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise CertificateInvalid(f"{jwks} is not a set of JSON web keys") from None
