"""Organizations and their staff: adding them, and finding a staff member at sign-in."""

from typing import Literal, get_args
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Conflict, InvalidRequest, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.sealing import seal_text
from vitalkeep.persons.models import Organization, Staff

OrganizationKind = Literal[
    "medical_institution", "guidance_provider", "employer", "insurer", "family"
]
StaffRole = Literal[
    "nurse",
    "public_health_nurse",
    "registered_dietitian",
    "physician",
    "coordinator",
    "administrator",
]


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
    known = select(Organization.kind).where(Organization.organization_id == organization_id)
    if await connection.scalar(known) is None:
        raise NotFound("There is no such organization; `vitalkeep org add` makes one.")
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
