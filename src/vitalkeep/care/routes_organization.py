"""Routes of an organization's administrators: the organization and its staff.

Coordinators may look, since they assign cases.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from vitalkeep.base.bodies import RequestBody
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.persons import organizations, staff
from vitalkeep.persons.access import SignedInStaff
from vitalkeep.persons.roles import StaffRole, require_power

router = APIRouter(tags=["organization"])
SIGNED_IN = problems(Unauthenticated, Forbidden)
CHANGING = problems(Unauthenticated, Forbidden, InvalidRequest)

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A name as PostgreSQL and a screen can take it: without control characters."""


class OrganizationView(BaseModel):
    """The caller's organization; its kind decides what it may, and only the operator sets it."""

    id: UUID
    name: str
    kind: str
    created_at: datetime


class OrganizationChange(RequestBody):
    """Another name."""

    name: Name


class StaffView(BaseModel):
    """A staff member as colleagues in charge see them."""

    id: UUID
    email: str
    role: str
    state: str
    created_at: datetime


class StaffList(BaseModel):
    """The organization's staff in the order in which they came, suspended ones included."""

    staff: list[StaffView]


class StaffRequest(RequestBody):
    """Who is added: they sign in with this verified Google address."""

    email: str = Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")
    role: StaffRole


class StaffUpdate(RequestBody):
    """Another qualification, or whether they work; what is absent stays."""

    role: StaffRole | None = None
    state: staff.StaffState | None = None


def to_organization(summary: organizations.OrganizationSummary) -> OrganizationView:
    """An organization on the wire."""
    return OrganizationView(
        id=summary.id, name=summary.name, kind=summary.kind, created_at=summary.created_at
    )


def to_staff(summary: staff.StaffSummary) -> StaffView:
    """A staff member on the wire."""
    return StaffView(
        id=summary.id,
        email=summary.email,
        role=summary.role,
        state=summary.state,
        created_at=summary.created_at,
    )


@router.get("/v1/organization", responses=SIGNED_IN)
async def get_organization(caller: SignedInStaff, connection: Connection) -> OrganizationView:
    """The caller's organization."""
    require_power(caller, "see_staff")
    return to_organization(await organizations.get_organization(connection, caller.organization_id))


@router.patch("/v1/organization", responses=CHANGING, openapi_extra=REPEATABLE)
async def rename_organization(
    caller: SignedInStaff, connection: Connection, change: OrganizationChange
) -> OrganizationView:
    """Give the organization another name; persons see it from then on."""
    require_power(caller, "manage")
    await organizations.rename_organization(connection, caller.organization_id, change.name)
    return to_organization(await organizations.get_organization(connection, caller.organization_id))


@router.get("/v1/organization/staff", responses=SIGNED_IN)
async def list_staff(request: Request, caller: SignedInStaff, connection: Connection) -> StaffList:
    """Who works for the organization."""
    require_power(caller, "see_staff")
    found = await staff.list_staff(connection, request.app.state.keyring, caller.organization_id)
    return StaffList(staff=[to_staff(each) for each in found])


@router.post(
    "/v1/organization/staff", status_code=201, responses={**CHANGING, **problems(Conflict)}
)
async def add_staff(
    request: Request, caller: SignedInStaff, connection: Connection, wanted: StaffRequest
) -> StaffView:
    """Add a staff member, who can sign in from then on."""
    require_power(caller, "manage")
    keyring, organization_id = request.app.state.keyring, caller.organization_id
    staff_id = await organizations.add_staff(
        connection, keyring, organization_id, wanted.email, wanted.role
    )
    return to_staff(await staff.get_staff(connection, keyring, organization_id, staff_id))


@router.patch(
    "/v1/organization/staff/{staff_id}",
    responses={**CHANGING, **problems(NotFound, Conflict)},
    openapi_extra=REPEATABLE,
)
async def change_staff(
    request: Request,
    caller: SignedInStaff,
    connection: Connection,
    staff_id: UUID,
    change: StaffUpdate,
) -> StaffView:
    """Change a qualification, suspend, or take back in; who is suspended is signed out at once."""
    require_power(caller, "manage")
    changed = await staff.change_staff(
        connection,
        request.app.state.keyring,
        caller.organization_id,
        staff_id,
        staff.StaffChange(role=change.role, state=change.state),
    )
    return to_staff(changed)
