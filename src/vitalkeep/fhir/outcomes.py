"""Refusals under /fhir/R4: every problem as an OperationOutcome, with the same status and code.

Source: HL7 FHIR R4, OperationOutcome; its value set of issue types.
"""

from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vitalkeep.base.errors import FieldError, InvalidRequest, Problem
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.fhir import vocabulary as words

MEDIA_TYPE: Final = "application/fhir+json"
BASE_PATH: Final = "/fhir/R4"

ISSUE_TYPES: Final = {
    "malformed_body": "structure",
    "invalid_request": "invalid",
    "batch_too_large": "too-long",
    "unauthenticated": "login",
    "token_expired": "expired",
    "forbidden": "forbidden",
    "consent_missing": "forbidden",
    "not_found": "not-found",
    "conflict": "conflict",
    "cursor_expired": "expired",
    "invalid_cursor": "value",
    "rate_limited": "throttled",
    "overloaded": "transient",
    "dependency_unavailable": "transient",
}
"""The issue type of each code; whatever is not here is an exception."""
NOT_SUPPORTED: Final = frozenset({405, 406})


class InvalidSearch(InvalidRequest):
    """A search that can't be understood; FHIR has 400 for it."""

    status = 400
    default_detail = (
        "Mend the named parameter; GET /fhir/R4/metadata lists what can be searched by."
    )


class NotAcceptable(InvalidRequest):
    """The caller takes another form than the one there is."""

    status, title = 406, "There is no such form"
    default_detail = "Take application/fhir+json: it is the only form there is."


def refuse_parameter(name: str, detail: str) -> InvalidSearch:
    """The refusal of one search parameter."""
    return InvalidSearch(detail, errors=[{"pointer": f"/{name}", "code": "invalid"}])


def to_outcome(problem: Problem) -> JsonObject:
    """The OperationOutcome of a problem; places of a search as `http.` and the parameter."""
    kind = ISSUE_TYPES.get(problem.code, "exception")
    issue: JsonObject = {
        "severity": "fatal" if problem.status >= 500 else "error",
        "code": "not-supported" if problem.status in NOT_SUPPORTED else kind,
        "details": words.concept(words.coding(words.PROBLEM, problem.code), text=problem.title),
        "diagnostics": problem.detail,
    }
    if problem.errors:
        issue["location"] = [_location(each) for each in problem.errors]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def _location(error: FieldError) -> str:
    return "http." + error["pointer"].strip("/").replace("/", ".")


def outcome_response(problem: Problem, _request: Request) -> Response:
    """The answer for a problem; the request's id stands in `X-Request-Id` alone."""
    return Response(
        orjson.dumps(to_outcome(problem)),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )
