"""Closing a case, from either side: at once, once, and with the consents that it rested on.

The consents to read for the case's recipient and purpose end with the last open case that uses
them. Otherwise they would lie dormant and open to whoever opens the next case what the person has
not agreed to there.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.care.cases import are_in_force, is_for, list_cases
from vitalkeep.care.models import Case
from vitalkeep.care.readers import Reader, take_gate_of_case
from vitalkeep.care.schemas import ClosedCase, ClosingSide
from vitalkeep.consents.models import Consent
from vitalkeep.consents.states import withdraw
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.notices.endpoints import Recipient
from vitalkeep.notices.outbox import Content, queue
from vitalkeep.persons.access import PersonCaller, StaffCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.lookup import load_person
from vitalkeep.persons.roles import require_power


@dataclass(frozen=True, slots=True)
class Closing:
    """Which side closes, and the code of its reason."""

    by: ClosingSide
    reason: str | None


async def close_own_case(
    connection: AsyncConnection, person: PersonCaller, case_id: UUID, reason: str | None
) -> ClosedCase:
    """Closes a case of the person's; again: the same answer. Raises NotFound."""
    await take_gate(connection, person.person_id)
    row = await _get_stored(connection, person.person_id, case_id)
    if row["state"] == "open":
        await _close(connection, person, row, Closing("self", reason))
        row = await _get_stored(connection, person.person_id, case_id)
    return _to_closed(row)


async def close_case(
    connection: AsyncConnection, keyring: Keyring, reader: Reader, case_id: UUID, reason: str | None
) -> ClosedCase:
    """Closes a case that the reader sees; again, if their side closed it: the same answer.

    Raises NotFound for every case that the reader doesn't see, Forbidden for administrators.
    """
    if isinstance(reader, StaffCaller):
        require_power(reader, "see_cases")
    person_id = await take_gate_of_case(connection, reader, case_id)
    side: ClosingSide = "organization" if isinstance(reader, StaffCaller) else "relative"
    if (await list_cases(connection, keyring, reader, case_id=case_id)).cases:
        person = await load_person(connection, keyring, person_id)
        row = await _get_stored(connection, person_id, case_id)
        await _close(connection, person, row, Closing(side, reason))
    row = await _get_stored(connection, person_id, case_id, is_for(reader))
    if row["closed_by"] != side:
        raise NotFound
    return _to_closed(row)


async def _get_stored(
    connection: AsyncConnection, person_id: UUID, case_id: UUID, *seen: ColumnElement[bool]
) -> RowMapping:
    query = select(Case).where(Case.person_id == person_id, Case.case_id == case_id, *seen)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound
    return row


async def _close(
    connection: AsyncConnection, person: PersonCaller, row: RowMapping, closing: Closing
) -> None:
    """The caller holds the person's gate."""
    await connection.execute(
        update(Case)
        .where(Case.person_id == person.person_id, Case.case_id == row["case_id"])
        .values(
            state="closed",
            closed_at=clock.now(),
            closed_by=closing.by,
            closure_reason=closing.reason,
        )
    )
    if row["organization_id"] is not None:
        recipient = Recipient("organization", row["organization_id"])
        content = Content([row["case_id"]], person_id=person.person_id)
        await queue(connection, recipient, "case.closed", content)
    if not await _is_still_used(connection, row):
        await _end_consents(connection, person, row, closing.by)


async def _is_still_used(connection: AsyncConnection, row: RowMapping) -> bool:
    """Whether another open case rests on the same consents."""
    query = (
        select(func.count())
        .select_from(Case)
        .where(
            Case.person_id == row["person_id"],
            Case.organization_id == row["organization_id"],
            Case.relative_id == row["relative_id"],
            Case.purpose == row["purpose"],
            Case.state == "open",
        )
    )
    return bool(await connection.scalar(query))


async def _end_consents(
    connection: AsyncConnection, person: PersonCaller, row: RowMapping, actor: ClosingSide
) -> None:
    query = select(Consent).where(
        Consent.person_id == person.person_id,
        Consent.recipient_id == (row["organization_id"] or row["relative_id"]),
        Consent.purpose == row["purpose"],
        *are_in_force(),
    )
    for consent in (await connection.execute(query.order_by(Consent.type))).all():
        outcome: dict[str, object] = {
            "stored_data": "delete",
            "deleted": 0,
            "frozen": 0,
            "features_lost": [f"{BY_NUMBER[consent.type].name}.{consent.purpose}"],
        }
        await withdraw(connection, person, consent, outcome, actor=actor)


def _to_closed(row: RowMapping) -> ClosedCase:
    return ClosedCase(
        id=row["case_id"],
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
        closure_reason=row["closure_reason"],
    )
