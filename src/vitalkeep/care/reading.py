"""The only door to another person's records.

One predicate, evaluated in the read's own transaction, decides: the reader is one of the open
case's, for an organization of the right kind, the person is active, and a consent for the type,
this recipient and this purpose is in force. The access event is written in that transaction
too, so a read that can't be written down does not happen. Like every write for a person it goes
through their gate, before the predicate: a withdrawal or an erasure comes wholly before or after.

A refusal is raised from `Denied`, which the routes write down (`care.reading_denied`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.audit.trail import Look, TypeSeen, record_access
from vitalkeep.base import clock
from vitalkeep.base.errors import ConsentMissing, Forbidden, NotFound, Unauthenticated
from vitalkeep.base.keys import Keyring
from vitalkeep.base.metrics import CARE_READS
from vitalkeep.base.sealing import PersonKey
from vitalkeep.base.session import speak_for
from vitalkeep.care.models import CaseHandle
from vitalkeep.care.reading_denied import Denied, Reason, Wanted
from vitalkeep.consents.purposes import PURPOSES, may_hold_cases
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import StaffCaller, open_key
from vitalkeep.persons.gate import take_gate
from vitalkeep.records import query

# Each way of being a reader of the case is one arm; further ones are added with UNION.
READERS: Final = """
    SELECT k.person_id, k.purpose, k.state,
           'organization' AS recipient_kind, k.organization_id AS recipient_id
    FROM cases k
    JOIN case_staff cs ON cs.person_id = k.person_id AND cs.case_id = k.case_id
    JOIN staff s ON s.staff_id = cs.staff_id AND s.organization_id = k.organization_id
    WHERE k.person_id = :person_id AND k.case_id = :case_id
      AND k.organization_id = :organization_id AND s.staff_id = :staff_id AND s.state = 'active'
"""
READABLE: Final = text(
    f"""
    WITH readers AS ({READERS})
    SELECT c.type, c.consent_id, c.data_from, c.data_until, r.purpose,
           p.time_zone, pk.wrapped_key, pk.epoch
    FROM readers r
    JOIN persons p ON p.person_id = r.person_id
    JOIN person_keys pk ON pk.person_id = r.person_id
    JOIN consents c ON c.person_id = r.person_id AND c.recipient_kind = r.recipient_kind
                   AND c.recipient_id = r.recipient_id AND c.purpose = r.purpose
    WHERE p.person_id = :person_id AND p.state = 'active' AND r.state = 'open'
      AND c.action = 'read' AND c.state = 'active'
      AND (c.valid_until IS NULL OR c.valid_until > :now)
    ORDER BY c.type
    """  # noqa: S608 - no value of a request is in the text
)
WHICH: Final = text(f"WITH readers AS ({READERS}) SELECT state, purpose FROM readers")  # noqa: S608

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


@dataclass(frozen=True, slots=True)
class OpenCase:
    """What somebody may read, type by type, for as long as the transaction lasts."""

    person_id: UUID
    key: PersonKey
    time_zone: str
    types: Sequence[int]
    readable: Readable
    look: Look

    def window(self, number: int, since: datetime | None, until: datetime | None) -> query.Window:
        """The part of a period that the consent for this type covers."""
        consent = self.readable[number]
        return query.Window(
            number,
            max(since or query.FOREVER_AGO, consent["data_from"] or query.FOREVER_AGO),
            min(until or query.FAR_AHEAD, consent["data_until"] or query.FAR_AHEAD),
        )

    def over(self, since: datetime, until: datetime) -> "OpenCase":
        """The same with the period of which the look is told."""
        return replace(self, look=replace(self.look, records_from=since, records_to=until))


async def read_case(
    connection: AsyncConnection,
    keyring: Keyring,
    staff: StaffCaller,
    case_id: UUID,
    asked: Asked,
) -> query.Page:
    """A page of the records of a case's person, written down as read.

    Raises what `open_case` raises.
    """
    wanted = Wanted(data="records", types=asked.types, since=asked.since, until=asked.until)
    case = await open_case(connection, keyring, staff, case_id, wanted)
    page = await query.list_records(
        connection,
        case.person_id,
        case.key,
        [case.window(number, asked.since, asked.until) for number in case.types],
        after=asked.after,
        limit=asked.limit,
    )
    await write_down(connection, case, page.types)
    return page


async def open_case(
    connection: AsyncConnection,
    keyring: Keyring,
    staff: StaffCaller,
    case_id: UUID,
    wanted: Wanted,
) -> OpenCase:
    """What may be read through the case at this moment, behind the person's gate.

    Raises Forbidden for organizations that never get records; NotFound, with one body, when there
    is no such case for this staff member or no consent is left on it; ConsentMissing when the case
    is open and a type asked for is not consented to. All of them from Denied.
    """
    if not any(may_hold_cases(staff.organization_kind, purpose) for purpose in PURPOSES):
        raise Forbidden(
            "Employers, insurers and families get statistics or nothing, never records."
        ) from Denied("organization_kind", staff, case_id, wanted)
    await speak_for(connection, staff_id=staff.staff_id, case_id=case_id)
    person_id = await _take_gate_of_case(connection, staff, case_id, wanted)
    readable = await _list_readable(connection, staff, case_id, wanted, person_id)
    first = next(iter(readable.values()))
    types = list(wanted.types) or list(readable)
    refused = [number for number in types if number not in readable]
    if refused:
        names = ", ".join(BY_NUMBER[number].name for number in refused)
        raise ConsentMissing(f"No consent for: {names}. Leave these types out.") from Denied(
            "no_consent", staff, case_id, replace(wanted, types=refused)
        )
    look = Look(
        person_id=person_id,
        staff_id=staff.staff_id,
        organization_id=staff.organization_id,
        role=staff.role,
        case_id=case_id,
        purpose=first["purpose"],
        records_from=wanted.since,
        records_to=wanted.until,
        data=wanted.data,
    )
    key = open_key(keyring, person_id, first["epoch"], first["wrapped_key"])
    return OpenCase(person_id, key, first["time_zone"], types, readable, look)


async def write_down(
    connection: AsyncConnection, case: OpenCase, counts: Mapping[int, int]
) -> None:
    """Writes the look down, in its transaction: one event for each type, with what was given."""
    seen = [
        TypeSeen(number, case.readable[number]["consent_id"], counts.get(number, 0))
        for number in case.types
    ]
    await record_access(connection, case.look, seen)
    CARE_READS.inc()


async def _take_gate_of_case(
    connection: AsyncConnection, staff: StaffCaller, case_id: UUID, wanted: Wanted
) -> UUID:
    """The person behind a case of the staff member's organization, locked. Raises NotFound."""
    handle = select(CaseHandle.person_id).where(
        CaseHandle.case_id == case_id, CaseHandle.organization_id == staff.organization_id
    )
    person_id = await connection.scalar(handle)
    if person_id is None:
        raise NotFound from Denied("other_organization", staff, case_id, wanted)
    try:
        await take_gate(connection, person_id)
    except Unauthenticated:
        raise NotFound from None
    return person_id


async def _list_readable(
    connection: AsyncConnection, staff: StaffCaller, case_id: UUID, wanted: Wanted, person_id: UUID
) -> Readable:
    """At least one consent in force for the case. Raises NotFound."""
    who = {
        "staff_id": staff.staff_id,
        "organization_id": staff.organization_id,
        "case_id": case_id,
        "person_id": person_id,
    }
    rows = (await connection.execute(READABLE, {**who, "now": clock.now()})).mappings().all()
    if not rows or not may_hold_cases(staff.organization_kind, rows[0]["purpose"]):
        cases = (await connection.execute(WHICH, who)).mappings().all()
        raise NotFound from Denied(_reason(cases, staff), staff, case_id, wanted)
    return {row["type"]: row for row in rows}


def _reason(cases: Sequence[RowMapping], staff: StaffCaller) -> Reason:
    """Why nothing is readable through the case, for somebody of its organization."""
    if not cases:
        return "not_assigned"
    if cases[0]["state"] != "open":
        return "closed"
    if not may_hold_cases(staff.organization_kind, cases[0]["purpose"]):
        return "purpose_not_allowed"
    return "no_consent"
