"""Problems: the codes of the contract, their documents, and the page that explains them."""

import re
from pathlib import Path

import pytest

from vitalkeep.app import ROUTERS
from vitalkeep.base.errors import (
    DOCS_URL,
    Conflict,
    FieldError,
    Forbidden,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidTokenRequest,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Problem,
    Unauthenticated,
    problem_classes,
    problems,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"

CONTRACT = {
    "malformed_body": {400},
    "invalid_request": {422, 400, 405, 406},
    "batch_too_large": {413},
    "unauthenticated": {401},
    "token_expired": {401},
    "forbidden": {403},
    "consent_missing": {403},
    "not_found": {404},
    "conflict": {409},
    "cursor_expired": {410},
    "invalid_cursor": {400},
    "confirm_token_invalid": {409},
    "rate_limited": {429},
    "overloaded": {503},
    "dependency_unavailable": {503},
    "internal_error": {500},
}


def sections() -> dict[str, str]:
    """The text of each section of the page, by heading."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def statuses_of(code: str) -> set[int]:
    """The statuses that a code comes with."""
    return {each.status for each in problem_classes() if each.code == code}


def test_the_codes_and_statuses_are_those_of_the_contract() -> None:
    assert ROUTERS  # every room that could add a problem is imported with them
    assert {each.code: statuses_of(each.code) for each in problem_classes()} == CONTRACT


def test_the_page_explains_every_code_and_no_other() -> None:
    assert list(sections()) == list(CONTRACT)


@pytest.mark.parametrize("code", CONTRACT)
def test_a_section_says_status_when_and_what_to_do(code: str) -> None:
    found = re.fullmatch(
        r"\s*Status: (?P<status>.+)\n\nWhen: (?P<when>(?:.+\n)+)\nWhat to do: (?P<do>(?:.+\n)+)\n?",
        sections()[code],
    )
    assert found, "Status, When and What to do, each in one paragraph"
    assert {int(number) for number in re.findall(r"\b\d{3}\b", found["status"])} == statuses_of(
        code
    )


@pytest.mark.parametrize("kind", problem_classes(), ids=lambda kind: kind.__name__)
def test_a_document_has_the_members_of_rfc_9457_and_a_code(kind: type[Problem]) -> None:
    problem = kind("Do something else.")
    document = problem.document("0123")
    oauth = {"error": problem.error, "error_description": "Do something else."}
    assert document == {
        "type": f"{DOCS_URL}#{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": "Do something else.",
        "instance": "0123",
        "code": kind.code,
        **(oauth if problem.error else {}),
    }
    assert kind().detail
    assert (kind.__doc__ or "").strip()


def test_errors_are_listed_as_they_were_given() -> None:
    found: list[FieldError] = [{"pointer": "/scopes/0", "code": "unknown_scope"}]
    assert InvalidRequest(errors=found).document("0")["errors"] == found
    assert "errors" not in InvalidRequest().document("0")


def test_a_refused_caller_is_told_how_to_sign_in_or_when_to_come_back() -> None:
    assert Unauthenticated().headers == {"WWW-Authenticate": "Bearer"}
    assert InvalidGrant().headers == {"WWW-Authenticate": "Bearer"}
    assert InvalidClient().headers == {"WWW-Authenticate": "Basic"}
    assert Overloaded().headers == {"Retry-After": "1"}
    assert (InvalidGrant().error, InvalidClient().error) == ("invalid_grant", "invalid_client")


def test_a_route_describes_its_problems_by_status_each_kind_once() -> None:
    described = problems(
        Unauthenticated, InvalidGrant, InvalidClient, Forbidden, NotFound, InvalidRequest
    )
    assert described == {
        401: {"description": "`unauthenticated`: Who is calling is not known"},
        403: {"description": "`forbidden`: This caller may not do that"},
        404: {"description": "`not_found`: There is no such thing"},
        422: {"description": "`invalid_request`: The request doesn't fit its description"},
    }
    assert problems() == {}


def test_kinds_that_share_a_code_and_not_a_status_are_described_apart() -> None:
    assert problems(InvalidTokenRequest, MethodNotAllowed, Conflict).keys() == {400, 405, 409}
