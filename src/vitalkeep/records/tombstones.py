"""Burying records: what is deleted becomes a tombstone with a change number of its own."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import array, driver
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.parts import retire
from vitalkeep.records.repeats import glance
from vitalkeep.records.touched import forget_days

BURY: Final = """
UPDATE records r
SET sealed = NULL, deleted_by = $3, feed = $4 + u.n, modified_at = $5, start_time = $5,
    end_time = $5
FROM unnest($2::uuid[]) WITH ORDINALITY AS u (record_id, n)
WHERE r.person_id = $1 AND r.record_id = u.record_id
"""


async def bury(
    connection: AsyncConnection, person_id: UUID, live: Sequence[UUID], deleted_by: int
) -> int:
    """Turns live records into tombstones, each with its own change number; how many.

    Samples that went into them go with them. The caller holds the gate and has found `live`
    behind it.
    """
    if not live:
        return 0
    feed = await take_gate(connection, person_id, len(live))
    if (await glance(connection, person_id)).days_kept:
        await forget_days(connection, person_id, array(live))
    await (await driver(connection)).execute(BURY, person_id, live, deleted_by, feed, clock.now())
    await retire(connection, person_id, deleted_by, sessions=live)
    return len(live)
