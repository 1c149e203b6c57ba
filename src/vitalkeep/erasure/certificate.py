"""Certificates of erasure: canonical JSON (RFC 8785) signed with Ed25519, checked offline.

A certificate says what was deleted, when and how, and nothing of whom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeAlias
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
    "Certificate", "CertificateInvalid", "Erased", "Notice", "Retained", "Revocation", "Route",
    "Signature", "Statement", "Store", "canonical", "decode", "issue", "issue_second", "kept",
    "reissue", "verify",
]  # fmt: skip

FORMAT = "vitalkeep-erasure-certificate/2"
"""Version 1 says nothing of stores, grants, recipients and terms; it is still good."""


Route: TypeAlias = Literal["app", "web", "operator"]
"""Which way a person left: in the app, on the page for people without it, or at the desk."""


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


class Store(BaseModel):
    """A place that held something of the person, and how it is rid of it."""

    model_config = EXACT

    store: str
    method: str


class Revocation(BaseModel):
    """What became of the grant at a provider: `not_connected`, `revoked`, `failed`, …"""

    model_config = EXACT

    provider: str
    outcome: str


class Notice(BaseModel):
    """Whether a recipient of the data is told: `not_configured`, `queued`, `delivered`, `given_up`.

    `at` is when it was delivered or given up. Relatives are not named.
    """

    model_config = EXACT

    kind: str
    name: Annotated[str | None, BeforeValidator(_given)] = None
    outcome: str
    at: Annotated[str | None, BeforeValidator(_given)] = None


class Retained(BaseModel):
    """Something that stays, on which ground, and until when; without `until` it stays."""

    model_config = EXACT

    what: str
    basis: str
    until: Annotated[str | None, BeforeValidator(_given)] = None


class Statement(BaseModel):
    """What a certificate states. `rows_deleted` counts by table; times are RFC 3339 in UTC.

    `shredded_at` stands in the second certificate of an erasure only; the four lists before it
    are absent from certificates of version 1. `route` is absent where nobody wrote it down.
    """

    model_config = EXACT

    format: str
    erasure_id: Annotated[UUID, BeforeValidator(_as_signed)]
    issuer: str
    stage: str
    route: Annotated[Route | None, BeforeValidator(_given)] = None
    requested_at: str
    erased_at: str
    rows_deleted: dict[str, StrictInt]
    rows_left: StrictInt
    methods: list[str]
    horizon: str
    kept: list[str]
    stores: Annotated[list[Store] | None, BeforeValidator(_given)] = None
    upstream: Annotated[list[Revocation] | None, BeforeValidator(_given)] = None
    recipients: Annotated[list[Notice] | None, BeforeValidator(_given)] = None
    retained: Annotated[list[Retained] | None, BeforeValidator(_given)] = None
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
DATABASE = "every row deleted in one transaction, then counted: none is left"
KEY_BACKUP = "the wrapped key is left out of the next backup, which replaces this one"
OLD_FILES = (
    "not rewritten: the health values in them are sealed, and unreadable once the master keys up "
    "to epoch {epoch} are destroyed; random ids, types and times go when the files expire, "
    "backups by {until}"
)
POLICY = "the policy on requests: 開示等の請求書類は回答後1年間保存し破棄"
CERTIFICATE_KEPT = "this certificate, under a random id that leads back to nobody"
ID_KEPT = "the random id of the account, sealed, to delete it again after a restore"
PAPER_KEPT = (
    "the paper of the request: kind of identity check, operators, times and outcome; it says "
    "nothing of whom it was about, but for this erasure's id"
)


@dataclass(frozen=True, slots=True)
class Erased:
    """What happened to one person: to be certified. `kept_until`: when backups have expired.

    `paper_until`: until when the paper of an operator's request is kept, if there is one.
    """

    requested_at: datetime
    erased_at: datetime
    kept_until: datetime
    rows_deleted: Mapping[str, int]
    epoch: int
    upstream: Sequence[Revocation] = ()
    recipients: Sequence[Notice] = ()
    route: Route | None = None
    paper_until: datetime | None = None


def kept(days: int, *, paper: bool = False) -> list[str]:
    """What stays after somebody has left, in words; `days` is how long backups are kept.

    `paper`: an operator was asked, and the paper of the request stays, too.
    """
    papers = [f"{PAPER_KEPT}: for a year"] if paper else []
    return [CERTIFICATE_KEPT, f"{ID_KEPT}: for {days} days", *papers]


def issue(keyring: Keyring, issuer: str, erasure_id: UUID, done: Erased) -> Certificate:
    """A signed certificate for rows that are gone in this transaction.

    `done.epoch` is the last that may have wrapped the person's key.
    """
    days = (done.kept_until - done.erased_at).days
    statement = Statement(
        format=FORMAT,
        erasure_id=erasure_id,
        issuer=issuer,
        stage="erased",
        **({"route": done.route} if done.route else {}),
        requested_at=clock.rfc3339(done.requested_at),
        erased_at=clock.rfc3339(done.erased_at),
        rows_deleted=dict(done.rows_deleted),
        rows_left=0,
        methods=METHODS,
        horizon=HORIZON.format(epoch=done.epoch),
        kept=kept(days, paper=done.paper_until is not None),
        stores=list_stores(done),
        upstream=list(done.upstream),
        recipients=list(done.recipients),
        retained=list_retained(done),
    )
    return sign(keyring, statement)


def list_stores(done: Erased) -> list[Store]:
    """Every kind of place in which something of the person was."""
    until = clock.rfc3339(done.kept_until)
    old_files = OLD_FILES.format(epoch=done.epoch, until=until)
    return [
        Store(store="database", method=DATABASE),
        Store(store="backup of wrapped keys in the keyring", method=KEY_BACKUP),
        Store(store="write-ahead log and backups", method=old_files),
    ]


def list_retained(done: Erased) -> list[Retained]:
    """What stays, with its ground. Source: APPI (個人情報の保護に関する法律) art. 22."""
    found = [
        Retained(what=CERTIFICATE_KEPT, basis="proof of the erasure; it is about nobody any more"),
        Retained(
            what=ID_KEPT,
            basis="APPI art. 22: so that what was deleted stays deleted",
            until=clock.rfc3339(done.kept_until),
        ),
    ]
    if done.paper_until is not None:
        until = clock.rfc3339(done.paper_until)
        found.append(Retained(what=PAPER_KEPT, basis=POLICY, until=until))
    return found


def issue_second(
    keyring: Keyring,
    first: Certificate,
    *,
    epoch: int,
    shredded_at: datetime,
    recipients: Sequence[Notice] | None = None,
) -> Certificate:
    """A signed certificate for an erasure whose epoch, and all before it, are destroyed.

    `recipients`: what became of the notices by now; by default as the first one says.
    """
    told = first.statement
    changed = {
        "stage": "shredded",
        "shredded_at": clock.rfc3339(shredded_at),
        "methods": [*told.methods, keyring.destruction],
        "horizon": SHREDDED.format(epoch=epoch),
        "recipients": told.recipients if recipients is None else list(recipients),
    }
    return sign(keyring, told.model_copy(update=changed))


def reissue(keyring: Keyring, second: Certificate, recipients: Sequence[Notice]) -> Certificate:
    """The second certificate once more, when it is known what became of every notice."""
    changed = {"recipients": list(recipients)}
    return sign(keyring, second.statement.model_copy(update=changed))


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
