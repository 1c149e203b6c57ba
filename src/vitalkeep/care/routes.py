"""Routes of cases: a person's, a staff member's, a relative's; their records, and their end."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    ConsentMissing,
    Forbidden,
    InvalidCursor,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.keys import Keyring
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.care import cases, closing, reading
from vitalkeep.care.readers import SignedInReader
from vitalkeep.care.schemas import CaseList, CaseView, ClosedCase, ClosureRequest
from vitalkeep.persons.access import SignedInPerson
from vitalkeep.records.published import json_answer
from vitalkeep.records.routes import (
    json_response,
    read_cursor,
    to_page,
)
from vitalkeep.records.schemas import RecordQueryParameters, known_types

router = APIRouter(tags=["cases"])
SIGNED_IN = problems(Unauthenticated, Forbidden)
ONE_CASE = problems(Unauthenticated, Forbidden, NotFound, InvalidRequest)


@router.get("/v1/me/cases", response_model_exclude_none=True, responses=SIGNED_IN)
async def list_my_cases(person: SignedInPerson, connection: Connection) -> CaseList:
    """The person's cases, closed ones too: who reads, for what, and what they can read now."""
    return CaseList(cases=await cases.list_own_cases(connection, person))


@router.post(
    "/v1/me/cases/{case_id}/closure",
    response_model_exclude_none=True,
    responses=ONE_CASE,
    openapi_extra=REPEATABLE,
)
async def close_my_case(
    person: SignedInPerson,
    connection: Connection,
    case_id: UUID,
    request: ClosureRequest | None = None,
) -> ClosedCase:
    """Close a case, or stop a relative's watching: nothing is read any more after the answer.

    The consents that only this case rests on are withdrawn. Again: the same answer.
    """
    return await closing.close_own_case(connection, person, case_id, reason_of(request))


@router.get("/v1/cases", response_model_exclude_none=True, responses=SIGNED_IN)
async def list_cases(request: Request, reader: SignedInReader, connection: Connection) -> CaseList:
    """The open cases that clinical staff work on, that coordinators assign, or that a relative
    watches.
    """
    keyring: Keyring = request.app.state.keyring
    return CaseList(cases=await cases.list_cases(connection, keyring, reader))


@router.get("/v1/cases/{case_id}", response_model_exclude_none=True, responses=ONE_CASE)
async def get_case(
    request: Request, reader: SignedInReader, connection: Connection, case_id: UUID
) -> CaseView:
    """One case of those that `GET /v1/cases` lists."""
    keyring: Keyring = request.app.state.keyring
    return await cases.get_case(connection, keyring, reader, case_id)


@router.post(
    "/v1/cases/{case_id}/closure",
    response_model_exclude_none=True,
    responses=ONE_CASE,
    openapi_extra=REPEATABLE,
)
async def close_case(
    request: Request,
    reader: SignedInReader,
    connection: Connection,
    case_id: UUID,
    closure: ClosureRequest | None = None,
) -> ClosedCase:
    """Close a case from the other side, or stop watching: it is unknown from then on.

    The consents that only this case rests on end with it. Again: the same answer.
    """
    keyring: Keyring = request.app.state.keyring
    return await closing.close_case(connection, keyring, reader, case_id, reason_of(closure))


def reason_of(closure: ClosureRequest | None) -> str | None:
    """The code of the reason, if one was given."""
    return None if closure is None else closure.reason


@router.get(
    "/v1/cases/{case_id}/records",
    response_class=Response,
    responses={
        **json_answer("RecordPage", "Records by start time"),
        **problems(
            Unauthenticated, Forbidden, ConsentMissing, NotFound, InvalidCursor, InvalidRequest
        ),
    },
)
async def list_case_records(
    request: Request,
    reader: SignedInReader,
    connection: Connection,
    case_id: UUID,
    wanted: RecordQueryParameters,
) -> Response:
    """What the person agreed to show for this case; the look is written down for them."""
    keyring: Keyring = request.app.state.keyring
    asked = reading.Asked(
        known_types(wanted) if wanted.type else [],
        wanted.since,
        wanted.until,
        read_cursor(keyring, str(case_id), wanted.cursor),
        wanted.limit,
    )
    page = await reading.read_case(connection, keyring, reader, case_id, asked)
    return json_response(to_page(keyring, str(case_id), page))
