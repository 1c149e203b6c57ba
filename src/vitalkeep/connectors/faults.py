"""What can go wrong at Google, told by its answers, and how long to wait then.

Source: developers.google.com/fit/rest/v1/reference (errors), google.rpc.Status with ErrorInfo,
RFC 6749 section 5.2, RFC 9110 section 10.2.3 (Retry-After).
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from vitalkeep.base import clock

PROBLEMS: Final = {
    "authorization_ended": "Google does not accept the grant any more: it was revoked or has run "
    "out. Connect the account again.",
    "scope_missing": "Google does not let this type be read. Connect again and allow it.",
    "consent_missing": "There is no consent to collect this type, so it is not asked for.",
    "account_not_linked": "The Google account has no Google Health profile. Set up Google Health, "
    "then sync.",
    "rate_limited": "Google asks to slow down; it is tried again later.",
    "google_unavailable": "Google does not answer; it is tried again later.",
    "google_refused": "Google refuses the request; it is tried again later.",
    "move_to_google_health": "Google ends Google Fit. Connect Google Health instead: what is "
    "stored stays, and the connection to Google Fit ends by itself.",
    "not_in_google_health": "Google Health does not have this type. It comes from Google Fit "
    "until Google ends that; then it has to be sent in another way.",
    "too_much_data": "Google holds more of this type in an hour than can be taken in.",
}
"""Codes of problems, and what a person is told of each."""

FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)
LONGEST_ASKED: Final = timedelta(hours=24)

_LIMITED: Final = {
    "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded",
    "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED",
}  # fmt: skip
_SCOPE: Final = {
    "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "MISSING_OAUTH_SCOPE",
    "insufficient_scope",
}  # fmt: skip

_OFF: Final = {httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND, httpx.codes.GONE}
MOVE: Final = "move_to_google_health"


class GoogleFault(Exception):
    """Google did not give what it was asked for; `code` is one of PROBLEMS or `token_refused`.

    `off`: so answers a service that is not there, or not for us.
    """

    def __init__(self, code: str, wait: timedelta | None = None, *, off: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.wait = wait
        self.off = off


class GrantFault(GoogleFault):
    """No token could be had, so that nothing else can be asked for either."""


def to_fault(reply: httpx.Response) -> GoogleFault:
    """The fault behind an answer that is not 200."""
    status, reasons = reply.status_code, set(list_reasons(reply))
    if status == httpx.codes.UNAUTHORIZED:
        return GoogleFault("token_refused")
    if status == httpx.codes.TOO_MANY_REQUESTS or (status == 403 and reasons & _LIMITED):
        return GoogleFault("rate_limited", read_wait(reply))
    if status == httpx.codes.FORBIDDEN and reasons & _SCOPE:
        return GoogleFault("scope_missing")
    if "ACCOUNT_NOT_LINKED" in reasons:
        return GoogleFault("account_not_linked")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return GoogleFault("google_unavailable", read_wait(reply))
    return GoogleFault("google_refused", off=status in _OFF)


def list_reasons(reply: httpx.Response) -> Iterator[str]:
    """Every reason an error names: in the old form (`errors`) and in the new one (`details`)."""
    try:
        body = reply.json()
    except ValueError:
        return
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return
    for named in ("errors", "details"):
        listed = error.get(named)
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict):
                yield str(each.get("reason", ""))
    yield str(error.get("status", ""))
    if "insufficient authentication scopes" in str(error.get("message", "")):
        yield "insufficient_scope"


def read_wait(reply: httpx.Response) -> timedelta | None:
    """How long Retry-After asks to wait, in seconds or until a date; a day at most."""
    given = reply.headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return min(timedelta(seconds=int(given[:9])), LONGEST_ASKED)
    try:
        until = parsedate_to_datetime(given)
    except ValueError:
        return None
    if until.tzinfo is None:
        return None
    return max(timedelta(0), min(until - clock.now(), LONGEST_ASKED))


def retry_time(failures: int, wait: timedelta | None, now: datetime) -> datetime:
    """When to try again after so many failures: doubling to six hours, give or take half, and
    never before what Retry-After asked for.
    """
    doubled = FIRST_PAUSE * (1 << min(max(failures - 1, 0), 20))
    pause = min(doubled, LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
    if wait is not None:
        pause = max(pause, wait * random.uniform(1.0, 1.1))  # noqa: S311 - no secret
    return now + pause
