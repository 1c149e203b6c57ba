"""The person's view of who looked."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from vitalkeep.audit.trail import Position, list_accesses
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    Forbidden,
    InvalidCursor,
    InvalidRequest,
    Unauthenticated,
    problems,
)
from vitalkeep.base.keys import Keyring
from vitalkeep.base.paging import sign, unsign
from vitalkeep.persons.access import SignedInPerson

router = APIRouter(tags=["access-log"])


class OrganizationName(BaseModel):
    """An organization as the person is told of it."""

    id: UUID
    name: str


class AccessRelative(BaseModel):
    """A relative by the id that the case and the consents name."""

    id: UUID


class AccessEntry(BaseModel):
    """Somebody read one type: when, who by role and organization, why, under which consent.

    Instead of an organization a relative who watches, with the role `relative`.

    `count` is how many records were given; `from` and `to` are the period they asked for.
    """

    model_config = ConfigDict(populate_by_name=True)

    at: datetime
    organization: OrganizationName | None = None
    relative: AccessRelative | None = None
    role: str
    type: str
    purpose: str
    case_id: UUID
    consent_id: UUID
    count: int
    since: datetime | None = Field(default=None, alias="from")
    until: datetime | None = Field(default=None, alias="to")


class AccessLog(BaseModel):
    """Looks at the person's data, newest first; `next_cursor` is absent on the last page."""

    entries: list[AccessEntry]
    next_cursor: str | None = None


class AccessLogQuery(BaseModel):
    """A page of the access log; without `cursor` the newest."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=1000, ge=1, le=1000)


@router.get(
    "/v1/me/access-log",
    response_model_exclude_none=True,
    responses=problems(Unauthenticated, Forbidden, InvalidCursor, InvalidRequest),
)
async def list_access_log(
    request: Request,
    person: SignedInPerson,
    connection: Connection,
    wanted: Annotated[AccessLogQuery, Query()],
) -> AccessLog:
    """Who read which type, when, why and under which consent."""
    keyring: Keyring = request.app.state.keyring
    entries, following = await list_accesses(
        connection,
        person.person_id,
        after=read_cursor(keyring, person.person_id, wanted.cursor),
        limit=wanted.limit,
    )
    return AccessLog(
        entries=[AccessEntry.model_validate(entry) for entry in entries],
        next_cursor=following and to_cursor(keyring, person.person_id, following),
    )


def to_cursor(keyring: Keyring, person_id: UUID, position: Position) -> str:
    """The cursor behind an event, for this person's log."""
    place = [position[0].isoformat(), str(position[1])]
    return sign(keyring, "access-log", str(person_id), place)


def read_cursor(keyring: Keyring, person_id: UUID, cursor: str | None) -> Position | None:
    """Where a page starts. Raises InvalidCursor unless it was made for this person's log."""
    if cursor is None:
        return None
    payload = unsign(keyring, "access-log", str(person_id), cursor)
    if not isinstance(payload, list):
        raise InvalidCursor
    return datetime.fromisoformat(payload[0]), UUID(payload[1])
