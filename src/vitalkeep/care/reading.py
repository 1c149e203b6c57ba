"""The only door to another person's records.

One predicate, evaluated in the read's own transaction, decides: the staff member works on the
open case, for an organization of the right kind, the person is active, and a consent for the type,
this organization and this purpose is in force. The access event is written in that transaction
too, so a read that can't be written down does not happen. Like every write for a person it goes
through their gate, before the predicate: a withdrawal or an erasure comes wholly before or after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.audit.trail import Look, TypeSeen, record_access
from vitalkeep.base import clock
from vitalkeep.base.errors import ConsentMissing, NotFound, Unauthenticated
from vitalkeep.base.keys import Keyring
from vitalkeep.base.metrics import CARE_READS
from vitalkeep.care.models import CaseHandle
from vitalkeep.consents.purposes import may_hold_cases
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import StaffCaller, open_key
from vitalkeep.persons.gate import take_gate
from vitalkeep.records import query

READABLE: Final = text(
    """
    SELECT c.type, c.consent_id, c.data_from, c.data_until, k.purpose, pk.wrapped_key, pk.epoch
    FROM persons p
    JOIN person_keys pk ON pk.person_id = p.person_id
    JOIN cases k ON k.person_id = p.person_id AND k.case_id = :case_id
    JOIN case_staff cs ON cs.person_id = p.person_id AND cs.case_id = k.case_id
    JOIN staff s ON s.staff_id = cs.staff_id AND s.organization_id = k.organization_id
    JOIN consents c ON c.person_id = p.person_id AND c.recipient_kind = 'organization'
                   AND c.recipient_id = k.organization_id AND c.purpose = k.purpose
    WHERE p.person_id = :person_id AND p.state = 'active' AND k.state = 'open'
      AND s.staff_id = :staff_id AND s.state = 'active'
      AND k.organization_id = :organization_id
      AND c.action = 'read' AND c.state = 'active'
      AND (c.valid_until IS NULL OR c.valid_until > :now)
    ORDER BY c.type
    """
)


Readable: TypeAlias = dict[int, RowMapping]
"""The rows of READABLE by type."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a staff member asks for; no `types` means all that may be read."""

    types: Sequence[int]
    since: datetime | None
    until: datetime | None
    after: query.Position
    limit: int


async def read_case(
    connection: AsyncConnection,
    keyring: Keyring,
    staff: StaffCaller,
    case_id: UUID,
    asked: Asked,
) -> query.Page:
    """A page of the records of a case's person, written down as read.

    Raises NotFound, with one body, when there is no such case for this staff member or no consent
    is left on it; ConsentMissing when the case is open and a type asked for is not consented to.
    """
    person_id = await _take_gate_of_case(connection, staff, case_id)
    readable = await _list_readable(connection, staff, case_id, person_id)
    first = next(iter(readable.values()))
    types = list(asked.types) or list(readable)
    refused = [BY_NUMBER[number].name for number in types if number not in readable]
    if refused:
        raise ConsentMissing(f"No consent for: {', '.join(refused)}. Leave these types out.")
    page = await query.list_records(
        connection,
        person_id,
        open_key(keyring, person_id, first["epoch"], first["wrapped_key"]),
        [_covered(asked, readable[number]) for number in types],
        after=asked.after,
        limit=asked.limit,
    )
    look = Look(
        person_id=person_id,
        staff_id=staff.staff_id,
        organization_id=staff.organization_id,
        role=staff.role,
        case_id=case_id,
        purpose=first["purpose"],
        records_from=asked.since,
        records_to=asked.until,
    )
    seen = [
        TypeSeen(number, readable[number]["consent_id"], page.types.get(number, 0))
        for number in types
    ]
    await record_access(connection, look, seen)
    CARE_READS.inc()
    return page


async def _take_gate_of_case(
    connection: AsyncConnection, staff: StaffCaller, case_id: UUID
) -> UUID:
    """The person behind a case of the staff member's organization, locked. Raises NotFound."""
    handle = select(CaseHandle.person_id).where(
        CaseHandle.case_id == case_id, CaseHandle.organization_id == staff.organization_id
    )
    person_id = await connection.scalar(handle)
    if person_id is None:
        raise NotFound
    try:
        await take_gate(connection, person_id)
    except Unauthenticated:
        raise NotFound from None
    return person_id


async def _list_readable(
    connection: AsyncConnection, staff: StaffCaller, case_id: UUID, person_id: UUID
) -> Readable:
    """At least one consent in force for the case. Raises NotFound."""
    who = {"staff_id": staff.staff_id, "organization_id": staff.organization_id}
    what = {"case_id": case_id, "person_id": person_id, "now": clock.now()}
    rows = (await connection.execute(READABLE, {**who, **what})).mappings().all()
    if not rows or not may_hold_cases(staff.organization_kind, rows[0]["purpose"]):
        raise NotFound
    return {row["type"]: row for row in rows}


def _covered(asked: Asked, consent: RowMapping) -> query.Window:
    """The part of the asked period that the consent covers."""
    return query.Window(
        consent["type"],
        max(asked.since or query.FOREVER_AGO, consent["data_from"] or query.FOREVER_AGO),
        min(asked.until or query.FAR_AHEAD, consent["data_until"] or query.FAR_AHEAD),
    )
