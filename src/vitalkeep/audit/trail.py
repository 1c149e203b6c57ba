"""Writing and reading the trail of looks at a person's data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.audit.models import AccessEvent
from vitalkeep.base import clock
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.models import Organization

MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One read by somebody else: who, through which case, for what, over which period."""

    person_id: UUID
    staff_id: UUID
    organization_id: UUID
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


async def list_accesses(connection: AsyncConnection, person_id: UUID) -> list[dict[str, object]]:
    """The newest 1,000 looks at a person's data, newest first."""
    query = (
        select(AccessEvent, Organization.name)
        .join(Organization, Organization.organization_id == AccessEvent.organization_id)
        .where(AccessEvent.person_id == person_id)
        .order_by(AccessEvent.at.desc(), AccessEvent.type)
        .limit(MAX_ENTRIES)
    )
    return [
        {
            "at": row.at,
            "organization": {"id": row.organization_id, "name": row.name},
            "role": row.role,
            "type": BY_NUMBER[row.type].name,
            "purpose": row.purpose,
            "case_id": row.case_id,
            "consent_id": row.consent_id,
            "count": row.count,
            "from": row.records_from,
            "to": row.records_to,
        }
        for row in (await connection.execute(query)).all()
    ]
