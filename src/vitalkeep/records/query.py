"""Reading stored records: pages by time, and one by id.

Answers are spliced from opened bytes, not parsed and built again. Only `records.routes`,
`records.changes` and `care.reading` call this, and `summaries.compute`, which reads whole days for
its caller: a test holds the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import driver
from vitalkeep.base.sealing import PersonKey
from vitalkeep.records.sealed import Stored, open_record
from vitalkeep.records.sources import list_origins

FOREVER_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
FAR_AHEAD: Final = datetime(9000, 1, 1, tzinfo=UTC)
NO_ID: Final = UUID(int=0)

COLUMNS: Final = "record_id, type, source_id, start_time, end_time, version, modified_at, sealed"

NOT_FROZEN: Final = """
  AND (r.type, r.source_id) NOT IN (
      SELECT c.type, s.source_id
      FROM consents c
      JOIN sources s ON s.person_id = c.person_id AND s.client_id = c.recipient_id
      WHERE c.person_id = $1 AND c.frozen_until IS NOT NULL)
"""
"""Leaves out what the app of a consent sent that was withdrawn with `freeze`."""

PAGE: Final = f"""
SELECT r.* FROM unnest($2::int2[], $3::timestamptz[], $4::timestamptz[], $8::timestamptz[],
                       $9::timestamptz[]) AS w (of_type, since, until, changed_since, changed_until)
CROSS JOIN LATERAL (
    SELECT {COLUMNS} FROM records r
    WHERE r.person_id = $1 AND r.type = w.of_type AND r.sealed IS NOT NULL
      AND r.start_time >= greatest(w.since, $5) AND r.start_time < w.until
      AND (r.start_time, r.record_id) > ($5, $6)
      AND r.modified_at >= w.changed_since AND r.modified_at < w.changed_until {{0}}
    ORDER BY r.start_time, r.record_id LIMIT $7
) r
ORDER BY r.start_time, r.record_id LIMIT $7
"""  # noqa: S608 - no value of a request is in the text
"""The first rows of each type by its index, so that no page sorts all that comes behind it."""

ONE: Final = f"""
SELECT {COLUMNS} FROM records r
WHERE person_id = $1 AND record_id = $2 AND sealed IS NOT NULL {{0}}
"""  # noqa: S608

PLACE: Final = """
SELECT type, start_time FROM records
WHERE person_id = $1 AND record_id = $2 AND sealed IS NOT NULL
"""

LOOKBACK: Final = timedelta(hours=48)
"""Whoever looks for records that overlap a period looks this far before it; the index
`ix_records_long` holds what lasts longer.
"""

OVERLAPPING: Final = f"""
SELECT {COLUMNS} FROM records r
WHERE person_id = $1 AND type = $2 AND sealed IS NOT NULL AND end_time >= $3
  AND start_time >= $5 AND start_time < $4 AND start_time >= $6 AND start_time < $7 {{0}}
UNION ALL
SELECT {COLUMNS} FROM records r
WHERE person_id = $1 AND type = $2 AND sealed IS NOT NULL AND end_time >= $3
  AND start_time < $5 AND start_time >= $6 AND start_time < $7
  AND end_time - start_time > '48:00:00'::interval {{0}}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Changed:
    """Records that were last written in `[since, until)`."""

    since: datetime = FOREVER_AGO
    until: datetime = FAR_AHEAD


ALWAYS: Final = Changed()


@dataclass(frozen=True, slots=True)
class Window:
    """Records of one type that start in `[since, until)`, and that were `changed` then.

    `frozen`: those too that a withdrawal froze; only the person themselves may see them.
    """

    type: int
    since: datetime = FOREVER_AGO
    until: datetime = FAR_AHEAD
    frozen: bool = False
    changed: Changed = ALWAYS


@dataclass(frozen=True, slots=True)
class Position:
    """The last record of a page: the next page starts after it."""

    start: datetime = FOREVER_AGO
    record_id: UUID = NO_ID


@dataclass(frozen=True, slots=True)
class Page:
    """Records as JSON objects, how many of each type, and where the next page starts, if any."""

    records: list[bytes]
    types: dict[int, int]
    following: Position | None


async def list_records(
    connection: AsyncConnection,
    person_id: UUID,
    key: PersonKey,
    windows: Sequence[Window],
    *,
    after: Position,
    limit: int,
) -> Page:
    """One page of a person's records by start and id, at most `limit`.

    The caller has proven the right to read all of `windows`. Raises SealBroken.
    """
    rows = await (await driver(connection)).fetch(
        seen_through(PAGE, windows),
        person_id,
        [window.type for window in windows],
        [window.since for window in windows],
        [window.until for window in windows],
        after.start,
        after.record_id,
        limit + 1,
        [window.changed.since for window in windows],
        [window.changed.until for window in windows],
    )
    # After the rows: each statement sees what was committed before it, new sources included.
    origins = await list_origins(connection, person_id, key)
    page = rows[:limit]
    types: dict[int, int] = {}
    for row in page:
        types[row["type"]] = types.get(row["type"], 0) + 1
    last = page[-1] if len(rows) > limit else None
    return Page(
        [open_record(key, to_stored(row), origins) for row in page],
        types,
        None if last is None else Position(last["start_time"], last["record_id"]),
    )


async def find_record(
    connection: AsyncConnection,
    person_id: UUID,
    key: PersonKey,
    record_id: UUID,
    *,
    frozen: bool = False,
) -> bytes | None:
    """One record as a JSON object, or None. `frozen`: also one that a withdrawal froze, which only
    the person themselves may see. Raises SealBroken.
    """
    one = ONE.format("" if frozen else NOT_FROZEN)
    row = await (await driver(connection)).fetchrow(one, person_id, record_id)
    if row is None:
        return None
    return open_record(key, to_stored(row), await list_origins(connection, person_id, key))


async def find_place(
    connection: AsyncConnection, person_id: UUID, record_id: UUID
) -> tuple[int, datetime] | None:
    """Type and start of a record, None where there is none; nothing is opened."""
    row = await (await driver(connection)).fetchrow(PLACE, person_id, record_id)
    return None if row is None else (row["type"], row["start_time"])


async def list_overlapping(
    connection: AsyncConnection,
    person_id: UUID,
    key: PersonKey,
    window: Window,
    since: datetime,
    until: datetime,
) -> list[tuple[Stored, bytes]]:
    """Every record of the window that overlaps or touches `[since, until)`, with its JSON.

    In no order. The caller has proven the right to read the window. Raises SealBroken.
    """
    rows = await (await driver(connection)).fetch(
        seen_through(OVERLAPPING, [window]),
        person_id,
        window.type,
        since,
        until,
        since - LOOKBACK,
        window.since,
        window.until,
    )
    origins = await list_origins(connection, person_id, key)
    found = map(to_stored, rows)
    return [(stored, open_record(key, stored, origins)) for stored in found]


def seen_through(query: str, windows: Sequence[Window]) -> str:
    """The query, without frozen records unless each of the windows shows them."""
    return query.format("" if all(window.frozen for window in windows) else NOT_FROZEN)


def to_stored(row: asyncpg.Record) -> Stored:
    """The columns of a fetched row."""
    return Stored._make(row[:8])
