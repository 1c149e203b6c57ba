"""All of a person's records as they stood at one moment, read page by page without holding on.

The ids are listed first, in one statement and in the order of starts; then each page is read by
its ids. So every record of that moment comes exactly once, whatever happens meanwhile: an id never
changes, while a record's start and its change number do with each new version, and pages by either
would pass over a record that moved behind them, or give one that moved ahead of them twice. A page
shows its records as they are when it is read, and leaves out what has been deleted.

Ids are kept as 16 bytes each; from 65,536 on (1 MiB) in an unnamed temporary file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import driver
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.sealing import PersonKey
from vitalkeep.persons.models import Person
from vitalkeep.records.query import COLUMNS, to_stored
from vitalkeep.records.sealed import open_record
from vitalkeep.records.sources import list_origins

PAGE: Final = 1000
IN_MEMORY: Final = 1 << 20
FETCHED_AT_ONCE: Final = 10_000
ID_BYTES: Final = 16

IDS: Final = """
SELECT uuid_send(record_id) FROM records
WHERE person_id = $1 AND sealed IS NOT NULL ORDER BY start_time, record_id
"""
BY_IDS: Final = f"""
SELECT {COLUMNS} FROM records
WHERE person_id = $1 AND record_id = ANY($2) AND sealed IS NOT NULL
"""  # noqa: S608 - no value of a request is in the text


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which `count` records a person had at a moment, and their newest change number then.

    Close it when done.
    """

    at: datetime
    feed: int
    count: int
    ids: "SpooledTemporaryFile[bytes]"

    def pages(self) -> Iterator[list[UUID]]:
        """The ids in the order of starts, at most 1,000 at a time."""
        for start in range(0, self.count, PAGE):
            self.ids.seek(start * ID_BYTES)
            page = self.ids.read(PAGE * ID_BYTES)
            yield [
                UUID(bytes=page[place : place + ID_BYTES])
                for place in range(0, len(page), ID_BYTES)
            ]

    def close(self) -> None:
        """Forgets the ids."""
        self.ids.close()


async def take_snapshot(connection: AsyncConnection, person_id: UUID) -> Snapshot:
    """The ids of the person's records now. Raises Unauthenticated when the person has left."""
    at = clock.now()
    # Before the ids: whatever has a higher number may be missing among them, nothing else.
    feed = await connection.scalar(select(Person.feed).where(Person.person_id == person_id))
    if feed is None:
        raise Unauthenticated("This account has been deleted.")
    ids = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by who takes the snapshot
    try:
        cursor = (await driver(connection)).cursor(IDS, person_id, prefetch=FETCHED_AT_ONCE)
        async for row in cursor:
            ids.write(row[0])
    except BaseException:
        ids.close()
        raise
    return Snapshot(at, feed, ids.tell() // ID_BYTES, ids)


async def read_page(
    connection: AsyncConnection,
    person_id: UUID,
    key: PersonKey,
    ids: Sequence[UUID],
    epoch: int | None = None,
) -> list[bytes]:
    """The records of these ids that are still there, in their order, as JSON objects.

    Raises Unauthenticated when the person has left meanwhile, or their tokens of `epoch` were
    revoked; SealBroken.
    """
    person = select(Person.state, Person.token_epoch).where(Person.person_id == person_id)
    await connection.execute(select(1))  # begins the transaction
    rows = await (await driver(connection)).fetch(BY_IDS, person_id, ids)
    origins = await list_origins(connection, person_id, key)
    # Last: who is still here now was here when the rows were read, so none is missing among them.
    found = (await connection.execute(person)).first()
    if found is None or found.state != "active" or epoch not in (None, found.token_epoch):
        raise Unauthenticated("The token is not valid any more: sign in again.")
    opened = {row[0]: open_record(key, to_stored(row), origins) for row in rows}
    return [opened[each] for each in ids if each in opened]
