"""The purge of old deletions: tombstones of the phone's own store and of withdrawn consents.

Those of the person stay for as long as the person does: they suppress what phones send again. What
is purged raises the person's `purged_feed`, so that a change cursor from before is told so.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base.db import driver, transaction
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.models import Person
from vitalkeep.records.models import PASSING

BATCH: Final = 1000
"""Tombstones looked for at a time: at most so many are purged in one transaction."""

# The condition stands in the text: only so can the planner tell that the partial index covers it.
DUE: Final = text(f"""
SELECT modified_at, person_id, record_id FROM records
WHERE {PASSING} AND modified_at < :before
  AND (modified_at, person_id, record_id) > (:at, :person_id, :record_id)
ORDER BY modified_at, person_id, record_id LIMIT :batch
""")  # noqa: S608 - no value is in the text
PURGE: Final = f"""
DELETE FROM records
WHERE person_id = $1 AND record_id = ANY($2::uuid[]) AND {PASSING} AND modified_at < $3
RETURNING feed
"""  # noqa: S608

Tombstone: TypeAlias = tuple[datetime, UUID, UUID]
"""When it was deleted, whose it is, and which record."""
START: Final[Tombstone] = (datetime(1, 1, 2, tzinfo=UTC), UUID(int=0), UUID(int=0))


async def purge_tombstones(engine: AsyncEngine, before: datetime, batch: int = BATCH) -> int:
    """Purges the passing tombstones of deletions before a moment; how many.

    Person by person, each behind their gate and in a transaction of its own: stopped at any
    point, the next run finds the rest. Two runs at once do no harm.
    """
    purged = 0
    place = START
    while True:
        async with transaction(engine) as connection:
            due = await list_due(connection, before, place, batch)
        by_person = sorted((person_id, record_id) for _, person_id, record_id in due)
        for person_id, theirs in groupby(by_person, key=itemgetter(0)):
            record_ids = [record_id for _, record_id in theirs]
            purged += await purge_of_person(engine, person_id, record_ids, before)
        if len(due) < batch:
            return purged
        # Past what may be left, too: somebody who is leaving takes their tombstones along.
        place = due[-1]


async def list_due(
    connection: AsyncConnection, before: datetime, place: Tombstone, batch: int
) -> list[Tombstone]:
    """Passing tombstones behind a place, in the order of deletion."""
    at, person_id, record_id = place
    values = {"at": at, "person_id": person_id, "record_id": record_id}
    found = await connection.execute(DUE, {**values, "before": before, "batch": batch})
    return [(row.modified_at, row.person_id, row.record_id) for row in found]


async def purge_of_person(
    engine: AsyncEngine, person_id: UUID, record_ids: Sequence[UUID], before: datetime
) -> int:
    """Purges a person's tombstones in one transaction, but for those that changed; how many."""
    try:
        async with transaction(engine) as connection:
            await take_gate(connection, person_id)
            return await purge_behind_gate(connection, person_id, record_ids, before)
    except Unauthenticated:
        return 0


async def purge_behind_gate(
    connection: AsyncConnection, person_id: UUID, record_ids: Sequence[UUID], before: datetime
) -> int:
    """Deletes the tombstones and remembers the highest change number among them; how many."""
    raw = await driver(connection)
    numbers = [row[0] for row in await raw.fetch(PURGE, person_id, record_ids, before)]
    if numbers:
        raised = func.greatest(Person.purged_feed, max(numbers))
        mine = update(Person).where(Person.person_id == person_id)
        await connection.execute(mine.values(purged_feed=raised))
    return len(numbers)
