"""Writing and reading the trail of looks at a person's data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import Row, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.audit.models import AccessEvent
from vitalkeep.base import clock
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.models import Organization

Position: TypeAlias = tuple[datetime, UUID]
"""Time and id of the last event of a page."""


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


@dataclass(frozen=True, slots=True)
class TypeSeen:
    """How many records of one type a look gave, and the consent that allowed it."""

    type: int
    consent_id: UUID
    count: int


async def record_access(connection: AsyncConnection, look: Look, seen: Sequence[TypeSeen]) -> None:
    """Writes one event for each type, in the read's own transaction: if this fails, so does it."""
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
    }
    await connection.execute(
        insert(AccessEvent),
        [
            {
                **shared,
                "event_id": uuid4(),
                "type": each.type,
                "consent_id": each.consent_id,
                "count": each.count,
            }
            for each in seen
        ],
    )


async def list_accesses(
    connection: AsyncConnection, person_id: UUID, *, after: Position | None, limit: int
) -> tuple[list[dict[str, object]], Position | None]:
    """Looks at a person's data, newest first, and where the next page starts, if any."""
    place = (AccessEvent.at, AccessEvent.event_id)
    query = (
        select(AccessEvent, Organization.name)
        .outerjoin(Organization, Organization.organization_id == AccessEvent.organization_id)
        .where(AccessEvent.person_id == person_id)
        .order_by(*(column.desc() for column in place))
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(tuple_(*place) < tuple_(*after))
    rows = (await connection.execute(query)).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return [_to_entry(row) for row in rows[:limit]], (last and (last.at, last.event_id))


def _to_entry(row: Row[AccessEvent, str]) -> dict[str, object]:
    by_staff = row.organization_id is not None
    return {
        "at": row.at,
        "organization": {"id": row.organization_id, "name": row.name} if by_staff else None,
        "relative": None if by_staff else {"id": row.relative_id},
        "role": row.role,
        "type": BY_NUMBER[row.type].name,
        "purpose": row.purpose,
        "case_id": row.case_id,
        "consent_id": row.consent_id,
        "count": row.count,
        "from": row.records_from,
        "to": row.records_to,
    }
