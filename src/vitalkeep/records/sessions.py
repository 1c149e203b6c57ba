"""Sessions of sleep: their ids, and writing those that only lose samples."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import array, driver
from vitalkeep.datatypes.canonical import Measurement, to_measurement
from vitalkeep.datatypes.catalog.sleep import SLEEP
from vitalkeep.datatypes.records import validate_record
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.models import BY_PERSON
from vitalkeep.records.nights import Part, claim, divide, to_record
from vitalkeep.records.sealed import seal_record
from vitalkeep.records.sources import list_origins
from vitalkeep.records.touched import forget_days

TAKEN: Final = f"""
SELECT record_id FROM records
WHERE person_id = $1 AND record_id = ANY($2) AND (sealed IS NOT NULL OR deleted_by = {BY_PERSON})
"""  # noqa: S608 - no value of a request is in the text
REWRITE: Final = """
INSERT INTO records AS r (person_id, record_id, start_time, end_time, version, feed, created_feed,
                          modified_at, type, source_id, sealed)
SELECT p.person_id, u.record_id, u.start_time, u.end_time, 0, $7 + u.n, $7 + u.n,
       $8::timestamptz, $9::int2, u.source_id, u.sealed
FROM persons p, unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::int2[], $6::bytea[])
     WITH ORDINALITY AS u (record_id, start_time, end_time, source_id, sealed, n)
WHERE p.person_id = $1
ON CONFLICT (person_id, record_id) DO UPDATE
SET start_time = excluded.start_time, end_time = excluded.end_time, feed = excluded.feed,
    modified_at = excluded.modified_at, source_id = excluded.source_id, sealed = excluded.sealed,
    deleted_by = NULL
WHERE r.sealed IS DISTINCT FROM excluded.sealed
"""


class Session(NamedTuple):
    """A session as it will be: its id, what it is made of, and the record that they make."""

    record_id: UUID
    parts: list[Part]
    measurement: Measurement


async def name_sessions(
    connection: AsyncConnection, person: PersonCaller, parts: Iterable[Part], sent: frozenset[UUID]
) -> list[Session]:
    """The sessions that the samples make. One that continues a stored one keeps its id; a new one
    is named after its first sample, or anew where that name is in use or deleted by the person.
    """
    divided = divide(parts)
    named = dict(enumerate(claim(divided, sent)))
    salt = 0
    while wanted := [index for index, record_id in named.items() if record_id is None]:
        fresh = {
            index: person.key.record_id(b"night\0%b%d" % (divided[index][0].part_id.bytes, salt))
            for index in wanted
        }
        rows = await (await driver(connection)).fetch(TAKEN, person.person_id, list(fresh.values()))
        taken = {row[0] for row in rows}
        named |= {index: each for index, each in fresh.items() if each not in taken}
        salt += 1
    origins = await list_origins(connection, person.person_id, person.key)
    now = clock.now()
    return [
        Session(
            record_id,
            session,
            assemble(session, origins[session[0].source_id], now),
        )
        for session, record_id in zip(divided, named.values(), strict=True)
        if record_id is not None
    ]


def assemble(session: list[Part], origin: bytes, now: datetime) -> Measurement:
    """The record of one session's samples."""
    return to_measurement(validate_record(to_record(session, orjson.loads(origin))), now)


async def rewrite(
    connection: AsyncConnection, person: PersonCaller, sessions: Sequence[Session]
) -> None:
    """Writes sessions that only lost samples, whatever is consented to now."""
    if not sessions:
        return
    feed = await take_gate(connection, person.person_id, len(sessions))
    await forget_days(
        connection,
        person.person_id,
        array(session.record_id for session in sessions),
        types=array(SLEEP.number for _ in sessions),
        starts=array(session.measurement.start_us for session in sessions),
        ends=array(session.measurement.end_us for session in sessions),
    )
    sources = [session.parts[0].source_id for session in sessions]
    await (await driver(connection)).execute(
        REWRITE,
        person.person_id,
        [session.record_id for session in sessions],
        [session.measurement.start for session in sessions],
        [session.measurement.end for session in sessions],
        sources,
        [
            seal_record(person.key, session.record_id.bytes, session.measurement, source)
            for session, source in zip(sessions, sources, strict=True)
        ],
        feed,
        clock.now(),
        SLEEP.number,
    )
