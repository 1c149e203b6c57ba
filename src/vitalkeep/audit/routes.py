"""The person's view of who looked."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from vitalkeep.audit.trail import list_accesses
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import Forbidden, Unauthenticated, problems
from vitalkeep.persons.access import SignedInPerson

router = APIRouter(tags=["access-log"])


class OrganizationName(BaseModel):
    """An organization as the person is told of it."""

    id: UUID
    name: str


class AccessEntry(BaseModel):
    """Somebody read one type: when, who by role and organization, why, under which consent.

    `count` is how many records were given; `from` and `to` are the period they asked for.
    """

    model_config = ConfigDict(populate_by_name=True)

    at: datetime
    organization: OrganizationName
    role: str
    type: str
    purpose: str
    case_id: UUID
    consent_id: UUID
    count: int
    since: datetime | None = Field(default=None, alias="from")
    until: datetime | None = Field(default=None, alias="to")


class AccessLog(BaseModel):
    """Looks at the person's data, newest first."""

    entries: list[AccessEntry]


@router.get(
    "/v1/me/access-log",
    response_model_exclude_none=True,
    responses=problems(Unauthenticated, Forbidden),
)
async def list_access_log(person: SignedInPerson, connection: Connection) -> AccessLog:
    """Who read which type, when, why and under which consent."""
    entries = await list_accesses(connection, person.person_id)
    return AccessLog(entries=[AccessEntry.model_validate(entry) for entry in entries])
