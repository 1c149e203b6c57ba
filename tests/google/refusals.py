"""The bodies in which Google's three services refuse."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi.responses import JSONResponse

STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
FIT_REASONS: Final = {
    400: "badRequest",
    401: "authError",
    403: "insufficientPermissions",
    404: "notFound",
    429: "rateLimitExceeded",
    500: "backendError",
    503: "backendError",
}
HEALTH_REASONS: Final = {
    401: "INVALID_AUTHENTICATOR",
    403: "MISSING_OAUTH_SCOPE",
    429: "RATE_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Refused(Exception):
    """An answer that is an error of the API that was called; the application renders it."""

    def __init__(
        self, status: int, reason: str, message: str, *, rpc: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message
        self.rpc, self.headers = rpc, headers


def render(api: str, refused: Refused) -> JSONResponse:
    """The refusal as `oauth`, `fit` or `health` words it."""
    body = {"oauth": oauth_body, "fit": fit_body, "health": health_body}[api](refused)
    return JSONResponse(body, refused.status, dict(refused.headers))


def oauth_body(refused: Refused) -> dict[str, Any]:
    """RFC 6749 section 5.2."""
    return {"error": refused.reason, "error_description": refused.message}


def fit_body(refused: Refused) -> dict[str, Any]:
    """The older form of Google's APIs, with a reason for each error."""
    domain = "usageLimits" if "imitExceeded" in refused.reason else "global"
    error = {"domain": domain, "reason": refused.reason, "message": refused.message}
    return {
        "error": {
            "code": refused.status,
            "message": refused.message,
            "status": refused.rpc or STATUSES.get(refused.status, "UNKNOWN"),
            "errors": [error],
        }
    }


def health_body(refused: Refused) -> dict[str, Any]:
    """google.rpc.Status with one ErrorInfo."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": refused.reason,
        "domain": "health.googleapis.com",
        "metadata": {"detailedReasons": refused.reason},
    }
    return {
        "error": {
            "code": refused.status,
            "message": refused.message,
            "status": refused.rpc or STATUSES.get(refused.status, "UNKNOWN"),
            "details": [info],
        }
    }


def usual_reason(api: str, status: int) -> str:
    """The reason an API gives with a status when nothing else is asked for."""
    if api == "oauth":
        return "server_error" if status >= 500 else "invalid_request"
    return (FIT_REASONS if api == "fit" else HEALTH_REASONS).get(status, "UNKNOWN")
