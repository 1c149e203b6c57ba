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

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.audit.trail import Look, TypeSeen, record_access
from vitalkeep.base import clock
from vitalkeep.base.errors import ConsentMissing, Forbidden, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.metrics import CARE_READS
from vitalkeep.base.sealing import PersonKey
from vitalkeep.base.session import speak_for
from vitalkeep.care.readers import (
    RELATIVE_ARM,
    STAFF_ARM,
    Reader,
    Who,
    reader_parameters,
    take_gate_of_case,
    who_of_relative,
    who_of_staff,
)
from vitalkeep.care.reading_denied import Denied, Reason, Wanted
from vitalkeep.consents.purposes import PURPOSES, may_hold_cases, refusal
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller, StaffCaller, open_key
from vitalkeep.persons.roles import REFUSALS, has_power
from vitalkeep.records import query

READABLE: Final = """
    WITH readers AS ({readers})
    SELECT c.type, c.consent_id, c.data_from, c.data_until, r.purpose, r.recipient_id,
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
"""
WHICH: Final = "WITH readers AS ({readers}) SELECT state, purpose FROM readers"
ARMS: Final = {StaffCaller: STAFF_ARM, PersonCaller: RELATIVE_ARM}
READABLE_BY: Final = {of: text(READABLE.format(readers=arm)) for of, arm in ARMS.items()}
WHICH_OF: Final = {of: text(WHICH.format(readers=arm)) for of, arm in ARMS.items()}

Readable: TypeAlias = dict[int, RowMapping]
"""The rows of READABLE by type."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asks for; no `types` means all that may be read."""

    types: Sequence[int]
    since: datetime | None
    until: datetime | None
    after: query.Position
    limit: int
    changed: query.Changed = query.ALWAYS


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
    reader: Reader,
    case_id: UUID,
    asked: Asked,
) -> query.Page:
    """A page of the records of a case's person, written down as read.

    Raises what `open_case` raises.
    """
    wanted = Wanted(data="records", types=asked.types, since=asked.since, until=asked.until)
    case = await open_case(connection, keyring, reader, case_id, wanted)
    windows = [case.window(number, asked.since, asked.until) for number in case.types]
    page = await query.list_records(
        connection,
        case.person_id,
        case.key,
        [replace(window, changed=asked.changed) for window in windows],
        after=asked.after,
        limit=asked.limit,
    )
    await write_down(connection, case, page.types)
    return page


async def open_case(
    connection: AsyncConnection,
    keyring: Keyring,
    reader: Reader,
    case_id: UUID,
    wanted: Wanted,
) -> OpenCase:
    """What may be read through the case at this moment, behind the person's gate.

    Raises Forbidden for organizations that never get records and for staff whose role reads none;
    NotFound, with one body, when there is no such case for this reader or no consent is left on it;
    ConsentMissing when the case is open and a type asked for is not consented to. All of them from
    Denied.
    """
    if isinstance(reader, StaffCaller):
        _require_reading(reader, case_id, wanted)
    await speak_for(connection, case_id=case_id)
    try:
        person_id = await take_gate_of_case(connection, reader, case_id)
    except NotFound:
        by_staff = isinstance(reader, StaffCaller)
        reason: Reason = "other_organization" if by_staff else "not_a_relative"
        raise NotFound from Denied(reason, reader, case_id, wanted)
    readable = await _list_readable(connection, reader, case_id, wanted, person_id)
    first = next(iter(readable.values()))
    types = list(wanted.types) or list(readable)
    refused = [number for number in types if number not in readable]
    if refused:
        names = ", ".join(BY_NUMBER[number].name for number in refused)
        raise ConsentMissing(f"No consent for: {names}. Leave these types out.") from Denied(
            "no_consent", reader, case_id, replace(wanted, types=refused)
        )
    look = Look(
        person_id=person_id,
        **_who(reader, first),
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


def _require_reading(staff: StaffCaller, case_id: UUID, wanted: Wanted) -> None:
    """Raises Forbidden where neither the organization nor the role ever reads records."""
    if not any(may_hold_cases(staff.organization_kind, purpose) for purpose in PURPOSES):
        raise Forbidden(
            "Employers, insurers and families get statistics or nothing, never records."
        ) from Denied("organization_kind", staff, case_id, wanted)
    if not has_power(staff.role, "read_records"):
        raise Forbidden(REFUSALS["read_records"]) from Denied("role", staff, case_id, wanted)


async def _list_readable(
    connection: AsyncConnection, reader: Reader, case_id: UUID, wanted: Wanted, person_id: UUID
) -> Readable:
    """At least one consent in force for the case. Raises NotFound."""
    values = {
        **await reader_parameters(connection, reader),
        "case_id": case_id,
        "person_id": person_id,
    }
    readable = READABLE_BY[type(reader)]
    rows = (await connection.execute(readable, {**values, "now": clock.now()})).mappings().all()
    if not rows or not _may_hold(reader, rows[0]["purpose"]):
        found = (await connection.execute(WHICH_OF[type(reader)], values)).mappings().all()
        raise NotFound from Denied(_reason(found, reader), reader, case_id, wanted)
    return {row["type"]: row for row in rows}


def _reason(cases: Sequence[RowMapping], reader: Reader) -> Reason:
    """Why nothing is readable through the case, for somebody of its side."""
    if not cases:
        return "not_assigned"
    if cases[0]["state"] != "open":
        return "closed"
    return "no_consent" if _may_hold(reader, cases[0]["purpose"]) else "purpose_not_allowed"


def _may_hold(reader: Reader, purpose: str) -> bool:
    if isinstance(reader, PersonCaller):
        return refusal(purpose, "read", "person") is None
    return may_hold_cases(reader.organization_kind, purpose)


def _who(reader: Reader, readable: RowMapping) -> Who:
    if isinstance(reader, PersonCaller):
        return who_of_relative(readable["recipient_id"])
    return who_of_staff(reader)
