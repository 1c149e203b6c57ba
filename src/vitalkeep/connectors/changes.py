"""What Google Fit says has changed in a stream since it was last asked, however old it is.

It is a hint of what to read again and nothing more: a changed point has no id, and says neither
which record it was part of nor whether another stream still has it. Deletions and insertions are
the same hint, so that their order does not matter.
Source: developers.google.com/fit/rest/v1/reference: users.dataSources.dataPointChanges.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final, NamedTuple
from urllib.parse import quote

import orjson

from vitalkeep.base.db import bound_transaction
from vitalkeep.base.logs import get_log
from vitalkeep.connectors.calling import Account, TooMuch, take_list
from vitalkeep.connectors.faults import GoogleFault
from vitalkeep.connectors.fetch_fit import PAGE, base_url, find_source
from vitalkeep.connectors.granted import change_type
from vitalkeep.connectors.notifications import Span
from vitalkeep.connectors.providers import GOOGLE_FIT
from vitalkeep.connectors.refetches import Waiting, clip, list_reach, note, take_waiting
from vitalkeep.connectors.runs import Run
from vitalkeep.connectors.stored import TypeRow
from vitalkeep.connectors.windows import HOUR, Pass, Window, floor_hour
from vitalkeep.connectors.writing import hold
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.dialects.google_fit_points import to_times
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.datatypes.times import from_microseconds
from vitalkeep.persons.access import PersonCaller

LEAST: Final = timedelta.resolution
MOST_PAGES: Final = 200
"""Of one pull: less than a minute of calls. The next pull goes on from there."""
PASSED_OVER: Final = {"google_refused", "scope_missing", "google_unavailable"}
"""Faults of this list alone, which keep nothing from being read as if there was none."""


class Changes(NamedTuple):
    """When something changed, in full hours, and the token that leads on from there."""

    hours: set[Window]
    token: str | None


async def note_changes(run: Run, account: Account, row: TypeRow, ahead: Pass) -> list[Waiting]:
    """Notes what has changed before the pull that is `ahead`, and where to ask on next time.

    Returns all that waits of the type then, or nothing if nothing is new. It is asked for before
    the pull reads, so that what changes meanwhile is told the next time.
    Raises GoogleFault, LeaseLost, Unauthenticated.
    """
    kind, base = BY_NUMBER[row.type], base_url(run.settings)
    if run.provider is not GOOGLE_FIT or kind.google_fit is None or kind.shape == "stages":
        return []
    source = await find_source(account, base, kind.name, kind.google_fit.data_type)
    if source is None:
        return []
    token = read_cursor(run.person, row, source)
    url = f"{base}/dataSources/{quote(source, safe='')}/dataPointChanges"
    changes = await _ask(account, url, kind, token)
    if changes.token is None or (changes.token == token and not changes.hours):
        return []
    return await _enter(run, row.type, source, changes, ahead)


async def _ask(account: Account, url: str, kind: DataType, token: str | None) -> Changes:
    """The changes since the token; none where Fit doesn't tell them. Raises GoogleFault."""
    try:
        try:
            changes = await list_changes(account, url, kind, token)
        except GoogleFault as fault:
            if token is None or fault.code != "google_refused":
                raise
            token = None  # forgotten at Google: from now on again
            changes = await list_changes(account, url, kind, None)
    except TooMuch:
        return Changes(set(), None)
    except GoogleFault as fault:
        if fault.code not in PASSED_OVER or fault.wait is not None:
            raise
        get_log().warning("changes_not_told", provider=GOOGLE_FIT.name, code=fault.code)
        return Changes(set(), None)
    # All that ever was is not news.
    return changes if token is not None else Changes(set(), changes.token)


async def list_changes(account: Account, url: str, kind: DataType, token: str | None) -> Changes:
    """Changes since the token, without one all of the stream's, to an empty page or MOST_PAGES.

    Raises GoogleFault, TooMuch.
    """
    hours: set[Window] = set()
    for _ in range(MOST_PAGES):
        after = {} if token is None else {"pageToken": token}
        body = await account.get(url, {"limit": PAGE, **after})
        points = [*take_list(body, "deletedDataPoint"), *take_list(body, "insertedDataPoint")]
        hours.update(to_hours(kind, points))
        before, following = token, body.get("nextPageToken")
        token = following if following and isinstance(following, str) else before
        if not points or token == before:
            break
    return Changes(hours, token)


def to_hours(kind: DataType, points: Iterable[object]) -> Iterator[Window]:
    """The full hours of each point that has a time."""
    for point in points:
        if not isinstance(point, dict):
            continue
        try:
            start, end = to_times(point, instant=kind.shape != "interval")
        except RecordRejected:
            continue
        if start <= end:
            first, last = from_microseconds(start), from_microseconds(end)
            yield Window(floor_hour(first), floor_hour(last) + HOUR)


async def _enter(
    run: Run, number: int, source: str, changes: Changes, ahead: Pass
) -> list[Waiting]:
    """Notes the hours within reach that come before the pull, with the token after them.

    A type that may not be collected keeps its token: it is told of them when it may be again.
    """
    person, platform, client_id = run.person, run.provider.platform, run.person.client_id
    first_days = run.settings.google_first_days
    async with bound_transaction(run.engine, person_id=person.person_id) as connection:
        await hold(connection, person, run.provider, run.lease)
        reaches = await list_reach(connection, person.person_id, platform, client_id, first_days)
        if number not in reaches:
            return []
        reach = Span(reaches[number].start, min(reaches[number].end, ahead.start - LEAST))
        told = [found for each in changes.hours if (found := clip(to_span(each), reach))]
        if told:
            await note(connection, person.person_id, platform, client_id, {number: told})
        sealed = seal_cursor(person, number, source, changes.token or "")
        await change_type(connection, person, platform, number, sealed_cursor=sealed)
        return (await take_waiting(connection, person, platform)).get(number, []) if told else []


def to_span(window: Window) -> Span:
    """A window's first and last moment."""
    return Span(window.start, window.end - LEAST)


def seal_cursor(person: PersonCaller, number: int, source: str, token: str) -> bytes:
    """Where the changes of a stream are asked for next time, as it is stored."""
    return person.key.seal(orjson.dumps([source, token]), *_place(person, number))


def read_cursor(person: PersonCaller, row: TypeRow, source: str) -> str | None:
    """The token to go on with; None if there is none of this stream. Raises SealBroken."""
    if row.sealed_cursor is None:
        return None
    of, token = orjson.loads(person.key.open(row.sealed_cursor, *_place(person, row.type)))
    return str(token) if of == source else None


def _place(person: PersonCaller, number: int) -> tuple[bytes, ...]:
    return b"connection_types", b"google_fit", person.client_id.bytes, str(number).encode()
