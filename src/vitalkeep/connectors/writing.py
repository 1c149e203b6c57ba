"""Writing what one window of one type brought: in one transaction with how far the pull has come.

So a pull that is killed goes on where it was: either a window is stored and the next one is due, or
nothing of it is. Records go through the same door as a push, by the app that connected.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import array, driver
from vitalkeep.base.metrics import RECORDS
from vitalkeep.connectors.granted import change_connection, change_type
from vitalkeep.connectors.providers import GOOGLE_FIT, GOOGLE_HEALTH, Provider
from vitalkeep.connectors.windows import Batch, Window
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.ingest import ingest
from vitalkeep.records.models import BY_SOURCE
from vitalkeep.records.parse import Outcome
from vitalkeep.records.sealed import identity
from vitalkeep.records.tombstones import bury

LEASE: Final = timedelta(minutes=5)
"""How long a run may be silent before another takes over; each window it writes renews it."""
BATCH: Final = 1_000

COLLECTED: Final = """
SELECT DISTINCT type FROM consents
WHERE person_id = $1 AND action = 'collect' AND recipient_id = $2 AND state = 'active'
  AND (valid_until IS NULL OR valid_until > $3)
"""
SENT_OTHERWISE: Final = """
SELECT r.record_id
FROM unnest($2::text::uuid[]) AS u (record_id),
     LATERAL (SELECT record_id, source_id FROM records
              WHERE person_id = $1 AND record_id = u.record_id AND sealed IS NOT NULL OFFSET 0) r
     JOIN sources s ON s.person_id = $1 AND s.source_id = r.source_id
WHERE s.via <> $3 AND NOT (s.via = $4 AND s.client_id = $5)
"""
"""OFFSET 0 has each record looked up by its key."""
# A night that ends in the window began at most this long before it.
BEFORE: Final = timedelta(days=3)
PULLED: Final = """
SELECT r.record_id
FROM records r JOIN sources s ON s.person_id = r.person_id AND s.source_id = r.source_id
WHERE r.person_id = $1 AND r.type = $2 AND s.client_id = $3 AND s.via = $4
  AND r.start_time >= $5 AND r.start_time < $6 AND r.sealed IS NOT NULL
  AND (NOT $7 OR (r.end_time >= $8 AND r.end_time < $6))
ORDER BY r.feed
"""


class LeaseLost(Exception):
    """Somebody else deals with the connection now, or it has been ended: stop, write nothing."""


async def list_collected(connection: AsyncConnection, person: PersonCaller) -> set[int]:
    """Numbers of the types that the caller's app may collect now."""
    raw = await driver(connection)
    rows = await raw.fetch(COLLECTED, person.person_id, person.client_id, clock.now())
    return {row[0] for row in rows}


async def hold(
    connection: AsyncConnection, person: PersonCaller, provider: Provider, lease: UUID
) -> None:
    """Takes the gate and renews the lease. Raises LeaseLost, Unauthenticated."""
    await take_gate(connection, person.person_id)
    until = clock.now() + LEASE
    if not await change_connection(
        connection, person, provider.platform, under=lease, due_at=until
    ):
        raise LeaseLost


async def write(  # noqa: PLR0913
    connection: AsyncConnection,
    person: PersonCaller,
    provider: Provider,
    lease: UUID,
    number: int,
    window: Window,
    batch: Batch,
    **progress: object,
) -> bool:
    """Stores a window, deletes what was pulled before and is gone, and enters the `progress`.

    False, and nothing is stored, if the type may not be collected any more. Raises LeaseLost,
    Unauthenticated.
    """
    found = fold(person, number, window, batch)
    await hold(connection, person, provider, lease)
    if number not in await list_collected(connection, person):
        return False
    raw = await driver(connection)
    ids = array([UUID(bytes=record_id) for record_id in found])
    # What one app had from Google Fit is Google Health's once that brings it.
    taken_over = GOOGLE_FIT.via if provider is GOOGLE_HEALTH else person.via
    others = await raw.fetch(
        SENT_OTHERWISE, person.person_id, ids, person.via, taken_over, person.client_id
    )
    kept = {row[0].bytes for row in others}
    fresh: list[Outcome] = [each for key, each in found.items() if key not in kept]
    for first in range(0, len(fresh), BATCH):
        done = await ingest(connection, person, fresh[first : first + BATCH])
        for verdict in done.verdicts:
            RECORDS.labels(verdict["status"]).inc()
    if batch.whole:
        await _bury_vanished(connection, person, number, window, batch, set(found))
    await change_type(connection, person, provider.platform, number, **progress)
    return True


def fold(
    person: PersonCaller, number: int, window: Window, batch: Batch
) -> dict[bytes, Measurement]:
    """The readable records of the type that belong to the window, by their id; the last counts."""
    kind = BY_NUMBER[number]
    return {
        person.key.record_key(identity(each)): each
        for each in batch.outcomes
        if isinstance(each, Measurement)
        and each.type is kind
        and window.start <= (each.end if batch.by_end else each.start) < window.end
    }


async def _bury_vanished(
    connection: AsyncConnection,
    person: PersonCaller,
    number: int,
    window: Window,
    batch: Batch,
    found: set[bytes],
) -> None:
    """Deletes what this connection brought and the provider holds no more, as its source did."""
    first: datetime = window.start - BEFORE if batch.by_end else window.start
    rows = await (await driver(connection)).fetch(
        PULLED,
        person.person_id,
        number,
        person.client_id,
        person.via,
        first,
        window.end,
        batch.by_end,
        window.start,
    )
    gone = [row[0] for row in rows if row[0].bytes not in found]
    await bury(connection, person.person_id, gone, BY_SOURCE)
