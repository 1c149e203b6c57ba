"""Certificates of erasure: canonical JSON (RFC 8785) signed with Ed25519, checked offline.

A certificate says what was deleted, when and how, and nothing of whom.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictInt
from pydantic.config import JsonDict

from vitalkeep.base import clock
from vitalkeep.base.keys import Keyring, base64url

FORMAT = "vitalkeep-erasure-certificate/1"


class CertificateInvalid(Exception):
    """The certificate was changed, is incomplete, or was signed by a key that isn't known."""


def _as_signed(value: object) -> object:
    if isinstance(value, str) and value != str(UUID(value)):
        raise ValueError("not in the form that is signed")
    return value


def _given(value: object) -> object:
    if value is None:
        raise ValueError("absent means absent: what is null is not signed")
    return value


def _stay_open(schema: JsonDict) -> None:
    # Later formats may say more; only checking a certificate has to know every field.
    schema.pop("additionalProperties", None)


EXACT = ConfigDict(extra="forbid", json_schema_extra=_stay_open)
"""What the signature doesn't cover must not be in a certificate: people read the file, not this."""


class Statement(BaseModel):
    """What a certificate states. `rows_deleted` counts by table; times are RFC 3339 in UTC.

    `shredded_at` stands in the second certificate of an erasure only.
    """

    model_config = EXACT

    format: str
    erasure_id: Annotated[UUID, BeforeValidator(_as_signed)]
    issuer: str
    stage: str
    requested_at: str
    erased_at: str
    rows_deleted: dict[str, StrictInt]
    rows_left: StrictInt
    methods: list[str]
    horizon: str
    kept: list[str]
    shredded_at: Annotated[str | None, BeforeValidator(_given)] = None


class Signature(BaseModel):
    """An Ed25519 signature (RFC 8032) over the statement's canonical form, base64url."""

    model_config = EXACT

    alg: str
    kid: str
    value: str


class Certificate(BaseModel):
    """A statement and its signature."""

    model_config = EXACT

    statement: Statement
    signature: Signature


METHODS = [
    "every row of the person deleted in one transaction, in every table that holds a person's id",
    "the person's data key deleted, without which sealed values in old files can't be read",
]
HORIZON = (
    "Copies of the wrapped key in the write-ahead log and in backups made before the erasure "
    "can be opened until the master keys up to epoch {epoch} are destroyed; a second certificate, "
    "found under the same erasure id, says when that was done."
)
SHREDDED = (
    "Every master key up to epoch {epoch}, and so every one that wrapped the person's key, is "
    "destroyed: copies of the wrapped key, wherever they are, open no more."
)
KEPT = ["this certificate, under a random id that leads back to nobody"]


def issue(
    keyring: Keyring,
    issuer: str,
    erasure_id: UUID,
    *,
    requested_at: datetime,
    rows_deleted: Mapping[str, int],
    epoch: int,
) -> Certificate:
    """A signed certificate for rows that are gone in this transaction.

    `epoch` is the last that may have wrapped the person's key.
    """
    statement = Statement(
        format=FORMAT,
        erasure_id=erasure_id,
        issuer=issuer,
        stage="erased",
        requested_at=clock.rfc3339(requested_at),
        erased_at=clock.rfc3339(clock.now()),
        rows_deleted=dict(rows_deleted),
        rows_left=0,
        methods=METHODS,
        horizon=HORIZON.format(epoch=epoch),
        kept=KEPT,
    )
    return sign(keyring, statement)


def issue_second(
    keyring: Keyring, first: Certificate, *, epoch: int, shredded_at: datetime
) -> Certificate:
    """A signed certificate for an erasure whose epoch, and all before it, are destroyed."""
    told = first.statement
    changed = {
        "stage": "shredded",
        "shredded_at": clock.rfc3339(shredded_at),
        "methods": [*told.methods, keyring.destruction],
        "horizon": SHREDDED.format(epoch=epoch),
    }
    return sign(keyring, told.model_copy(update=changed))


def sign(keyring: Keyring, statement: Statement) -> Certificate:
    """The statement with a signature of the keyring's newest certificate key."""
    key = keyring.certificate_keys[-1]
    if not isinstance(key.private, ed25519.Ed25519PrivateKey):
        raise TypeError("certificates are signed with Ed25519")
    value = base64url(key.private.sign(canonical(statement)))
    return Certificate(
        statement=statement, signature=Signature(alg="EdDSA", kid=key.kid, value=value)
    )


def canonical(statement: Statement) -> bytes:
    """The bytes that are signed."""
    return rfc8785.dumps(statement.model_dump(mode="json", exclude_none=True))


def verify(certificate: Certificate, public_keys: Mapping[str, Mapping[str, str]]) -> Statement:
    """The statement, if one of the public JWKs (by kid) signed it. Raises CertificateInvalid."""
    signature = certificate.signature
    jwk = public_keys.get(signature.kid)
    if jwk is None or jwk.get("crv") != "Ed25519" or signature.alg != "EdDSA":
        raise CertificateInvalid(f"the key {signature.kid} is not one of the known signing keys")
    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(decode(jwk["x"]))
        key.verify(decode(signature.value), canonical(certificate.statement))
    except (InvalidSignature, ValueError, KeyError, binascii.Error):
        raise CertificateInvalid(
            "the signature does not fit: the certificate was changed"
        ) from None
    return certificate.statement


def decode(text: str) -> bytes:
    """Bytes of unpadded base64url. Raises ValueError unless `text` is their one spelling."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    # The last character has bits to spare; only the text that was written is good.
    if base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
