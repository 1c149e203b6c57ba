"""The only door to another person's records.

One predicate, evaluated in the read's own transaction, decides: the staff member works on the
open case, for an organization of the right kind, or watches as the person's relative; the person
is active, and a consent for the type, this recipient and this purpose is in force. The access event
is written in that transaction too, so a read that can't be written down does not happen. Like every
write for a person it goes through their gate, before the predicate: a withdrawal or an erasure
comes wholly before or after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, TypedDict
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.audit.trail import Look, TypeSeen, record_access
from vitalkeep.base import clock
from vitalkeep.base.errors import ConsentMissing, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.metrics import CARE_READS
from vitalkeep.care.readers import (
    RELATIVE_ARM,
    STAFF_ARM,
    Reader,
    reader_parameters,
    take_gate_of_case,
)
from vitalkeep.consents.purposes import may_hold_cases, refusal
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller, StaffCaller, open_key
from vitalkeep.persons.roles import require_power
from vitalkeep.records import query

READABLE: Final = """
    WITH readers AS ({readers})
    SELECT c.type, c.consent_id, c.data_from, c.data_until, r.purpose, r.recipient_id,
           pk.wrapped_key, pk.epoch
    FROM readers r
    JOIN persons p ON p.person_id = r.person_id
    JOIN person_keys pk ON pk.person_id = r.person_id
    JOIN consents c ON c.person_id = r.person_id AND c.recipient_kind = r.recipient_kind
                   AND c.recipient_id = r.recipient_id AND c.purpose = r.purpose
    WHERE p.person_id = :person_id AND p.state = 'active' AND r.state = 'open'
      AND c.action = 'read' AND c.state = 'active'
      AND (c.valid_until IS NULL OR c.valid_until > :now)
    ORDER BY c.type
"""
READABLE_BY_STAFF: Final = text(READABLE.format(readers=STAFF_ARM))
READABLE_BY_RELATIVE: Final = text(READABLE.format(readers=RELATIVE_ARM))


Readable: TypeAlias = dict[int, RowMapping]
"""The rows of READABLE by type."""


class Who(TypedDict):
    """The members of a look that say who it is."""

    staff_id: UUID | None
    organization_id: UUID | None
    relative_id: UUID | None
    role: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asks for; no `types` means all that may be read."""

    types: Sequence[int]
    since: datetime | None
    until: datetime | None
    after: query.Position
    limit: int


async def read_case(
    connection: AsyncConnection,
    keyring: Keyring,
    reader: Reader,
    case_id: UUID,
    asked: Asked,
) -> query.Page:
    """A page of the records of a case's person, written down as read.

    Raises Forbidden for staff whose role reads no records; NotFound, with one body, when there is
    no such case for this reader or no consent is left on it; ConsentMissing when the case is open
    and a type asked for is not consented to.
    """
    if isinstance(reader, StaffCaller):
        require_power(reader, "read_records")
    person_id = await take_gate_of_case(connection, reader, case_id)
    readable = await _list_readable(connection, reader, case_id, person_id)
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
        **_who(reader, first),
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


async def _list_readable(
    connection: AsyncConnection, reader: Reader, case_id: UUID, person_id: UUID
) -> Readable:
    """At least one consent in force for the case. Raises NotFound."""
    who = await reader_parameters(connection, reader)
    what = {"case_id": case_id, "person_id": person_id, "now": clock.now()}
    by_staff = isinstance(reader, StaffCaller)
    statement = READABLE_BY_STAFF if by_staff else READABLE_BY_RELATIVE
    rows = (await connection.execute(statement, {**who, **what})).mappings().all()
    if not rows or not _may_hold(reader, rows[0]["purpose"]):
        raise NotFound
    return {row["type"]: row for row in rows}


def _may_hold(reader: Reader, purpose: str) -> bool:
    if isinstance(reader, PersonCaller):
        return refusal(purpose, "read", "person") is None
    return may_hold_cases(reader.organization_kind, purpose)


def _who(reader: Reader, readable: RowMapping) -> Who:
    """Who looks, as the person is told of it: a relative by the id that their case names."""
    if isinstance(reader, PersonCaller):
        return {
            "staff_id": None,
            "organization_id": None,
            "relative_id": readable["recipient_id"],
            "role": "relative",
        }
    return {
        "staff_id": reader.staff_id,
        "organization_id": reader.organization_id,
        "relative_id": None,
        "role": reader.role,
    }


def _covered(asked: Asked, consent: RowMapping) -> query.Window:
    """The part of the asked period that the consent covers."""
    return query.Window(
        consent["type"],
        max(asked.since or query.FOREVER_AGO, consent["data_from"] or query.FOREVER_AGO),
        min(asked.until or query.FAR_AHEAD, consent["data_until"] or query.FAR_AHEAD),
    )
