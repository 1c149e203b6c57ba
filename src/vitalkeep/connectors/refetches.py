"""What waits to be read again: noted when Google tells of it, taken by the next pull.

Few stretches wait for a type, whatever is told and how often: those that meet are one, and of too
many the nearest are joined. Whoever notes or takes one holds the person's gate.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import driver
from vitalkeep.connectors.models import Connection, ConnectionType, Refetch
from vitalkeep.connectors.notifications import Span
from vitalkeep.connectors.stored import is_one
from vitalkeep.connectors.windows import HOUR, Window, floor_hour
from vitalkeep.datatypes.canonical import EARLIEST
from vitalkeep.persons.access import PersonCaller

MOST: Final = 16
"""Stretches of one type that wait apart from each other."""

REACH: Final = """
SELECT t.type,
       greatest(t.since, min(coalesce(c.data_from, $4)), least(x.connected_at - $6::interval, (
           SELECT min(r.start_time) FROM records r
           WHERE r.person_id = $1 AND r.type = t.type AND r.sealed IS NOT NULL))) AS earliest,
       max(coalesce(c.data_until, $5)) AS latest
FROM connections x
     JOIN connection_types t ON t.person_id = x.person_id AND t.provider = x.provider
                            AND t.client_id = x.client_id AND t.granted
     JOIN consents c ON c.person_id = x.person_id AND c.type = t.type AND c.action = 'collect'
                    AND c.recipient_id = x.client_id AND c.state = 'active'
                    AND (c.valid_until IS NULL OR c.valid_until > $5)
WHERE x.person_id = $1 AND x.provider = $2 AND x.client_id = $3 AND x.state = 'active'
GROUP BY t.type, t.since, x.connected_at
"""
"""What may be read for a connection. Nothing was ever read from before its first pull's beginning,
unless a record is older; what is older than a move from Google Fit stays as that brought it.
"""

Reach: TypeAlias = Mapping[int, Span]


class Waiting(NamedTuple):
    """A stretch that has to be read again."""

    refetch_id: UUID
    window: Window


async def list_reach(
    connection: AsyncConnection, person_id: UUID, platform: str, client_id: UUID, first_days: int
) -> Reach:
    """From when to when each type of a connection may be read now; no others may."""
    rows = await (await driver(connection)).fetch(
        REACH,
        person_id,
        platform,
        client_id,
        EARLIEST,
        clock.now(),
        timedelta(days=first_days),
    )
    return {row["type"]: Span(row["earliest"], row["latest"]) for row in rows}


def clip(span: Span, reach: Span) -> Window | None:
    """The full hours of a span within reach; None if there are none."""
    start, end = max(span.start, reach.start), min(span.end, reach.end)
    return Window(floor_hour(start), floor_hour(end) + HOUR) if start <= end else None


def merge(windows: Iterable[Window]) -> list[Window]:
    """The same time in few windows, by start: of more than MOST the nearest are joined."""
    merged: list[Window] = []
    for each in sorted(windows):
        if merged and each.start <= merged[-1].end:
            merged[-1] = Window(merged[-1].start, max(merged[-1].end, each.end))
        else:
            merged.append(each)
    gaps = sorted(range(1, len(merged)), key=lambda n: merged[n - 1].end - merged[n].start)
    cuts = [0, *sorted(gaps[: MOST - 1]), len(merged)]
    return [
        Window(merged[first].start, merged[last - 1].end)
        for first, last in pairwise(cuts)
        if first < last
    ]


async def note(
    connection: AsyncConnection,
    person_id: UUID,
    platform: str,
    client_id: UUID,
    told: Mapping[int, Sequence[Window]],
) -> None:
    """Adds what is told, by type, to what waits, and has the connection dealt with soon.

    A connection that Google asked to leave alone is left alone until then.
    """
    waiting = await _list(connection, person_id, platform, client_id)
    for number, windows in told.items():
        before = {each.window: each.refetch_id for each in waiting.get(number, [])}
        after = merge([*before, *windows])
        kept = {each for each in after if each in before and not _meets(each, windows)}
        gone = [refetch_id for window, refetch_id in before.items() if window not in kept]
        if gone:
            await connection.execute(delete(Refetch).where(_are(person_id, gone)))
        whose = {
            "person_id": person_id,
            "provider": platform,
            "client_id": client_id,
            "type": number,
        }
        rows = [
            {**whose, "refetch_id": uuid4(), "start_time": each.start, "end_time": each.end}
            for each in after
            if each not in kept
        ]
        await connection.execute(insert(Refetch), rows)
    now = clock.now()
    await connection.execute(
        update(Connection)
        .where(
            is_one(Connection, person_id, platform, client_id),
            Connection.state == "active",
            Connection.lease.is_(None),
            Connection.failures == 0,
            Connection.due_at > now,
        )
        .values(due_at=now, pull_at=func.coalesce(Connection.pull_at, Connection.due_at))
    )


def _meets(window: Window, others: Iterable[Window]) -> bool:
    return any(each.start <= window.end and window.start <= each.end for each in others)


async def take_waiting(
    connection: AsyncConnection, person: PersonCaller, platform: str
) -> dict[int, list[Waiting]]:
    """What waits for the calling app's connection, by type and start.

    What may not be read any more is dropped: a consent that comes back is pulled for as a whole.
    """
    readable = exists().where(
        is_one(ConnectionType, person.person_id, platform, person.client_id),
        ConnectionType.type == Refetch.type,
        ConnectionType.granted,
        ConnectionType.problem.is_distinct_from("consent_missing"),
    )
    these = _of(person.person_id, platform, person.client_id)
    await connection.execute(delete(Refetch).where(these, ~readable))
    return await _list(connection, person.person_id, platform, person.client_id)


async def advance(
    connection: AsyncConnection, person_id: UUID, each: Waiting, done_to: datetime
) -> None:
    """Enters how far a stretch has been read again; nothing if more was told of it meanwhile."""
    this = _are(person_id, [each.refetch_id])
    if done_to >= each.window.end:
        await connection.execute(delete(Refetch).where(this))
    else:
        await connection.execute(update(Refetch).where(this).values(start_time=done_to))


async def _list(
    connection: AsyncConnection, person_id: UUID, platform: str, client_id: UUID
) -> dict[int, list[Waiting]]:
    query = select(Refetch).where(_of(person_id, platform, client_id)).order_by(Refetch.start_time)
    found: dict[int, list[Waiting]] = defaultdict(list)
    for row in (await connection.execute(query)).all():
        found[row.type].append(Waiting(row.refetch_id, Window(row.start_time, row.end_time)))
    return found


def _of(person_id: UUID, platform: str, client_id: UUID) -> ColumnElement[bool]:
    return and_(
        Refetch.person_id == person_id,
        Refetch.provider == platform,
        Refetch.client_id == client_id,
    )


def _are(person_id: UUID, ids: Collection[UUID]) -> ColumnElement[bool]:
    return and_(Refetch.person_id == person_id, Refetch.refetch_id.in_(ids))
