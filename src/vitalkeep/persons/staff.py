"""Staff of one organization: listing them, and changing what they are and whether they work.

Changes to an organization's staff go one after the other: each locks the organization's row, so
that two administrators can't both be the last but one to go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import Conflict, InvalidRequest, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.sealing import open_text
from vitalkeep.persons.models import RefreshFamily, Staff
from vitalkeep.persons.organizations import email_digest, lock_organization
from vitalkeep.persons.refresh import sign_out
from vitalkeep.persons.roles import READERS, StaffRole

StaffState = Literal["active", "suspended"]


@dataclass(frozen=True, slots=True)
class StaffSummary:
    """A staff member as their organization knows them; nothing of it is shown to persons."""

    id: UUID
    email: str
    role: str
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffChange:
    """What becomes different; None stays as it is.

    `even_last`: also if no active administrator is left, which only the operator may want.
    """

    role: str | None = None
    state: str | None = None
    even_last: bool = False


async def list_staff(
    connection: AsyncConnection, keyring: Keyring, organization_id: UUID
) -> list[StaffSummary]:
    """The organization's staff, suspended ones included, in the order in which they came."""
    query = (
        select(Staff)
        .where(Staff.organization_id == organization_id)
        .order_by(Staff.created_at, Staff.staff_id)
    )
    return [_summary(keyring, row) for row in (await connection.execute(query)).all()]


async def get_staff(
    connection: AsyncConnection, keyring: Keyring, organization_id: UUID, staff_id: UUID
) -> StaffSummary:
    """One staff member of the organization. Raises NotFound, also for those of another."""
    query = select(Staff).where(
        Staff.staff_id == staff_id, Staff.organization_id == organization_id
    )
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound("Your organization has no such staff member.")
    return _summary(keyring, row)


async def find_place(
    connection: AsyncConnection, keyring: Keyring, email: str
) -> tuple[UUID, UUID] | None:
    """Organization and id of the staff member with this address, suspended or not, or None."""
    query = select(Staff.organization_id, Staff.staff_id).where(
        Staff.email_digest == email_digest(keyring, email)
    )
    row = (await connection.execute(query)).first()
    return None if row is None else (row[0], row[1])


async def change_staff(
    connection: AsyncConnection,
    keyring: Keyring,
    organization_id: UUID,
    staff_id: UUID,
    change: StaffChange,
) -> StaffSummary:
    """Changes qualification or state; the same change again changes nothing.

    Who is suspended is signed out at once and everywhere. Raises NotFound, InvalidRequest for what
    is no role or state, Conflict when no active administrator would be left.
    """
    _require_known(change)
    await lock_organization(connection, organization_id)
    before = await get_staff(connection, keyring, organization_id, staff_id)
    role, state = change.role or before.role, change.state or before.state
    await connection.execute(
        update(Staff).where(Staff.staff_id == staff_id).values(role=role, state=state)
    )
    was_in_charge = (before.role, before.state) == ("administrator", "active")
    if was_in_charge and not change.even_last:
        await _require_administrator(connection, organization_id)
    if state == "suspended" and before.state == "active":
        await _end_sessions(connection, staff_id)
    return await get_staff(connection, keyring, organization_id, staff_id)


async def list_readers(
    connection: AsyncConnection, organization_id: UUID, staff_ids: Sequence[UUID]
) -> set[UUID]:
    """Those of the ids that are active clinical staff of the organization."""
    query = select(Staff.staff_id).where(
        Staff.organization_id == organization_id,
        Staff.state == "active",
        Staff.role.in_(READERS),
        Staff.staff_id.in_(staff_ids),
    )
    return set((await connection.scalars(query)).all())


def _require_known(change: StaffChange) -> None:
    if change.role is not None and change.role not in get_args(StaffRole):
        raise InvalidRequest(f"The role has to be one of: {', '.join(get_args(StaffRole))}.")
    if change.state is not None and change.state not in get_args(StaffState):
        raise InvalidRequest("The state has to be active or suspended.")


async def _require_administrator(connection: AsyncConnection, organization_id: UUID) -> None:
    query = (
        select(func.count())
        .select_from(Staff)
        .where(
            Staff.organization_id == organization_id,
            Staff.role == "administrator",
            Staff.state == "active",
        )
    )
    if not await connection.scalar(query):
        raise Conflict(
            "This is the organization's last active administrator: make somebody else one first."
        )


async def _end_sessions(connection: AsyncConnection, staff_id: UUID) -> None:
    await connection.execute(
        delete(RefreshFamily).where(
            RefreshFamily.subject_id == staff_id, RefreshFamily.role == "staff"
        )
    )
    await sign_out(connection, "staff", staff_id)


def _summary(keyring: Keyring, row: Row[Staff]) -> StaffSummary:
    email = open_text(keyring.system_siv(), row.sealed_email, b"staff", row.staff_id.bytes)
    return StaffSummary(row.staff_id, email, row.role, row.state, row.created_at)
