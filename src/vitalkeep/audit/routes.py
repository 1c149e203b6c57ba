"""The person's view of who looked."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from vitalkeep.audit.log_export import MEDIA_TYPES, Entry, LogStream
from vitalkeep.audit.schemas import AccessEntry, AccessLog, AccessLogParameters
from vitalkeep.audit.trail import Sought, list_accesses
from vitalkeep.base.db import Connection, bound_transaction
from vitalkeep.base.errors import (
    Forbidden,
    InvalidCursor,
    InvalidRequest,
    Unauthenticated,
    problems,
)
from vitalkeep.base.keys import Keyring
from vitalkeep.base.paging import Place, read_place, write_place
from vitalkeep.persons.access import SignedInPerson

router = APIRouter(tags=["access-log"])

LIST: Final = "access-log"
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
    owner = str(person.person_id)
    after = read_place(keyring, LIST, owner, wanted.cursor)
    if wanted.format != "json":
        return log_file(request, person.person_id, sought, wanted.format)
    entries, following = await list_accesses(
        connection, person.person_id, sought, after=after, limit=wanted.limit
    )
    return AccessLog(
        entries=[AccessEntry.model_validate(entry) for entry in entries],
        next_cursor=following and write_place(keyring, LIST, owner, following),
    )


def log_file(request: Request, person_id: UUID, sought: Sought, form: str) -> Response:
    """The whole log as a file, each page read in a short transaction of its own."""

    engine = request.app.state.engine

    async def read_page(after: Place | None) -> tuple[list[Entry], Place | None]:
        async with bound_transaction(engine, person_id=person_id) as connection:
            return await list_accesses(connection, person_id, sought, after=after, limit=FILE_PAGE)

    return LogStream(read_page, form)
