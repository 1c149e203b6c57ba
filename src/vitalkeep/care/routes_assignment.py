"""Routes of a coordinator: who works on a case, and in whose place."""

from uuid import UUID

from fastapi import APIRouter, Request

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
from vitalkeep.care import assignment
from vitalkeep.care.schemas import AssignmentRequest, CaseView, HandoverRequest
from vitalkeep.persons.access import SignedInStaff

router = APIRouter(tags=["cases"])
ONE_CASE = problems(Unauthenticated, Forbidden, NotFound, InvalidRequest)


@router.put("/v1/cases/{case_id}/staff", response_model_exclude_none=True, responses=ONE_CASE)
async def assign_case(
    request: Request,
    staff: SignedInStaff,
    connection: Connection,
    case_id: UUID,
    wanted: AssignmentRequest,
) -> CaseView:
    """Say who works on a case, all of them: whoever is not named reads nothing any more."""
    return await assignment.assign(
        connection, request.app.state.keyring, staff, case_id, wanted.staff, wanted.teams
    )


@router.post(
    "/v1/cases/{case_id}/handover",
    response_model_exclude_none=True,
    responses={**ONE_CASE, **problems(Conflict)},
    openapi_extra=REPEATABLE,
)
async def hand_over_case(
    request: Request,
    staff: SignedInStaff,
    connection: Connection,
    case_id: UUID,
    wanted: HandoverRequest,
) -> CaseView:
    """Put one colleague in the place of another, who reads nothing of the case any more."""
    return await assignment.hand_over(
        connection,
        request.app.state.keyring,
        staff,
        case_id,
        wanted.from_staff,
        wanted.to_staff,
    )
