"""Routes of cases: a person's, a staff member's, a relative's; their records, and their end."""

from uuid import UUID

from fastapi import APIRouter, Request

from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    Forbidden,
    InvalidCursor,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.keys import Keyring
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.base.paging import read_place, write_place
from vitalkeep.care import cases, closing
from vitalkeep.care.readers import SignedInReader, id_of
from vitalkeep.care.schemas import (
    CaseList,
    CaseQueryParameters,
    CaseView,
    ClosedCase,
    ClosureRequest,
)
from vitalkeep.persons.access import SignedInPerson

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


@router.get(
    "/v1/cases",
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(InvalidCursor, InvalidRequest)},
)
async def list_cases(
    request: Request, reader: SignedInReader, connection: Connection, wanted: CaseQueryParameters
) -> CaseList:
    """The open cases that clinical staff work on, that coordinators assign, or that a relative
    watches; newest first.
    """
    keyring: Keyring = request.app.state.keyring
    owner = str(id_of(reader))
    after = read_place(keyring, "cases", owner, wanted.cursor)
    page = await cases.list_cases(connection, keyring, reader, after=after, limit=wanted.limit)
    following = page.following and write_place(keyring, "cases", owner, page.following)
    return CaseList(cases=page.cases, next_cursor=following)


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
