"""Cases: listing them for either side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, RowMapping, Uuid, any_, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from vitalkeep.base import clock
from vitalkeep.base.errors import NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.sealing import PersonKey
from vitalkeep.care.invitations import label_place
from vitalkeep.care.models import Case, CaseHandle, CaseStaff
from vitalkeep.consents.models import Consent
from vitalkeep.consents.scopes import scope_of
from vitalkeep.persons.access import PersonCaller, StaffCaller, open_key
from vitalkeep.persons.models import Organization, Person, PersonKeyRow


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """A case and the scopes that are consented to for it at this moment."""

    id: UUID
    organization_id: UUID
    organization_name: str
    purpose: str
    label: str | None
    scopes: list[str]
    state: str
    opened_at: datetime


async def list_own_cases(connection: AsyncConnection, person: PersonCaller) -> list[CaseSummary]:
    """The person's cases, newest first."""
    query = (
        select(Case, Organization.name)
        .join(Organization, Organization.organization_id == Case.organization_id)
        .where(Case.person_id == person.person_id)
        .order_by(Case.opened_at.desc())
    )
    scopes = await _scopes_in_force(connection, [person.person_id])
    return [
        _summary(row, person.key, scopes)
        for row in (await connection.execute(query)).mappings().all()
    ]


async def list_staff_cases(
    connection: AsyncConnection, keyring: Keyring, staff: StaffCaller, case_id: UUID | None = None
) -> list[CaseSummary]:
    """The open cases that this staff member works on and that still have a consent in force."""
    handles = select(CaseHandle.person_id, CaseHandle.case_id).where(
        CaseHandle.organization_id == staff.organization_id
    )
    if case_id is not None:
        handles = handles.where(CaseHandle.case_id == case_id)
    found = (await connection.execute(handles)).all()
    person_ids = [row.person_id for row in found]
    query = (
        select(Case, Organization.name, PersonKeyRow.wrapped_key, PersonKeyRow.epoch)
        .join(Organization, Organization.organization_id == Case.organization_id)
        .join(PersonKeyRow, PersonKeyRow.person_id == Case.person_id)
        .join(Person, Person.person_id == Case.person_id)
        .join(
            CaseStaff,
            (CaseStaff.person_id == Case.person_id) & (CaseStaff.case_id == Case.case_id),
        )
        .where(
            _is_among(Case.person_id, person_ids),
            _is_among(Case.case_id, [row.case_id for row in found]),
            Case.organization_id == staff.organization_id,
            Case.state == "open",
            Person.state == "active",
            CaseStaff.staff_id == staff.staff_id,
        )
        .order_by(Case.opened_at.desc())
    )
    scopes = await _scopes_in_force(connection, person_ids)
    summaries = [
        _summary(row, open_key(keyring, row["person_id"], row["epoch"], row["wrapped_key"]), scopes)
        for row in (await connection.execute(query)).mappings().all()
    ]
    return [summary for summary in summaries if summary.scopes]


async def get_staff_case(
    connection: AsyncConnection, keyring: Keyring, staff: StaffCaller, case_id: UUID
) -> CaseSummary:
    """One case of the staff member's. Raises NotFound, whatever the reason."""
    found = await list_staff_cases(connection, keyring, staff, case_id)
    if not found:
        raise NotFound
    return found[0]


ScopesInForce = dict[tuple[UUID, UUID, str], list[str]]
"""Read scopes by person, organization and purpose."""


async def _scopes_in_force(
    connection: AsyncConnection, person_ids: Sequence[UUID]
) -> ScopesInForce:
    now = clock.now()
    query = (
        select(Consent.person_id, Consent.recipient_id, Consent.purpose, Consent.type)
        .where(
            _is_among(Consent.person_id, person_ids),
            Consent.action == "read",
            Consent.state == "active",
            or_(Consent.valid_until.is_(None), Consent.valid_until > now),
        )
        .order_by(Consent.type)
    )
    scopes: ScopesInForce = {}
    for row in (await connection.execute(query)).all():
        key = (row.person_id, row.recipient_id, row.purpose)
        scopes.setdefault(key, []).append(str(scope_of(row.type, "read")))
    return scopes


def _is_among(column: InstrumentedAttribute[UUID], ids: Sequence[UUID]) -> ColumnElement[bool]:
    """One array instead of a parameter for each id: PostgreSQL takes 32,767 parameters."""
    return column == any_(literal(ids, ARRAY(Uuid)))


def _summary(row: RowMapping, key: PersonKey, scopes: ScopesInForce) -> CaseSummary:
    label = None
    if row["sealed_label"] is not None:
        label = key.open(row["sealed_label"], *label_place(row["case_id"])).decode()
    return CaseSummary(
        row["case_id"],
        row["organization_id"],
        row["name"],
        row["purpose"],
        label,
        scopes.get((row["person_id"], row["organization_id"], row["purpose"]), []),
        row["state"],
        row["opened_at"],
    )
