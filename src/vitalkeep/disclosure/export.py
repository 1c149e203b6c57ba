"""A person's export as NDJSON: one canonical record a line, and a last line that says it is whole.

The same for a person over HTTP and for an operator's file. No database connection is held between
two pages, so a slow reader costs none.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import islice
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.sealing import PersonKey
from vitalkeep.records.snapshot import Snapshot, read_page, take_snapshot

MEDIA_TYPE: Final = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose records, and what opens them. `epoch`: the token's, where one asks; it has to stay."""

    person_id: UUID
    key: PersonKey
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines of an export, and how many records are in them."""

    text: bytes
    records: int


@dataclass(frozen=True, slots=True)
class Export:
    """A begun export: its snapshot, and its first lines, which have been read already."""

    owner: Owner
    snapshot: Snapshot
    first: Lines


async def begin(connection: AsyncConnection, owner: Owner) -> Export:
    """Lists what is to be exported and reads the first page. Close the snapshot when done.

    Raises Unauthenticated when the person has left; SealBroken.
    """
    snapshot = await take_snapshot(connection, owner.person_id)
    try:
        ids = next(snapshot.pages(), [])
        return Export(owner, snapshot, await read_lines(connection, owner, ids))
    except BaseException:
        snapshot.close()
        raise


async def stream(engine: AsyncEngine, export: Export, *, cursor: str) -> AsyncIterator[Lines]:
    """The lines of a begun export, page by page, each page in a short transaction of its own.

    `cursor` stands in the last line: where the change feed goes on behind the export.
    Raises what `read_page` raises, and then there is no last line.
    """
    owner, snapshot = export.owner, export.snapshot
    written = export.first.records
    yield export.first
    for ids in islice(snapshot.pages(), 1, None):
        async with bound_transaction(engine, person_id=owner.person_id) as connection:
            lines = await read_lines(connection, owner, ids)
        written += lines.records
        yield lines
    yield Lines(last_line(snapshot, written, cursor), 0)


async def read_lines(connection: AsyncConnection, owner: Owner, ids: list[UUID]) -> Lines:
    """One page as lines."""
    records = await read_page(connection, owner.person_id, owner.key, ids, owner.epoch)
    return Lines(b"".join(record + b"\n" for record in records), len(records))


def last_line(snapshot: Snapshot, written: int, cursor: str) -> bytes:
    """What only a whole export ends with: how many records it has, and of which moment."""
    end = {
        "end": True,
        "records": written,
        "exported_at": clock.rfc3339(snapshot.at),
        "changes_cursor": cursor,
    }
    return orjson.dumps(end) + b"\n"
