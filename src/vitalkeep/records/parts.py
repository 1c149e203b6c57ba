"""The table of samples that went into sessions: fetched, saved and retired behind the gate.

Sealed are two 16-bit offsets as in `sealed`, and the positions of stage and recording method in
their lists, -1 for none; bound to the sample's id and its clear columns, but not to its session,
which changes when sessions grow together.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import driver
from vitalkeep.base.sealing import PersonKey
from vitalkeep.datatypes.catalog.sleep import SLEEP
from vitalkeep.datatypes.choices import RECORDING_METHOD, SLEEP_STAGE
from vitalkeep.datatypes.fragments import LONGEST_SAMPLE, Fragment
from vitalkeep.datatypes.times import microseconds
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.models import BY_PERSON
from vitalkeep.records.nights import GAP, Part
from vitalkeep.records.sealed import UNKNOWN, identity, record_place

CONTENT: Final = struct.Struct(">hhbb")
NONE: Final = -1

COLUMNS: Final = "part_id, record_id, source_id, version, start_time, end_time, sealed"
BY_ID: Final = f"""
SELECT {COLUMNS} FROM record_parts WHERE person_id = $1 AND part_id = ANY($2)
"""  # noqa: S608 - no value of a request is in the text
OF_SESSIONS: Final = f"""
SELECT {COLUMNS} FROM record_parts
WHERE person_id = $1 AND record_id = ANY($2) AND sealed IS NOT NULL
"""  # noqa: S608
NEAR: Final = """
SELECT DISTINCT p.record_id
FROM record_parts p
JOIN unnest($2::int2[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
     AS w (of_source, starts_after, since, until)
  ON p.source_id = w.of_source AND p.start_time BETWEEN w.starts_after AND w.until
 AND p.end_time >= w.since
WHERE p.person_id = $1 AND p.sealed IS NOT NULL
"""
SAVE: Final = """
INSERT INTO record_parts AS r (person_id, part_id, record_id, source_id, version, start_time,
                               end_time, sealed)
SELECT p.person_id, u.*
FROM persons p, unnest($2::uuid[], $3::uuid[], $4::int2[], $5::int8[], $6::timestamptz[],
                       $7::timestamptz[], $8::bytea[]) u
WHERE p.person_id = $1
ON CONFLICT (person_id, part_id) DO UPDATE
SET record_id = excluded.record_id, source_id = excluded.source_id, version = excluded.version,
    start_time = excluded.start_time, end_time = excluded.end_time, sealed = excluded.sealed
WHERE r.record_id <> excluded.record_id OR r.sealed IS DISTINCT FROM excluded.sealed
"""
FORGET: Final = """
DELETE FROM record_parts
WHERE person_id = $1 AND {} IN (SELECT unnest($2::uuid[])) AND sealed IS NOT NULL
"""
SUPPRESS: Final = """
UPDATE record_parts SET sealed = NULL, start_time = $3, end_time = $3
WHERE person_id = $1 AND {} IN (SELECT unnest($2::uuid[])) AND sealed IS NOT NULL
"""


def name_part(key: PersonKey, fragment: Fragment) -> UUID:
    """The id of a sample: by what the phone's store calls it alone, else by its app's name for it,
    else by source, times and stage.
    """
    sample = fragment.sample
    named = identity(sample)
    if sample.platform_id is None and sample.client_id is None:
        named += b"\0" + (fragment.stage or "").encode()
    return key.record_id(named)


def to_part(part_id: UUID, fragment: Fragment, source_id: int) -> Part:
    """A sent sample that is in no session yet."""
    sample = fragment.sample
    return Part(
        part_id,
        None,
        source_id,
        sample.version,
        sample.start,
        sample.end,
        sample.start_offset,
        sample.end_offset,
        fragment.stage,
        fragment.recording_method,
    )


async def fetch_parts(
    connection: AsyncConnection, person: PersonCaller, part_ids: Iterable[UUID]
) -> tuple[dict[UUID, Part], dict[UUID, tuple[UUID, int]]]:
    """Those of the samples that are here, and session and version of those the person deleted."""
    rows = await (await driver(connection)).fetch(BY_ID, person.person_id, list(part_ids))
    live = {row["part_id"]: _open(person.key, row) for row in rows if row["sealed"] is not None}
    deleted = {
        row["part_id"]: (row["record_id"], row["version"]) for row in rows if row["sealed"] is None
    }
    return live, deleted


async def fetch_sessions(
    connection: AsyncConnection, person: PersonCaller, record_ids: Iterable[UUID]
) -> dict[UUID, Part]:
    """Every sample of these sessions, by its id."""
    rows = await (await driver(connection)).fetch(OF_SESSIONS, person.person_id, list(record_ids))
    return {row["part_id"]: _open(person.key, row) for row in rows}


async def find_near(
    connection: AsyncConnection, person: PersonCaller, runs: Sequence[Sequence[Part]]
) -> set[UUID]:
    """Stored sessions of the same source that are at most `GAP` from one of the runs of samples.

    A run has no larger gap itself. No sample is longer than `LONGEST_SAMPLE`, so the index is
    asked for a few days only.
    """
    since = [min(part.start for part in run) - GAP for run in runs]
    rows = await (await driver(connection)).fetch(
        NEAR,
        person.person_id,
        [run[0].source_id for run in runs],
        [moment - LONGEST_SAMPLE for moment in since],
        since,
        [max(part.end for part in run) + GAP for run in runs],
    )
    return {row[0] for row in rows}


async def save_parts(
    connection: AsyncConnection, person: PersonCaller, parts: Sequence[tuple[Part, UUID]]
) -> None:
    """Writes samples, each with the session it went into. The caller holds the gate."""
    if not parts:
        return
    await (await driver(connection)).execute(
        SAVE,
        person.person_id,
        [part.part_id for part, _ in parts],
        [record_id for _, record_id in parts],
        [part.source_id for part, _ in parts],
        [part.version for part, _ in parts],
        [part.start for part, _ in parts],
        [part.end for part, _ in parts],
        [_seal(person.key, part) for part, _ in parts],
    )


async def retire(
    connection: AsyncConnection,
    person_id: UUID,
    deleted_by: int,
    *,
    sessions: Sequence[UUID] = (),
    parts: Sequence[UUID] = (),
) -> None:
    """Takes samples out, by their sessions or one by one. The caller holds the gate.

    Of those that the person deleted the id stays, without value or time, so that they stay
    deleted; everything else is forgotten, so that it revives when it is sent again.
    """
    raw = await driver(connection)
    for column, ids in (("record_id", sessions), ("part_id", parts)):
        if ids and deleted_by == BY_PERSON:
            await raw.execute(SUPPRESS.format(column), person_id, ids, clock.now())
        elif ids:
            await raw.execute(FORGET.format(column), person_id, ids)


def _place(part: Part) -> tuple[bytes, bytes]:
    start, end = microseconds(part.start), microseconds(part.end)
    return b"record_parts", record_place(
        part.part_id.bytes, SLEEP.number, part.source_id, start, end, part.version
    )


def _seal(key: PersonKey, part: Part) -> bytes:
    content = CONTENT.pack(
        UNKNOWN if part.start_offset is None else part.start_offset,
        UNKNOWN if part.end_offset is None else part.end_offset,
        NONE if part.stage is None else SLEEP_STAGE.values.index(part.stage),
        NONE if part.method is None else RECORDING_METHOD.values.index(part.method),
    )
    return key.seal(content, *_place(part))


def _open(key: PersonKey, row: asyncpg.Record) -> Part:
    """The stored sample. Raises SealBroken when a bound column was changed."""
    columns = (row[column] for column in range(6))
    bare = Part._make((*columns, None, None, None, None))
    begun, ended, stage, method = CONTENT.unpack(key.open(row["sealed"], *_place(bare)))
    return bare._replace(
        start_offset=None if begun == UNKNOWN else begun,
        end_offset=None if ended == UNKNOWN else ended,
        stage=None if stage == NONE else SLEEP_STAGE.values[stage],
        method=None if method == NONE else RECORDING_METHOD.values[method],
    )
