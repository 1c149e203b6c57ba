"""The push: bytes in, one durable transaction, one verdict for each record.

Everything that needs no database (parsing, ids, sealing) happens before the gate, so that the
person's row is locked only while SQL runs. The consents are joined into the statement that writes:
it starts after the gate was had, so it sees every withdrawal that came before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import array, driver
from vitalkeep.datatypes.fragments import Fragment
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.assembly import close_nights, open_nights
from vitalkeep.records.consented import COLLECT_IN_FORCE
from vitalkeep.records.models import BY_PERSON, BY_SOURCE, BY_WITHDRAWAL
from vitalkeep.records.parse import Outcome
from vitalkeep.records.pushes import note_push
from vitalkeep.records.repeats import find_same, glance
from vitalkeep.records.sealed import identity, seal_record
from vitalkeep.records.sources import number_sources
from vitalkeep.records.touched import forget_days
from vitalkeep.records.verdicts import (
    Draft,
    Verdict,
    VerdictStatus,
    explain,
    rejection,
)

UPSERT: Final = f"""
INSERT INTO records AS r (person_id, record_id, start_time, end_time, version, feed, created_feed,
                          modified_at, type, source_id, sealed)
SELECT p.person_id, u.record_id, u.start_time, u.end_time, u.version, $11 + u.n, $11 + u.n, $12,
       u.type, u.source_id, u.sealed
FROM persons p, LATERAL (
    SELECT a.record_id, a.version, a.type, a.source_id, a.n,
           timestamptz 'epoch' + a.start_us * interval '1 microsecond' AS start_time,
           timestamptz 'epoch' + a.end_us * interval '1 microsecond' AS end_time,
           substring($10::bytea FROM a.first FOR a.size) AS sealed
    FROM unnest($2::text::uuid[], $3::text::int8[], $4::text::int8[], $5::text::int8[],
                $6::text::int2[], $7::text::int2[], $8::text::int4[], $9::text::int4[])
         WITH ORDINALITY
         AS a (record_id, start_us, end_us, version, type, source_id, first, size, n)
) u
WHERE p.person_id = $1
  AND {COLLECT_IN_FORCE.format(person="p.person_id", client="$13", now="$12")}
ON CONFLICT (person_id, record_id) DO UPDATE
SET start_time = excluded.start_time, end_time = excluded.end_time, version = excluded.version,
    feed = excluded.feed, modified_at = excluded.modified_at, type = excluded.type,
    source_id = excluded.source_id, sealed = excluded.sealed, deleted_by = NULL
WHERE excluded.version > r.version
   OR r.deleted_by IN ({BY_SOURCE}, {BY_WITHDRAWAL})
   OR (excluded.version = r.version AND r.sealed IS DISTINCT FROM excluded.sealed
       AND r.deleted_by IS DISTINCT FROM {BY_PERSON})
RETURNING feed, created_feed = feed, record_id::text
"""  # noqa: S608 - no value of a request is in the text
"""Columns arrive as array literals and one string of all sealed values: the driver's own encoding
of lists takes twice the time of everything else it does (measured).
"""

DUPLICATE: Final = (
    "duplicate_in_batch",
    "",
    "another record of this batch has the same identity and counts instead",
)


Row: TypeAlias = tuple[Draft, int, bytes]
"""A draft, the number of its source, and its sealed value."""
Columns: TypeAlias = tuple[str, str, str, str, str, str, str, str, bytes]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a push did: verdicts in the order of its records, the person's newest change, and the
    moment behind the gate at which all of it happened.
    """

    verdicts: list[Verdict]
    feed: int
    at: datetime


async def ingest(
    connection: AsyncConnection,
    person: PersonCaller,
    outcomes: list[Outcome],
    digest: bytes | None = None,
) -> Ingested:
    """Stores the good records of a push; nothing is durable before the transaction commits.

    With the `digest` of its body, a push that is written whole is known again at once.
    Raises Unauthenticated when the person has left meanwhile.
    """
    verdicts: dict[int, Verdict] = {}
    drafts = fold(person, outcomes, verdicts)
    samples = {n: each for n, each in enumerate(outcomes) if isinstance(each, Fragment)}
    if samples:
        nights = await open_nights(connection, person, samples, verdicts)
        first = len(outcomes)
        drafts += [Draft(n, *session) for n, session in enumerate(nights.drafts, start=first)]
    whole = len(drafts) == len(outcomes) and not samples
    feed, at = await store(connection, person, drafts, verdicts, digest if whole else None)
    if samples:
        feed += await close_nights(connection, person, nights, verdicts, first)
    return Ingested([verdicts[position] for position in range(len(outcomes))], feed, at)


def fold(
    person: PersonCaller, outcomes: list[Outcome], verdicts: dict[int, Verdict]
) -> list[Draft]:
    """One draft for each id: of several the highest version counts, of equal ones the last.

    The others, and what could not be parsed, get their verdict here; samples of sleep don't.
    """
    newest: dict[bytes, Draft] = {}
    name = person.key.record_key
    for position, outcome in enumerate(outcomes):
        if isinstance(outcome, RecordRejected):
            verdicts[position] = rejection(position, outcome.code, outcome.pointer, outcome.detail)
            continue
        if isinstance(outcome, Fragment):
            continue
        draft = Draft(position, name(identity(outcome)), outcome)
        rival = newest.get(draft.record_id)
        if rival is not None:
            if outcome.version < rival.measurement.version:
                draft, rival = rival, draft
            verdicts[rival.position] = rejection(rival.position, *DUPLICATE)
        newest[draft.record_id] = draft
    return list(newest.values())


async def store(
    connection: AsyncConnection,
    person: PersonCaller,
    drafts: list[Draft],
    verdicts: dict[int, Verdict],
    digest: bytes | None = None,
) -> tuple[int, datetime]:
    """Writes the drafts and adds their verdicts. Answers the person's newest change number and
    the moment by which consents were judged: a push may have waited long for the gate.
    """
    if not drafts:
        return await take_gate(connection, person.person_id), clock.now()
    numbers = await number_sources(
        connection, person, {draft.measurement.origin for draft in drafts}
    )
    rows = seal(person, drafts, numbers)
    columns = to_columns(rows)
    feed = await take_gate(connection, person.person_id, len(rows))
    now = clock.now()
    edges = UUID(bytes=drafts[0].record_id), UUID(bytes=drafts[-1].record_id)
    seen = await glance(connection, person.person_id, *edges)
    same: list[Draft] = []
    if seen.repeated and (places := await find_same(connection, person.person_id, columns)):
        same = [drafts[place] for place in sorted(places)]
        rows = [row for place, row in enumerate(rows) if place not in places]
        columns = to_columns(rows)
    unwritten: list[Draft] = []
    if rows:
        if seen.days_kept:
            await forget_days(connection, person.person_id, *columns[:3], columns[4])
        unwritten = await upsert(connection, person, rows, columns, feed, now, verdicts)
    if digest is not None and not same and not unwritten:
        await note_push(connection, person.person_id, digest, (feed + 1, feed + len(rows)), now)
    if same or unwritten:
        verdicts.update(await explain(connection, person, unwritten, now, same=same))
    return feed + len(drafts), now


async def upsert(  # noqa: PLR0913
    connection: AsyncConnection,
    person: PersonCaller,
    rows: Sequence[Row],
    columns: Columns,
    feed: int,
    now: datetime,
    verdicts: dict[int, Verdict],
) -> list[Draft]:
    """Writes the rows and adds the verdicts on those that were written; answers the others."""
    found = await (await driver(connection)).fetch(
        UPSERT, person.person_id, *columns, feed, now, person.client_id
    )
    written = {row[0] - feed: row for row in found}
    unwritten: list[Draft] = []
    for number, (draft, *_) in enumerate(rows, 1):
        row = written.get(number)
        if row is None:
            unwritten.append(draft)
            continue
        status: VerdictStatus = "created" if row[1] else "updated"
        verdicts[draft.position] = {"status": status, "id": row[2]}
    return unwritten


def seal(person: PersonCaller, drafts: Sequence[Draft], numbers: dict[bytes, int]) -> list[Row]:
    """The drafts, each with the number of its source and its sealed value."""
    rows = []
    for draft in drafts:
        source = numbers[draft.measurement.origin]
        sealed = seal_record(person.key, draft.record_id, draft.measurement, source)
        rows.append((draft, source, sealed))
    return rows


def to_columns(rows: Sequence[Row]) -> Columns:
    """The rows as UPSERT unnests them: array literals of ids, starts, ends, versions, types, source
    numbers, and the place and length of each sealed value in the last column.
    """
    measurements = [draft.measurement for draft, _, _ in rows]
    sizes = [len(sealed) for _, _, sealed in rows]
    return (
        array([draft.record_id.hex() for draft, _, _ in rows]),
        array([measurement.start_us for measurement in measurements]),
        array([measurement.end_us for measurement in measurements]),
        array([measurement.version for measurement in measurements]),
        array([measurement.type.number for measurement in measurements]),
        array([source for _, source, _ in rows]),
        array(list(accumulate(sizes, initial=1))[:-1]),
        array(sizes),
        b"".join([sealed for _, _, sealed in rows]),
    )
