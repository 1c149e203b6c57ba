"""The person's view of who looked."""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from vitalkeep.audit.log_export import MEDIA_TYPES, Entry, LogStream
from vitalkeep.audit.schemas import AccessEntry, AccessLog, AccessLogParameters
from vitalkeep.audit.trail import Position, Sought, list_accesses
from vitalkeep.base.db import Connection, bound_transaction
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

FILE_PAGE: Final = 1000
FILES: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": "A page of the log; as `csv` or `ndjson` all of it, one entry a line.",
        "content": {
            media_type.partition(";")[0]: {"schema": {"type": "string"}}
            for media_type in MEDIA_TYPES.values()
        },
    }
}


@router.get(
    "/v1/me/access-log",
    response_model=AccessLog,
    response_model_exclude_none=True,
    responses={**FILES, **problems(Unauthenticated, Forbidden, InvalidCursor, InvalidRequest)},
)
async def list_access_log(
    request: Request,
    person: SignedInPerson,
    connection: Connection,
    wanted: AccessLogParameters,
) -> AccessLog | Response:
    """Who read which type, when, why and under which consent, and who was refused."""
    keyring: Keyring = request.app.state.keyring
    sought = wanted.to_sought()
    after = read_cursor(keyring, person.person_id, wanted.cursor)
    if wanted.format != "json":
        return log_file(request, person.person_id, sought, wanted.format)
    entries, following = await list_accesses(
        connection, person.person_id, sought, after=after, limit=wanted.limit
    )
    return AccessLog(
        entries=[AccessEntry.model_validate(entry) for entry in entries],
        next_cursor=following and to_cursor(keyring, person.person_id, following),
    )


def log_file(request: Request, person_id: UUID, sought: Sought, form: str) -> Response:
    """The whole log as a file, each page read in a short transaction of its own."""

    engine = request.app.state.engine

    async def read_page(after: Position | None) -> tuple[list[Entry], Position | None]:
        async with bound_transaction(engine, person_id=person_id) as connection:
            return await list_accesses(connection, person_id, sought, after=after, limit=FILE_PAGE)

    return LogStream(read_page, form)


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
