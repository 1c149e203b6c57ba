"""Pushes that come again byte for byte, as phones send what they got no answer to.

A push that was written whole holds one unbroken run of change numbers, one a record in its order.
As long as each number of that run still belongs to a record, none of them was changed or deleted
since: every later change gives a record a new number. So the run tells that the same body would
change nothing, and which ids to answer, without reading it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import driver
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.consented import COLLECT_IN_FORCE

WORTH: Final = 8192
"""Shorter bodies are read again sooner than they are looked up."""
KEPT_FOR: Final = timedelta(days=7)
"""How long a push is told again at once; afterwards it is read like a new one, and swept."""

FIND: Final = """
SELECT first_feed, last_feed FROM pushes WHERE person_id = $1 AND digest = $2
"""
RUN: Final = f"""
SELECT array_agg(u.record_id::text ORDER BY u.feed),
       (SELECT feed FROM persons WHERE person_id = $1 AND state = 'active')
FROM records u
WHERE u.person_id = $1 AND u.feed BETWEEN $2 AND $3
  AND {COLLECT_IN_FORCE.format(person="u.person_id", client="$4", now="$5")}
"""  # noqa: S608 - no value of a request is in the text
NOTE: Final = """
WITH old AS (DELETE FROM pushes WHERE person_id = $1 AND digest <> $2 AND pushed_at < $6)
INSERT INTO pushes (person_id, digest, first_feed, last_feed, pushed_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person_id, digest) DO UPDATE
SET first_feed = excluded.first_feed, last_feed = excluded.last_feed,
    pushed_at = excluded.pushed_at
"""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Ids of the records in the order of the body, and the person's newest change."""

    record_ids: Sequence[str]
    feed: int


def digest_of(person: PersonCaller, dialect: str, sha256: bytes) -> bytes:
    """What a body is found again by: keyed by the person, and bound to app and dialect."""
    sent = b"\0".join((b"push", person.client_id.bytes, dialect.encode(), sha256))
    return person.key.record_key(sent)


async def find_repeated(
    connection: AsyncConnection, person: PersonCaller, digest: bytes, now: datetime
) -> Repeated | None:
    """The records of the push with this digest, if all of them are stored just as it left them and
    may still be collected; None if the body has to be read.

    Takes no gate: it writes nothing, and what it finds was so at one moment.
    """
    raw = await driver(connection)
    run = await raw.fetchrow(FIND, person.person_id, digest)
    if run is None:
        return None
    first, last = run
    found = await raw.fetchrow(RUN, person.person_id, first, last, person.client_id, now)
    if found is None or found[1] is None or len(found[0] or ()) != last - first + 1:
        return None
    return Repeated(*found)


async def note_push(
    connection: AsyncConnection, person_id: UUID, digest: bytes, run: tuple[int, int], now: datetime
) -> None:
    """Remembers a push that was written whole, and forgets the person's old ones.

    `run` is its first and last change number. The caller holds the gate.
    """
    raw = await driver(connection)
    await raw.execute(NOTE, person_id, digest, *run, now, now - KEPT_FOR)
