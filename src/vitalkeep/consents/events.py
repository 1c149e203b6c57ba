"""The ledger itself: entries, each chained to the one before.

Every entry is written behind the person's gate, in the transaction that changes the consent.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

import orjson
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.sealing import PersonKey, SealBroken
from vitalkeep.consents.models import ConsentEvent

Happened: TypeAlias = Literal[
    "given", "superseded", "paused", "resumed", "narrowed", "expired", "refused", "withdrawn",
    "unfrozen", "frozen_deleted",
]  # fmt: skip
Actor: TypeAlias = Literal["self", "platform", "server", "organization", "relative"]
"""Who brought it about: the person, what their phone or Google grants, the passing of time, or who
closed a case.
"""


class Principal(Protocol):
    """The person whom a ledger is about, and the key that opens it."""

    @property
    def person_id(self) -> UUID:
        """Random id of the person."""

    @property
    def key(self) -> PersonKey:
        """Opens and seals the person's values."""


@dataclass(frozen=True, slots=True)
class About:
    """What an entry is about: a consent, or one that was refused and never came to be."""

    consent_id: UUID
    scope: str
    purpose: str
    recipient_kind: str
    recipient_id: UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """What is entered: what happened to what, what more is told of it, and who brought it about."""

    about: About
    event: Happened
    more: Mapping[str, object]
    actor: Actor = "self"


async def append_event(  # noqa: PLR0913
    connection: AsyncConnection,
    person: Principal,
    about: About,
    event: Happened,
    more: Mapping[str, object],
    *,
    at: datetime,
    actor: Actor = "self",
) -> None:
    """Adds an entry to the ledger, chained to the one before. The caller holds the gate.

    `at` is the time that the consent's own row has for it.
    """
    await append_events(connection, person, [Entry(about, event, more, actor)], at=at)


async def append_events(
    connection: AsyncConnection, person: Principal, entries: Sequence[Entry], *, at: datetime
) -> None:
    """Adds entries of one moment, each chained to the one before. The caller holds the gate."""
    newest = (
        select(ConsentEvent.number, ConsentEvent.hash)
        .where(ConsentEvent.person_id == person.person_id)
        .order_by(ConsentEvent.number.desc())
    )
    last = (await connection.execute(newest.limit(1))).first()
    so_far, before = (0, b"") if last is None else (last.number, last.hash)
    rows = []
    for number, entry in enumerate(entries, so_far + 1):
        about = entry.about
        content = {
            "scope": about.scope,
            "purpose": about.purpose,
            "recipient": {"kind": about.recipient_kind, "id": str(about.recipient_id)},
            "actor": entry.actor,
            **entry.more,
        }
        place = _place(about.consent_id, number, at, entry.event)
        sealed = person.key.seal(orjson.dumps(content), *place)
        before = _chain(before, place, sealed)
        rows.append(
            {
                "person_id": person.person_id,
                "number": number,
                "consent_id": about.consent_id,
                "recorded_at": at,
                "event": entry.event,
                "sealed": sealed,
                "hash": before,
            }
        )
    await connection.execute(insert(ConsentEvent), rows)


async def list_events(connection: AsyncConnection, person: Principal) -> list[dict[str, object]]:
    """The whole ledger, oldest first, opened.

    Raises SealBroken if an entry was changed, moved, or taken out of the chain.
    """
    query = (
        select(ConsentEvent)
        .where(ConsentEvent.person_id == person.person_id)
        .order_by(ConsentEvent.number)
    )
    events, before = [], b""
    for row in (await connection.execute(query)).all():
        place = _place(row.consent_id, row.number, row.recorded_at, row.event)
        before = _chain(before, place, row.sealed)
        if row.hash != before:
            raise SealBroken("the ledger's chain of hashes does not hold")
        events.append(
            {
                **orjson.loads(person.key.open(row.sealed, *place)),
                "number": row.number,
                "event": row.event,
                "consent_id": row.consent_id,
                "recorded_at": row.recorded_at,
                "hash": row.hash.hex(),
            }
        )
    return events


async def is_entered(
    connection: AsyncConnection, person_id: UUID, consent_id: UUID, event: Happened
) -> bool:
    """Whether the ledger has such an entry about this consent."""
    query = select(ConsentEvent.number).where(
        ConsentEvent.person_id == person_id,
        ConsentEvent.consent_id == consent_id,
        ConsentEvent.event == event,
    )
    return (await connection.execute(query.limit(1))).first() is not None


def _place(consent_id: UUID, number: int, recorded_at: datetime, event: str) -> list[bytes]:
    return [b"consent_events", bound(consent_id, number, recorded_at, event)]


def _chain(before: bytes, place: list[bytes], sealed: bytes) -> bytes:
    """The hash of an entry behind the one whose hash is `before`."""
    return hashlib.sha256(before + b"".join(place) + sealed).digest()


def bound(*values: object) -> bytes:
    """Column values as bytes, the same before they are written and after they are read."""
    return orjson.dumps(
        [clock.rfc3339(value) if isinstance(value, datetime) else str(value) for value in values]
    )
