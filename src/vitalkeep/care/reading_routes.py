"""Routes through the door: a case's records and days. Refusals are written down, too."""

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
from vitalkeep.care.readers import SignedInReader
from vitalkeep.care.reading import Asked, read_case
from vitalkeep.care.reading_days import read_case_days
from vitalkeep.care.reading_denied import DENIALS
from vitalkeep.records.published import json_answer
from vitalkeep.records.routes import json_response, read_cursor, to_page
from vitalkeep.records.schemas import RecordQuery, RecordQueryParameters, known_types
from vitalkeep.summaries.schemas import DayQueryParameters

router = APIRouter(tags=["cases"])
REFUSALS = problems(Unauthenticated, Forbidden, ConsentMissing, NotFound, InvalidRequest)


@router.get(
    "/v1/cases/{case_id}/records",
    response_class=Response,
    dependencies=DENIALS,
    responses={
        **json_answer("RecordPage", "Records by start time"),
        **REFUSALS,
        **problems(InvalidCursor),
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
    asked = Asked(
        known_types(wanted) if wanted.type else [],
        wanted.since,
        wanted.until,
        read_cursor(keyring, str(case_id), wanted.cursor),
        wanted.limit,
    )
    page = await read_case(connection, keyring, reader, case_id, asked)
    return json_response(to_page(keyring, str(case_id), page))


@router.get(
    "/v1/cases/{case_id}/days",
    response_class=Response,
    dependencies=DENIALS,
    responses={**json_answer("DayPage", "Days that have data"), **REFUSALS},
)
async def list_case_days(
    request: Request,
    reader: SignedInReader,
    connection: Connection,
    case_id: UUID,
    wanted: DayQueryParameters,
) -> Response:
    """Daily summaries of what the person agreed to show for this case, at most 400 days; the look
    is written down for them.

    A day is given where the consent covers all of it in the person's time zone (of sleep also the
    day before), and is computed from records that the consent covers.
    """
    types = known_types(RecordQuery(type=wanted.type)) if wanted.type else []
    days = await read_case_days(
        connection, request.app.state.keyring, reader, case_id, types, wanted
    )
    return json_response(b'{"days":[' + b",".join(days) + b"]}")
