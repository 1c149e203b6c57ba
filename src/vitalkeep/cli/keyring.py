"""Commands of the keyring and of certificates of erasure."""

import json
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.keys import DirectoryKeyring, KeyringError, init_keyring
from vitalkeep.base.signing import SignatureInvalid
from vitalkeep.cli.database import World, load_settings
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, fail
from vitalkeep.cli.parties import run
from vitalkeep.consents.receipts import verify_receipt
from vitalkeep.erasure.certificate import Certificate, CertificateInvalid, verify
from vitalkeep.erasure.models import Erasure
from vitalkeep.persons.models import PersonKeyRow

keys_app = typer.Typer(help="The keyring.", no_args_is_help=True)
erasures_app = typer.Typer(help="Certificates of erasure.", no_args_is_help=True)
receipts_app = typer.Typer(help="Receipts of consents.", no_args_is_help=True)


@keys_app.command("init")
def keys_init(data: Data = None, as_json: AsJson = False) -> None:
    """Make a keyring; back it up, for without it the data can't be read."""
    directory = load_settings(data).keyring_dir
    with clear_errors():
        init_keyring(directory)
        keyring = DirectoryKeyring(directory)
    answer({"keyring": directory, "epoch": keyring.epoch}, as_json=as_json)


@keys_app.command("status")
def keys_status(data: Data = None, as_json: AsJson = False) -> None:
    """Show the epochs, the signing keys, and how many persons' keys each epoch wraps."""

    async def work(_world: World, connection: AsyncConnection) -> dict[int, int]:
        query = select(PersonKeyRow.epoch, func.count()).group_by(PersonKeyRow.epoch)
        return {row[0]: row[1] for row in (await connection.execute(query)).all()}

    with clear_errors():
        keyring = DirectoryKeyring(load_settings(data).keyring_dir)
    wrapped = run(data, work)
    lost = sorted(wrapped.keys() - keyring.masters.keys())
    answer(
        {
            "keyring": keyring.directory,
            "epoch": keyring.epoch,
            "epochs": {str(epoch): wrapped.get(epoch, 0) for epoch in sorted(keyring.masters)},
            "lost_epochs": {str(epoch): wrapped[epoch] for epoch in lost},
            "token_keys": [key.kid for key in keyring.token_keys],
            "certificate_keys": [key.kid for key in keyring.certificate_keys],
        },
        as_json=as_json,
    )
    if lost:
        raise fail(f"persons' keys are wrapped by epochs that are gone: {lost}")


@erasures_app.command("list")
def erasures_list(data: Data = None, as_json: AsJson = False) -> None:
    """List completed erasures, newest first."""

    async def work(_world: World, connection: AsyncConnection) -> list[dict[str, str]]:
        query = select(Erasure.erasure_id, Erasure.stage, Erasure.erased_at)
        rows = await connection.execute(query.order_by(Erasure.erased_at.desc()))
        return [
            {"erasure_id": str(row[0]), "stage": row[1], "erased_at": row[2].isoformat()}
            for row in rows.all()
        ]

    found = run(data, work)
    if as_json:
        answer({"erasures": found}, as_json=True)
    for each in [] if as_json else found:
        answer(each, as_json=False)


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
    answer({"valid": True, **statement.model_dump(mode="json")}, as_json=as_json)


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


def public_keys(jwks: Path | None, data: Path | None) -> dict[str, dict[str, str]]:
    """The keys to trust, by kid. Raises KeyringError, CertificateInvalid."""
    if jwks is None:
        keyring = DirectoryKeyring(load_settings(data).keyring_dir)
        return {key.kid: key.public_jwk() for key in keyring.certificate_keys}
    try:
        return {key["kid"]: key for key in json.loads(jwks.read_text())["keys"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise CertificateInvalid(f"{jwks} is not a set of JSON web keys") from None
