"""Certificates of erasure: canonical JSON (RFC 8785) signed with Ed25519, checked offline.

A certificate says what was deleted, when and how, and nothing of whom.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, StrictInt

from vitalkeep.base import clock
from vitalkeep.base.keys import Keyring
from vitalkeep.base.signing import (
    EXACT,
    Signature,
    SignatureInvalid,
    canonical_json,
    check_signature,
    decode,
    sign_statement,
)

__all__ = [
    "KEPT", "Certificate", "CertificateInvalid", "Signature", "Statement", "canonical", "decode",
    "issue", "issue_second", "verify",
]  # fmt: skip

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
    return Certificate(statement=statement, signature=sign_statement(keyring, canonical(statement)))


def canonical(statement: Statement) -> bytes:
    """The bytes that are signed."""
    return canonical_json(statement.model_dump(mode="json", exclude_none=True))


def verify(certificate: Certificate, public_keys: Mapping[str, Mapping[str, str]]) -> Statement:
    """The statement, if one of the public JWKs (by kid) signed it. Raises CertificateInvalid."""
    statement, signature = canonical(certificate.statement), certificate.signature
    try:
        check_signature(statement, signature, public_keys, what="certificate")
    except SignatureInvalid as refused:
        raise CertificateInvalid(str(refused)) from None
    return certificate.statement
