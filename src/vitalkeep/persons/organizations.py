"""Organizations: adding, naming and listing them; adding staff and finding them at sign-in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID, uuid4

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Conflict, InvalidRequest, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.sealing import seal_text
from vitalkeep.persons.models import Organization, Staff
from vitalkeep.persons.roles import StaffRole

OrganizationKind = Literal[
    "medical_institution", "guidance_provider", "employer", "insurer", "family"
]


@dataclass(frozen=True, slots=True)
class OrganizationSummary:
    """An organization as it is stored."""

    id: UUID
    name: str
    kind: str
    created_at: datetime


async def add_organization(connection: AsyncConnection, name: str, kind: str) -> UUID:
    """The new organization's id. Raises InvalidRequest for a kind that does not exist."""
    if kind not in get_args(OrganizationKind):
        raise InvalidRequest(f"The kind has to be one of: {', '.join(get_args(OrganizationKind))}.")
    organization_id = uuid4()
    await connection.execute(
        insert(Organization).values(
            organization_id=organization_id, name=name, kind=kind, created_at=clock.now()
        )
    )
    return organization_id


async def list_organizations(connection: AsyncConnection) -> list[OrganizationSummary]:
    """Every organization by name, for the operator."""
    query = select(Organization).order_by(Organization.name, Organization.organization_id)
    return [to_summary(row) for row in (await connection.execute(query)).all()]


async def get_organization(
    connection: AsyncConnection, organization_id: UUID
) -> OrganizationSummary:
    """The organization. Raises NotFound."""
    query = select(Organization).where(Organization.organization_id == organization_id)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound("There is no such organization; `vitalkeep org add` makes one.")
    return to_summary(row)


async def rename_organization(
    connection: AsyncConnection, organization_id: UUID, name: str
) -> None:
    """Gives the organization another name; its kind decides what it may, and stays."""
    await connection.execute(
        update(Organization)
        .where(Organization.organization_id == organization_id)
        .values(name=name)
    )


async def lock_organization(connection: AsyncConnection, organization_id: UUID) -> None:
    """Has changes to one organization's staff and teams go one after the other.

    It does not hold up what only refers to the organization, such as a case that opens.
    """
    await connection.execute(
        select(Organization.organization_id)
        .where(Organization.organization_id == organization_id)
        .with_for_update(key_share=True)
    )


def to_summary(row: Row[Organization]) -> OrganizationSummary:
    """A stored organization."""
    return OrganizationSummary(row.organization_id, row.name, row.kind, row.created_at)


async def add_staff(
    connection: AsyncConnection, keyring: Keyring, organization_id: UUID, email: str, role: str
) -> UUID:
    """The new staff member's id.

    Raises InvalidRequest for an unknown role, NotFound for an unknown organization, Conflict when
    the address belongs to somebody already.
    """
    if role not in get_args(StaffRole):
        raise InvalidRequest(f"The role has to be one of: {', '.join(get_args(StaffRole))}.")
    if "@" not in email:
        raise InvalidRequest("The e-mail address needs an @.")
    await get_organization(connection, organization_id)
    staff_id, address = uuid4(), email.strip().lower()
    row = insert(Staff).values(
        staff_id=staff_id,
        organization_id=organization_id,
        email_digest=email_digest(keyring, address),
        sealed_email=seal_text(keyring.system_siv(), address, b"staff", staff_id.bytes),
        role=role,
        state="active",
        token_epoch=0,
        created_at=clock.now(),
    )
    try:
        await connection.execute(row)
    except IntegrityError:
        raise Conflict("That address belongs to a staff member already.") from None
    return staff_id


def email_digest(keyring: Keyring, email: str) -> bytes:
    """What a staff member's address is found by."""
    return keyring.digest("staff-email", email.strip().lower())


async def find_staff(
    connection: AsyncConnection, keyring: Keyring, email: str
) -> tuple[UUID, int] | None:
    """Id and token epoch of the active staff member with this address, or None."""
    query = select(Staff.staff_id, Staff.token_epoch).where(
        Staff.email_digest == email_digest(keyring, email), Staff.state == "active"
    )
    row = (await connection.execute(query)).first()
    return None if row is None else (row[0], row[1])
