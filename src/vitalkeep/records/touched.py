"""Which cached daily summaries a change of records can alter, and forgetting them.

Called behind the person's gate and before the records are written, since it looks up the times
that they have until then. Too many days are forgotten rather than too few: the local offsets are
sealed, so a day is taken as wide as the most distant offsets make it.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import driver
from vitalkeep.datatypes.registry import TYPES

WIDEST_OFFSET: Final = timedelta(hours=18)
"""Source: RFC 3339 offsets as `datatypes.wire.TIME_PATTERN` takes them, Health Connect's range."""
LONGEST_SLEEP: Final = timedelta(hours=48)
"""A longer session is a recording that was forgotten, and no part of any summary."""
FOLD_GAP: Final = timedelta(hours=1)
"""Sessions of one source with less than this between them are one sleep."""
FOLD_WITHIN: Final = timedelta(hours=24)
"""A session that starts this long after another, or later, is not folded into one sleep with it."""

BEFORE: Final = timedelta(days=1) + WIDEST_OFFSET
"""An instant can lie on a local day whose date, at midnight UTC, is this much earlier."""
AFTER: Final = WIDEST_OFFSET
"""An instant can lie on a local day whose date, at midnight UTC, is this much later."""
# A session lengthens a sleep that ended up to FOLD_GAP before it, and through it that sleep may
# reach another that starts just within FOLD_WITHIN and is as long as they get.
SLEEP_BEFORE: Final = FOLD_GAP + BEFORE
SLEEP_AFTER: Final = FOLD_WITHIN + LONGEST_SLEEP + AFTER
SLEEP_TYPES: Final = [kind.number for kind in TYPES if kind.summary == "sleep"]

FORGET: Final = """
DELETE FROM day_summaries d
USING (
    SELECT DISTINCT t.type,
           (t.start_time AT TIME ZONE 'UTC'
            - CASE WHEN t.type = ANY($6) THEN $7::interval ELSE $9::interval END)::date AS first,
           (t.end_time AT TIME ZONE 'UTC'
            + CASE WHEN t.type = ANY($6) THEN $8::interval ELSE $10::interval END)::date AS last
    FROM (SELECT u.type,
                 timestamptz 'epoch' + u.start_us * interval '1 microsecond' AS start_time,
                 timestamptz 'epoch' + u.end_us * interval '1 microsecond' AS end_time
          FROM unnest($3::text::int2[], $4::text::int8[], $5::text::int8[])
                     AS u (type, start_us, end_us)
          UNION ALL
          SELECT r.type, r.start_time, r.end_time FROM records r
          WHERE r.person_id = $1 AND r.record_id = ANY($2::text::uuid[]) AND r.sealed IS NOT NULL) t
) touched
WHERE d.person_id = $1 AND d.type = touched.type
  AND d.day BETWEEN touched.first AND touched.last
"""


async def forget_days(
    connection: AsyncConnection,
    person_id: UUID,
    record_ids: str,
    starts: str = "{}",
    ends: str = "{}",
    types: str = "{}",
) -> None:
    """Deletes the cached days that these records touch, where they are and where they will be.

    All are array literals (`base.db.array`), times in microseconds since 1970. `starts`, `ends` and
    `types` say where they will be, and are left out when the records are to go. The caller holds
    the gate and has not written the records yet.
    """
    await (await driver(connection)).execute(
        FORGET,
        person_id,
        record_ids,
        types,
        starts,
        ends,
        SLEEP_TYPES,
        SLEEP_BEFORE,
        SLEEP_AFTER,
        BEFORE,
        AFTER,
    )
