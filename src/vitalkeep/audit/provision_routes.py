"""The person's view of what was provided to whom."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from vitalkeep.audit.provision import Period, Place, list_provisions
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
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import SignedInPerson

router = APIRouter(tags=["access-log"])


class ProvisionRecipient(BaseModel):
    """The organization that was given data, and its kind."""

    id: UUID
    name: str
    kind: str = Field(examples=["guidance_provider"])


class ProvisionRecord(BaseModel):
    """What a recipient was given on one day, in the person's time zone, for one purpose.

    `types` are the categories of data, `count` how many records and days were given of them in all,
    and `consent_ids` the consents that they were given under.
    """

    date: date
    recipient: ProvisionRecipient
    types: list[str] = Field(examples=[["steps", "weight"]])
    purpose: str = Field(examples=["guidance"])
    consent_ids: list[UUID]
    count: int


class ProvisionRecordList(BaseModel):
    """Provisions, newest first; `next_cursor` is absent on the last page."""

    provision_records: list[ProvisionRecord]
    next_cursor: str | None = None


class ProvisionQuery(BaseModel):
    """Which provisions, by dates in the person's time zone, both included."""

    model_config = ConfigDict(extra="forbid")

    first: date | None = Field(default=None, alias="from")
    last: date | None = Field(default=None, alias="to")
    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=400, ge=1, le=1000)


@router.get(
    "/v1/me/provision-records",
    response_model_exclude_none=True,
    responses=problems(Unauthenticated, Forbidden, InvalidCursor, InvalidRequest),
)
async def list_provision_records(
    request: Request,
    person: SignedInPerson,
    connection: Connection,
    wanted: Annotated[ProvisionQuery, Query()],
) -> ProvisionRecordList:
    """What was provided to whom (APPI art. 29), one record a recipient, day and purpose."""
    keyring: Keyring = request.app.state.keyring
    rows, following = await list_provisions(
        connection,
        person,
        Period(wanted.first, wanted.last),
        after=read_cursor(keyring, person.person_id, wanted.cursor),
        limit=wanted.limit,
    )
    return ProvisionRecordList(
        provision_records=[to_record(row) for row in rows],
        next_cursor=following and to_cursor(keyring, person.person_id, following),
    )


def to_record(row: RowMapping) -> ProvisionRecord:
    """A provision on the wire."""
    return ProvisionRecord(
        date=row["date"],
        recipient=ProvisionRecipient(id=row["organization_id"], name=row["name"], kind=row["kind"]),
        types=sorted(BY_NUMBER[number].name for number in row["types"]),
        purpose=row["purpose"],
        consent_ids=row["consent_ids"],
        count=row["count"],
    )


def to_cursor(keyring: Keyring, person_id: UUID, place: Place) -> str:
    """The cursor behind a provision, for this person's list."""
    return sign(keyring, "provision-records", str(person_id), [str(each) for each in place])


def read_cursor(keyring: Keyring, person_id: UUID, cursor: str | None) -> Place | None:
    """Where a page starts. Raises InvalidCursor unless it was made for this person's list."""
    if cursor is None:
        return None
    payload = unsign(keyring, "provision-records", str(person_id), cursor)
    if not isinstance(payload, list):
        raise InvalidCursor
    return date.fromisoformat(payload[0]), UUID(payload[1]), payload[2]
