"""The ledger of consent events, and the consents that are in force because of it.

Every function here runs behind the person's gate: an event and its projection are written in one
transaction, so no write or read can fall between them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, cast
from uuid import UUID, uuid4

import orjson
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import NotFound
from vitalkeep.base.sealing import SealBroken
from vitalkeep.consents.models import Consent, ConsentEvent
from vitalkeep.consents.policies import PolicyRef
from vitalkeep.consents.schemas import ConsentSource, ConsentView, Recipient
from vitalkeep.consents.scopes import Scope, scope_of
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate

ConsentRow: TypeAlias = Row[Consent]
"""All columns of one stored consent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a person gives at once: scopes, for one purpose, to one recipient."""

    scopes: Sequence[Scope]
    recipient: Recipient
    purpose: str
    policy: PolicyRef | None
    policy_sha256: str | None
    source: ConsentSource
    valid_until: datetime | None = None
    data_from: datetime | None = None
    data_until: datetime | None = None


async def give(
    connection: AsyncConnection, person: PersonCaller, grant: Grant
) -> list[ConsentView]:
    """One consent for each scope; one that is in force already is answered as it is."""
    await take_gate(connection, person.person_id)
    now = clock.now()
    given = []
    for scope in grant.scopes:
        existing = await _find_active(connection, person.person_id, scope, grant)
        if existing is not None and not _has_ended(existing, now):
            given.append(to_view(person, existing, now))
            continue
        if existing is not None:
            await _expire(connection, person, existing, now)
        given.append(to_view(person, await _insert(connection, person, scope, grant, now), now))
    return given


async def list_consents(
    connection: AsyncConnection, person: PersonCaller, *, only_active: bool
) -> list[ConsentView]:
    """The person's consents, newest first; those that ran out count as expired."""
    query = (
        select(Consent)
        .where(Consent.person_id == person.person_id)
        .order_by(Consent.given_at.desc(), Consent.type, Consent.action)
    )
    now = clock.now()
    views = [to_view(person, row, now) for row in (await connection.execute(query)).all()]
    return [view for view in views if view.state == "active" or not only_active]


async def get_consent(
    connection: AsyncConnection, person: PersonCaller, consent_id: UUID
) -> ConsentRow:
    """The stored consent. Raises NotFound."""
    query = select(Consent).where(
        Consent.person_id == person.person_id, Consent.consent_id == consent_id
    )
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound("There is no such consent.")
    return row


async def withdraw(
    connection: AsyncConnection,
    person: PersonCaller,
    row: ConsentRow,
    outcome: dict[str, object],
    actor: str = "self",
) -> None:
    """Ends a consent that is in force and keeps what the withdrawal did, to answer it again.

    `actor`: `self`, `organization` or `relative`. The caller holds the gate.
    """
    now = clock.now()
    sealed = person.key.seal(orjson.dumps(outcome), b"consents.outcome", row.consent_id.bytes)
    await connection.execute(
        update(Consent)
        .where(Consent.person_id == person.person_id, Consent.consent_id == row.consent_id)
        .values(state="withdrawn", withdrawn_at=now, outcome=sealed)
    )
    told = {"stored_data": outcome["stored_data"], "actor": actor}
    await append_event(connection, person, row, "withdrawn", told, at=now)


def open_outcome(person: PersonCaller, row: ConsentRow) -> dict[str, object] | None:
    """What the withdrawal of this consent did, or None if it was not withdrawn."""
    if row.outcome is None:
        return None
    opened = person.key.open(row.outcome, b"consents.outcome", row.consent_id.bytes)
    return cast(dict[str, object], orjson.loads(opened))


async def append_event(
    connection: AsyncConnection,
    person: PersonCaller,
    row: ConsentRow,
    event: str,
    more: Mapping[str, object],
    *,
    at: datetime,
) -> None:
    """Adds an entry to the ledger, chained to the one before. The caller holds the gate.

    `at` is the time that the consent's own row has for it.
    """
    newest = (
        select(ConsentEvent.number, ConsentEvent.hash)
        .where(ConsentEvent.person_id == person.person_id)
        .order_by(ConsentEvent.number.desc())
    )
    last = (await connection.execute(newest.limit(1))).first()
    number, before = (1, b"") if last is None else (last.number + 1, last.hash)
    content = {
        "scope": str(scope_of(row.type, row.action)),
        "purpose": row.purpose,
        "recipient": {"kind": row.recipient_kind, "id": str(row.recipient_id)},
        "actor": "self",
        **more,
    }
    place = _event_place(row.consent_id, number, at, event)
    sealed = person.key.seal(orjson.dumps(content), *place)
    await connection.execute(
        insert(ConsentEvent).values(
            person_id=person.person_id,
            number=number,
            consent_id=row.consent_id,
            recorded_at=at,
            event=event,
            sealed=sealed,
            hash=_chain(before, place, sealed),
        )
    )


async def list_events(connection: AsyncConnection, person: PersonCaller) -> list[dict[str, object]]:
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
        place = _event_place(row.consent_id, row.number, row.recorded_at, row.event)
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


def to_view(person: PersonCaller, row: ConsentRow, now: datetime) -> ConsentView:
    """A stored consent as the person sees it. Raises SealBroken if its columns were changed."""
    opened = orjson.loads(person.key.open(row.sealed, *_place(row)))
    ended = row.state == "active" and _has_ended(row, now)
    return ConsentView(
        id=row.consent_id,
        scope=str(scope_of(row.type, row.action)),
        recipient=Recipient(kind=row.recipient_kind, id=row.recipient_id),
        purpose=row.purpose,
        policy=opened.get("policy"),
        source=opened["source"],
        state="expired" if ended else row.state,
        given_at=row.given_at,
        valid_until=row.valid_until,
        data_from=row.data_from,
        data_until=row.data_until,
        withdrawn_at=row.withdrawn_at,
    )


def _has_ended(row: ConsentRow, now: datetime) -> bool:
    return row.valid_until is not None and row.valid_until <= now


async def _find_active(
    connection: AsyncConnection, person_id: UUID, scope: Scope, grant: Grant
) -> ConsentRow | None:
    query = select(Consent).where(
        Consent.person_id == person_id,
        Consent.type == scope.type.number,
        Consent.action == scope.action,
        Consent.purpose == grant.purpose,
        Consent.recipient_id == grant.recipient.id,
        Consent.state == "active",
    )
    return (await connection.execute(query)).first()


async def _insert(
    connection: AsyncConnection, person: PersonCaller, scope: Scope, grant: Grant, now: datetime
) -> ConsentRow:
    shown = {
        "policy": grant.policy.model_dump() if grant.policy else None,
        "source": grant.source.model_dump(),
    }
    values = {
        "person_id": person.person_id,
        "consent_id": uuid4(),
        "recipient_id": grant.recipient.id,
        "given_at": now,
        "valid_until": grant.valid_until,
        "data_from": grant.data_from,
        "data_until": grant.data_until,
        "type": scope.type.number,
        "action": scope.action,
        "purpose": grant.purpose,
        "recipient_kind": grant.recipient.kind,
        "state": "active",
    }
    sealed = person.key.seal(orjson.dumps(shown), *_place_of(values))
    row = (
        await connection.execute(insert(Consent).values(**values, sealed=sealed).returning(Consent))
    ).one()
    limits = {name: values[name] for name in ("valid_until", "data_from", "data_until")}
    more = {**shown, **limits, "policy_sha256": grant.policy_sha256}
    await append_event(connection, person, row, "given", more, at=now)
    return row


async def _expire(
    connection: AsyncConnection, person: PersonCaller, row: ConsentRow, now: datetime
) -> None:
    await connection.execute(
        update(Consent)
        .where(Consent.person_id == person.person_id, Consent.consent_id == row.consent_id)
        .values(state="expired")
    )
    await append_event(connection, person, row, "expired", {}, at=now)


def _place(row: ConsentRow) -> list[bytes]:
    return _place_of(row._asdict())


def _place_of(values: dict[str, object]) -> list[bytes]:
    """What a sealed consent is bound to: every clear column that never changes."""
    fixed = (
        "consent_id", "recipient_id", "given_at", "valid_until", "data_from", "data_until", "type",
        "action", "purpose", "recipient_kind",
    )  # fmt: skip
    return [b"consents", _bound(*(values[name] for name in fixed))]


def _event_place(consent_id: UUID, number: int, recorded_at: datetime, event: str) -> list[bytes]:
    return [b"consent_events", _bound(consent_id, number, recorded_at, event)]


def _chain(before: bytes, place: list[bytes], sealed: bytes) -> bytes:
    """The hash of an entry behind the one whose hash is `before`."""
    return hashlib.sha256(before + b"".join(place) + sealed).digest()


def _bound(*values: object) -> bytes:
    """Column values as bytes, the same before they are written and after they are read."""
    return orjson.dumps(
        [clock.rfc3339(value) if isinstance(value, datetime) else str(value) for value in values]
    )
