"""Consents as they are stored: finding them, showing them, and bringing them into another state."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, TypedDict, cast
from uuid import UUID

import orjson
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import NotFound
from vitalkeep.consents.events import About, Actor, Happened, Principal, append_event, bound
from vitalkeep.consents.models import STANDING, Consent
from vitalkeep.consents.schemas import (
    ConsentState,
    ConsentView,
    Recipient,
    StoredData,
)
from vitalkeep.consents.scopes import scope_of

ConsentRow: TypeAlias = Row[Consent]
"""All columns of one stored consent."""


class Shown(TypedDict):
    """What is sealed of a consent: the policy shown, where it was given, and by which name of the
    phone's or Google's the scope was asked for, if by one of theirs.
    """

    policy: dict[str, str] | None
    source: dict[str, object]
    asked: str | None


async def get_consent(
    connection: AsyncConnection, person: Principal, consent_id: UUID
) -> ConsentRow:
    """The stored consent. Raises NotFound."""
    query = select(Consent).where(
        Consent.person_id == person.person_id, Consent.consent_id == consent_id
    )
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound("There is no such consent.")
    return row


async def list_rows(connection: AsyncConnection, person: Principal) -> Sequence[ConsentRow]:
    """All of the person's consents, newest first."""
    query = (
        select(Consent)
        .where(Consent.person_id == person.person_id)
        .order_by(Consent.given_at.desc(), Consent.type, Consent.action)
    )
    return (await connection.execute(query)).all()


async def list_consents(
    connection: AsyncConnection, person: Principal, *, only_active: bool
) -> list[ConsentView]:
    """The person's consents, newest first; those that ran out count as expired."""
    now = clock.now()
    views = [to_view(person, row, now) for row in await list_rows(connection, person)]
    return [view for view in views if view.state == "active" or not only_active]


def to_view(person: Principal, row: ConsentRow, now: datetime) -> ConsentView:
    """A stored consent as the person sees it. Raises SealBroken if its columns were changed."""
    opened = open_shown(person, row)
    state = state_at(row.state, row.valid_until, now)
    return ConsentView.model_validate(
        {
            "id": row.consent_id,
            "scope": str(scope_of(row.type, row.action)),
            "recipient": Recipient(kind=row.recipient_kind, id=row.recipient_id),
            "purpose": row.purpose,
            "policy": opened["policy"],
            "source": opened["source"],
            "state": state,
            "given_at": row.given_at,
            "valid_until": row.valid_until,
            "data_from": row.data_from,
            "data_until": row.data_until,
            "withdrawn_at": row.withdrawn_at,
            "changed_at": row.changed_at if state == row.state else row.valid_until,
            "stored_data": _stored_data(person, row),
        }
    )


def _stored_data(person: Principal, row: ConsentRow) -> StoredData | None:
    """What became of what a withdrawn consent had let in."""
    outcome = open_outcome(person, row)
    if outcome is None or row.action != "collect":
        return None
    held = outcome["stored_data"] == "freeze"
    became = outcome.get("became", "frozen" if row.frozen_until else "deleted")
    counted = outcome["frozen" if held else "deleted"]
    return StoredData.model_validate(
        {"state": became, "records": counted, "delete_after": row.frozen_until}
    )


def state_at(state: str, valid_until: datetime | None, now: datetime) -> ConsentState:
    """The state at a moment: one that stands and has run out is expired, entered as such or not."""
    run_out = state in STANDING and valid_until is not None and valid_until <= now
    return "expired" if run_out else cast(ConsentState, state)


def has_ended(row: ConsentRow, now: datetime) -> bool:
    """Whether its time is over."""
    return row.valid_until is not None and row.valid_until <= now


def open_shown(person: Principal, row: ConsentRow) -> Shown:
    """What is sealed of a consent. Raises SealBroken if its columns were changed."""
    return cast(Shown, orjson.loads(person.key.open(row.sealed, *place_of(row._asdict()))))


def open_outcome(person: Principal, row: ConsentRow) -> dict[str, object] | None:
    """What the withdrawal of this consent did, or None if it was not withdrawn."""
    if row.outcome is None:
        return None
    opened = person.key.open(row.outcome, b"consents.outcome", row.consent_id.bytes)
    return cast(dict[str, object], orjson.loads(opened))


def seal_outcome(person: Principal, row: ConsentRow, outcome: Mapping[str, object]) -> bytes:
    """The outcome of a withdrawal as it is stored."""
    return person.key.seal(orjson.dumps(outcome), b"consents.outcome", row.consent_id.bytes)


def about(row: ConsentRow) -> About:
    """What the ledger says that an entry is about."""
    scope = str(scope_of(row.type, row.action))
    return About(row.consent_id, scope, row.purpose, row.recipient_kind, row.recipient_id)


async def change(  # noqa: PLR0913
    connection: AsyncConnection,
    person: Principal,
    row: ConsentRow,
    event: Happened,
    more: Mapping[str, object],
    *,
    at: datetime,
    actor: Actor = "self",
    **columns: object,
) -> None:
    """Changes columns of a consent and enters why. The caller holds the gate."""
    mine = update(Consent).where(
        Consent.person_id == person.person_id, Consent.consent_id == row.consent_id
    )
    if "state" in columns:
        columns.setdefault("changed_at", at)
    await connection.execute(mine.values(**columns))
    await append_event(connection, person, about(row), event, more, at=at, actor=actor)


def place_of(values: Mapping[str, object]) -> list[bytes]:
    """What a sealed consent is bound to: every clear column that never changes."""
    fixed = (
        "consent_id", "recipient_id", "given_at", "valid_until", "data_from", "data_until", "type",
        "action", "purpose", "recipient_kind",
    )  # fmt: skip
    return [b"consents", bound(*(values[name] for name in fixed))]
