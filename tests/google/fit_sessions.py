"""Fit's sessions: by time, or what changed since a token."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tests.google.fit_store import FitStore, Session
from tests.google.moments import to_ns
from tests.google.refusals import Refused

DAY_NS: Final = 86_400 * 10**9
PAGE: Final = 100
RECENT: Final = timedelta(days=30)


def list_sessions(store: FitStore, query: Mapping[str, str]) -> dict[str, Any]:
    """The answer to a list. A time makes the page token ignored. Raises Refused."""
    wanted = query.get("activityType")
    mine = [each for each in store.sessions if wanted in (None, str(each.activity))]
    if "startTime" in query or "endTime" in query:
        return by_time(mine, query)
    return by_change(store, mine, query)


def by_time(mine: list[Session], query: Mapping[str, str]) -> dict[str, Any]:
    """Sessions that start before `endTime` and end from `startTime` to a day after `endTime`."""
    start = to_time(query.get("startTime"), 0)
    end = to_time(query.get("endTime"), 2**62)
    found = [
        each
        for each in mine
        if not each.deleted and each.start_ns < end and start <= each.end_ns <= end + DAY_NS
    ]
    return {"session": [each.to_json() for each in found], "deletedSession": []}


def by_change(store: FitStore, mine: list[Session], query: Mapping[str, str]) -> dict[str, Any]:
    """Sessions changed after the token, or in thirty days; deleted ones only if asked for."""
    since = read_token(query.get("pageToken"))
    if since is None:
        since = to_ns(store.clock() - RECENT) // 1_000_000, ""
    changed = sorted((each for each in mine if place(each) > since), key=place)
    page, rest = changed[:PAGE], changed[PAGE:]
    with_deleted = query.get("includeDeleted", "").lower() == "true"
    last = place(page[-1]) if page else since
    return {
        "session": [each.to_json() for each in page if not each.deleted],
        "deletedSession": [each.to_json() for each in page if each.deleted and with_deleted],
        "nextPageToken": base64.urlsafe_b64encode(f"{last[0]} {last[1]}".encode()).decode(),
        "hasMoreData": bool(rest),
    }


def place(session: Session) -> tuple[int, str]:
    """A session's place in the order of changes."""
    return session.modified_ms, session.id


def read_token(text: str | None) -> tuple[int, str] | None:
    """Where a token points. Raises Refused."""
    if not text:
        return None
    try:
        at, _, name = base64.urlsafe_b64decode(text).decode().partition(" ")
        return int(at), name
    except ValueError:
        raise Refused(400, "badRequest", "Invalid pageToken") from None


def to_time(text: str | None, otherwise: int) -> int:
    """RFC 3339 as nanoseconds. Raises Refused."""
    if text is None:
        return otherwise
    try:
        return to_ns(datetime.fromisoformat(text))
    except (ValueError, TypeError):
        raise Refused(400, "badRequest", "Invalid time") from None
