"""What a caller is told when a request failed for no fault of theirs: is it certain that nothing
was stored, and may they send it again?

The database's errors are told apart by SQLSTATE only.
"""

from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.requests import Request

from vitalkeep.base.db import OutcomeUnknown
from vitalkeep.base.errors import DependencyUnavailable, InternalError, Overloaded, Problem
from vitalkeep.base.keys import KeyringAway
from vitalkeep.base.logs import fault, get_log

TRY_AGAIN: Final = {"40001", "40P01", "55P03"}
# The connection, its credentials, its database, resources, an operator (SQLSTATE classes).
AWAY: Final = ("08", "28", "3D", "53", "57")
# Source: RFC 9110 section 9.2.2.
IDEMPOTENT: Final = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}
REPEATABLE: Final = {"x-repeatable": True}
"""For the `openapi_extra` of a POST or PATCH that changes nothing when it is sent again."""

NOT_STORED: Final = (
    "The database does not answer. Nothing was stored: send the same request again later."
)
NO_KEY: Final = (
    "A key of the keyring can't be had. Nothing was stored: send the same request again later."
)
SEND_AGAIN: Final = (
    "It is not known whether this was stored. Send the same request again later: if it was, that "
    "changes nothing."
)
LOOK_FIRST: Final = (
    "It is not known whether this was done. Look at the present state before you send it again: it "
    "may be done twice."
)


def to_problem(error: BaseException, request: Request) -> Problem:
    """The problem behind an unexpected error of a request."""
    if isinstance(error, PoolTimeoutError):
        return Overloaded()
    if isinstance(error, OutcomeUnknown):
        get_log().error("outcome_unknown", **fault(error.__cause__ or error))
        return DependencyUnavailable(SEND_AGAIN if is_repeatable(request) else LOOK_FIRST)
    if isinstance(error, KeyringAway):
        get_log().error("keyring_away", **fault(error))
        return DependencyUnavailable(NO_KEY)
    origin = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(origin, "sqlstate", None) or ""
    if state in TRY_AGAIN:
        return Overloaded()
    if state.startswith(AWAY) or is_lost(error, origin):
        get_log().warning("database_away", **fault(error))
        return DependencyUnavailable(NOT_STORED)
    get_log().error("unexpected_error", **fault(error))
    return InternalError()


def is_repeatable(request: Request) -> bool:
    """Whether the request changes nothing when it was carried out and comes again."""
    declared: object = getattr(request.scope.get("route"), "openapi_extra", None)
    marked = isinstance(declared, dict) and declared.keys() >= REPEATABLE.keys()
    return request.method in IDEMPOTENT or marked


def is_lost(error: BaseException, origin: BaseException | None) -> bool:
    """Whether the connection broke, or none was had.

    asyncpg also raises InterfaceError for calls that are wrong in themselves: those are faults.
    """
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(origin, asyncpg.InterfaceError):
        return "connection is closed" in str(origin)
    return isinstance(origin, OSError)
