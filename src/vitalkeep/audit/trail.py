"""Writing and reading the trail of looks at a person's data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import Row, Select, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.audit.models import AccessEvent
from vitalkeep.base import clock
from vitalkeep.base.paging import Place
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.models import Organization

Data: TypeAlias = Literal["records", "days"]
Outcome: TypeAlias = Literal["given", "denied"]

PLACE: Final = (AccessEvent.at, AccessEvent.event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One read by somebody else: who, through which case, for what, over which period."""

    person_id: UUID
    staff_id: UUID | None
    organization_id: UUID | None
    relative_id: UUID | None = None
    role: str
    case_id: UUID
    purpose: str
    records_from: datetime | None
    records_to: datetime | None
    data: Data = "records"


@dataclass(frozen=True, slots=True)
class TypeSeen:
    """How many records or days of one type a look gave, and the consent that allowed it."""

    type: int
    consent_id: UUID
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which events of a person's are meant; what is None or empty is left open.

    `since` is inclusive and `until` exclusive, both on the time of the look.
    """

    types: Sequence[int] = ()
    since: datetime | None = None
    until: datetime | None = None
    organization_id: UUID | None = None
    purpose: str | None = None
    outcome: Outcome | None = None


async def record_access(connection: AsyncConnection, look: Look, seen: Sequence[TypeSeen]) -> None:
    """Writes one event for each type, in the read's own transaction: if this fails, so does it."""
    rows: list[Mapping[str, object]] = [
        {"type": each.type, "consent_id": each.consent_id, "count": each.count, "outcome": "given"}
        for each in seen
    ]
    await _write(connection, look, rows)


async def record_denial(
    connection: AsyncConnection, look: Look, reason: str, types: Sequence[int]
) -> None:
    """Writes one event for each type that was refused, or one without a type if none was named.

    In a transaction of its own, since the refused read's is rolled back.
    """
    rows: list[Mapping[str, object]] = [
        {"type": number, "count": 0, "outcome": "denied", "reason": reason}
        for number in types or (None,)
    ]
    await _write(connection, look, rows)


async def _write(
    connection: AsyncConnection, look: Look, rows: Sequence[Mapping[str, object]]
) -> None:
    shared = {
        "person_id": look.person_id,
        "at": clock.now(),
        "staff_id": look.staff_id,
        "organization_id": look.organization_id,
        "relative_id": look.relative_id,
        "role": look.role,
        "case_id": look.case_id,
        "purpose": look.purpose,
        "records_from": look.records_from,
        "records_to": look.records_to,
        "data": look.data,
    }
    await connection.execute(
        insert(AccessEvent), [{**shared, "event_id": uuid4(), **row} for row in rows]
    )


async def list_accesses(
    connection: AsyncConnection,
    person_id: UUID,
    sought: Sought,
    *,
    after: Place | None,
    limit: int,
) -> tuple[list[dict[str, object]], Place | None]:
    """Looks at a person's data, newest first, and where the next page starts, if any."""
    query = (
        select(AccessEvent, Organization.name)
        .outerjoin(Organization, Organization.organization_id == AccessEvent.organization_id)
        .where(AccessEvent.person_id == person_id)
        .order_by(*(column.desc() for column in PLACE))
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(tuple_(*PLACE) < tuple_(*after))
    rows = (await connection.execute(_narrowed(query, sought))).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return [_to_entry(row) for row in rows[:limit]], (last and (last.at, last.event_id))


def _narrowed(query: Select[AccessEvent, str], sought: Sought) -> Select[AccessEvent, str]:
    if sought.types:
        query = query.where(AccessEvent.type.in_(sought.types))
    if sought.since is not None:
        query = query.where(AccessEvent.at >= sought.since)
    if sought.until is not None:
        query = query.where(AccessEvent.at < sought.until)
    exact = {
        AccessEvent.organization_id: sought.organization_id,
        AccessEvent.purpose: sought.purpose,
        AccessEvent.outcome: sought.outcome,
    }
    return query.where(*(column == value for column, value in exact.items() if value is not None))


def _to_entry(row: Row[AccessEvent, str]) -> dict[str, object]:
    by_staff = row.organization_id is not None
    entry = {
        "at": row.at,
        "organization": {"id": row.organization_id, "name": row.name} if by_staff else None,
        "relative": row.relative_id and {"id": row.relative_id},
        "role": row.role,
        "data": row.data,
        "type": row.type and BY_NUMBER[row.type].name,
        "purpose": row.purpose,
        "case_id": row.case_id,
        "outcome": row.outcome,
        "reason": row.reason,
        "consent_id": row.consent_id,
        "count": row.count,
        "from": row.records_from,
        "to": row.records_to,
    }
    return {name: value for name, value in entry.items() if value is not None}
