"""Deleting records: by our id, by what the phone's store or the app calls them, or by period.

What is deleted becomes a tombstone with a change number, so that the person's other devices learn
of it. A tombstone keeps no value and no time of measurement.
"""

from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.bodies import Moment, RequestBody
from vitalkeep.base.db import Connection, driver
from vitalkeep.base.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated, problems
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.datatypes.texts import to_platform_id, to_text
from vitalkeep.persons.access import PersonCaller, SignedInPerson
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.assembly import remove_parts
from vitalkeep.records.models import BY_PERSON, BY_SOURCE
from vitalkeep.records.sealed import client_identity, platform_identity
from vitalkeep.records.tombstones import bury

router = APIRouter(tags=["records"])
SIGNED_IN = problems(Unauthenticated, Forbidden)
MAX_IDS: Final = 5000
"""As many as one page of Health Connect's changes holds."""

LIVE: Final = """
SELECT r.record_id
FROM (SELECT DISTINCT each FROM unnest($2::uuid[]) AS each) u,
     LATERAL (SELECT record_id, feed FROM records
              WHERE person_id = $1 AND record_id = u.each AND sealed IS NOT NULL OFFSET 0) r
ORDER BY r.feed
"""
"""OFFSET 0 has each record looked up by its key, however many the person has."""
STARTED_WITHIN: Final = """
SELECT record_id FROM records
WHERE person_id = $1 AND type = $2 AND start_time >= $3 AND start_time < $4 AND sealed IS NOT NULL
ORDER BY feed
"""

Name = Annotated[str, Field(min_length=1, max_length=256)]
Names = Annotated[list[Name], Field(min_length=1, max_length=MAX_IDS)]


def require_type(name: str) -> str:
    """The name of one of our types. Raises ValueError."""
    if name not in BY_NAME:
        raise ValueError("not one of the types")
    return name


TypeName = Annotated[str, AfterValidator(require_type), Field(examples=["steps"])]


class DeletionRequest(RequestBody):
    """Which records: `ids`; or `platform_ids`; or `client_ids` with `type` and `app`; or those of
    a `type` that start in `[from, to)`.

    `by` says who deleted them: the person here (a phone that sends them again is told
    `suppressed`), or the phone's own store (they revive when it sends them again).
    """

    ids: list[UUID] | None = Field(default=None, min_length=1, max_length=MAX_IDS)
    platform_ids: Names | None = None
    client_ids: Names | None = None
    type: TypeName | None = None
    app: Name | None = None
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")
    by: Literal["person", "source"] = "person"

    @model_validator(mode="after")
    def _name_one_selection(self) -> Self:
        given = self.model_fields_set - {"by"}
        selections = (
            {"ids"}, {"platform_ids"}, {"client_ids", "type", "app"}, {"type", "since", "until"},
        )  # fmt: skip
        if given not in selections:
            raise ValueError("name ids, platform_ids, client_ids with type and app, or a period")
        return self


class Deleted(BaseModel):
    """How many records were there and are deleted now."""

    deleted: int


@router.delete(
    "/v1/me/records/{record_id}",
    responses={**SIGNED_IN, **problems(NotFound, InvalidRequest)},
)
async def delete_record(person: SignedInPerson, connection: Connection, record_id: UUID) -> Deleted:
    """Delete one record here: a phone that sends it again does not bring it back."""
    await take_gate(connection, person.person_id)
    live = await fetch_ids(connection, LIVE, person.person_id, [record_id])
    if not live:
        raise NotFound("There is no such record.")
    return Deleted(deleted=await bury(connection, person.person_id, live, BY_PERSON))


@router.post(
    "/v1/me/records/delete",
    responses={**SIGNED_IN, **problems(InvalidRequest)},
    openapi_extra=REPEATABLE,
)
async def delete_records(
    person: SignedInPerson, connection: Connection, request: DeletionRequest
) -> Deleted:
    """Delete records by their ids, by what their sender calls them, or by period.

    Ids of records that are not here, or are deleted already, are passed over.
    """
    await take_gate(connection, person.person_id)
    who = person.person_id
    by = BY_PERSON if request.by == "person" else BY_SOURCE
    named: list[UUID] = []
    if request.type is not None and request.client_ids is None:
        kind = BY_NAME[request.type].number
        live = await fetch_ids(connection, STARTED_WITHIN, who, kind, request.since, request.until)
    else:
        named = list(named_ids(person, request))
        live = await fetch_ids(connection, LIVE, who, named)
    deleted = await bury(connection, who, live, by)
    return Deleted(deleted=deleted + await remove_parts(connection, person, named, by))


def named_ids(person: PersonCaller, request: DeletionRequest) -> set[UUID]:
    """The ids here of the records, and of samples in records, that a request names."""
    identities = [platform_identity(to_platform_id(each)) for each in request.platform_ids or []]
    if request.client_ids is not None:
        app = to_text(request.app or "")
        identities = [
            client_identity(app, request.type or "", to_text(each)) for each in request.client_ids
        ]
    return {*(request.ids or []), *map(person.key.record_id, identities)}


async def delete_reported(
    connection: AsyncConnection, person: PersonCaller, platform_ids: Iterable[str]
) -> int:
    """Deletes what a phone's own store reports as deleted; how many of it were here.

    The ids are in canonical form. The caller holds the gate.
    """
    ids = {person.key.record_id(platform_identity(each)) for each in platform_ids}
    live = await fetch_ids(connection, LIVE, person.person_id, list(ids))
    deleted = await bury(connection, person.person_id, live, BY_SOURCE)
    return deleted + await remove_parts(connection, person, list(ids), BY_SOURCE)


async def fetch_ids(connection: AsyncConnection, query: str, *values: object) -> list[UUID]:
    """Record ids that a query of this module finds, in the order of their last change."""
    return [row[0] for row in await (await driver(connection)).fetch(query, *values)]
