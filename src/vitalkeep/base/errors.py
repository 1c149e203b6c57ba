"""Every problem a caller can meet: one class a code, rendered once as RFC 9457 problem details.

A problem's `code` and `status` never change; `docs/errors.md` explains each and a test holds the
two together. Details say what to do and never repeat a rejected value.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar, NotRequired, TypedDict

DOCS_URL = "https://github.com/vitalkeep/vitalkeep/blob/main/docs/errors.md"


class FieldError(TypedDict):
    """One rejected place in a body: a JSON pointer (RFC 6901) and a code, never the value."""

    pointer: str
    code: str
    detail: NotRequired[str]


class Problem(Exception):
    """A refusal that the caller is told about. Subclasses fix `code`, `status` and `title`."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    default_detail: ClassVar[str] = ""

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        error: str | None = None,
    ) -> None:
        super().__init__(detail or self.default_detail or self.title)
        self.detail = str(self)
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.error = error

    def document(self, instance: str) -> dict[str, object]:
        """The problem document (RFC 9457 section 3); `instance` is the request's id."""
        document: dict[str, object] = {
            "type": f"{DOCS_URL}#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
        }
        if self.error:
            # What OAuth clients look for (RFC 6749 section 5.2).
            document |= {"error": self.error, "error_description": self.detail}
        if self.errors:
            document["errors"] = self.errors
        return document


class MalformedBody(Problem):
    """The body can't be read at all: not JSON, not UTF-8, cut off, or wrongly compressed."""

    code, status, title = "malformed_body", 400, "The body can't be read"
    default_detail = "Send one UTF-8 JSON document without a byte-order mark."


class InvalidRequest(Problem):
    """Readable, but not what the route takes; `errors` points at each place."""

    code, status, title = "invalid_request", 422, "The request doesn't fit its description"
    default_detail = "Mend the places named in `errors` and send it again."


class MethodNotAllowed(InvalidRequest):
    """The path exists, the method does not."""

    status, title = 405, "The method doesn't fit the path"
    default_detail = "See /docs for the methods of this path."


class BatchTooLarge(Problem):
    """More records or bytes than one push may carry."""

    code, status, title = "batch_too_large", 413, "Too much for one request"
    default_detail = "Send at most 1,000 records and 8 MiB (inflated) at a time."


class Unauthenticated(Problem):
    """No token, or one that is not ours, revoked, or of somebody who has left."""

    code, status, title = "unauthenticated", 401, "Who is calling is not known"
    default_detail = "Send `Authorization: Bearer` with a valid access token."

    def __init__(self, detail: str | None = None, *, error: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"}, error=error)


class TokenExpired(Unauthenticated):
    """The token was good and has run out."""

    code, status, title = "token_expired", 401, "The access token has expired"
    default_detail = "Get a new access token from /oauth/token and send the request again."


class InvalidClient(Unauthenticated):
    """The client didn't prove who it is (RFC 6749 section 5.2, invalid_client)."""

    def __init__(self, detail: str = "Authenticate the client with HTTP Basic.") -> None:
        super().__init__(detail, error="invalid_client")
        self.headers = {"WWW-Authenticate": "Basic"}


class InvalidGrant(Unauthenticated):
    """The credential that should be exchanged is not valid (RFC 6749, invalid_grant)."""

    def __init__(self, detail: str = "The person has to sign in again.") -> None:
        super().__init__(detail, error="invalid_grant")


class InvalidTokenRequest(InvalidRequest):
    """The form of a token request is wrong (RFC 6749 section 5.2)."""

    status = 400


class Forbidden(Problem):
    """Known, but not for this caller."""

    code, status, title = "forbidden", 403, "This caller may not do that"


class ConsentMissing(Problem):
    """No consent in force covers what was asked."""

    code, status, title = "consent_missing", 403, "The person has not consented to this use"
    default_detail = "Ask the person for this type and purpose, or leave the type out."


class NotFound(Problem):
    """Unknown or hidden: the two can't be told apart."""

    code, status, title = "not_found", 404, "There is no such thing"
    default_detail = "It does not exist, or it is not yours to see."


class Conflict(Problem):
    """The state of things doesn't allow it now."""

    code, status, title = "conflict", 409, "The present state doesn't allow that"


class CursorExpired(Problem):
    """A change cursor from before the oldest kept deletion."""

    code, status, title = "cursor_expired", 410, "The cursor is too old"
    default_detail = "Read everything again without a cursor and go on from its last cursor."


class InvalidCursor(Problem):
    """A cursor that this server didn't hand out for this list."""

    code, status, title = "invalid_cursor", 400, "The cursor is not one of ours"
    default_detail = "Send `next_cursor` or `changes_cursor` back unchanged, for the same person."


class ConfirmTokenInvalid(Problem):
    """The confirm token of a deactivation is wrong or older than five minutes."""

    code, status, title = "confirm_token_invalid", 409, "The confirm token is not valid"
    default_detail = "Get a new preview from GET /v1/me/deactivation and confirm that."


class RateLimited(Problem):
    """Too many requests from one caller."""

    code, status, title = "rate_limited", 429, "Too many requests"
    default_detail = "Wait as long as Retry-After says."


class Overloaded(Problem):
    """More work than this process takes on at once; nothing was done."""

    code, status, title = "overloaded", 503, "The server is busy"
    default_detail = "Nothing was stored. Send the same request again after Retry-After seconds."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Retry-After": "1"})


class DependencyUnavailable(Problem):
    """The database or an outside service doesn't answer."""

    code, status, title = "dependency_unavailable", 503, "Something the server needs is away"
    default_detail = "Send the same request again later: sending twice is harmless."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Retry-After": "5"})


class InternalError(Problem):
    """A fault of the server's; the log has it under the request id."""

    code, status, title = "internal_error", 500, "The server failed"
    default_detail = "Send it again, and tell the operator the `instance` if it happens twice."


def problem_classes() -> list[type[Problem]]:
    """Every problem class, subclasses of subclasses included."""
    found: list[type[Problem]] = []
    waiting = [Problem]
    while waiting:
        for child in waiting.pop().__subclasses__():
            found.append(child)
            waiting.append(child)
    return found


def problems(*classes: type[Problem]) -> dict[int | str, dict[str, object]]:
    """The `responses=` of a route that can answer these problems, one entry a status."""
    responses: dict[int | str, dict[str, object]] = {}
    for status in sorted({each.status for each in classes}):
        titles = [f"`{each.code}`: {each.title}" for each in classes if each.status == status]
        responses[status] = {"description": "; ".join(dict.fromkeys(titles))}
    return responses
