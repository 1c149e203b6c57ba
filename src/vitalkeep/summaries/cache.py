"""Days that are kept: read without the gate, stored behind it if nothing changed meanwhile.

A day is kept with a digest of what it was computed under besides records: the person's zone and
their order of sources. One that was computed under anything else is as good as absent. Records
that change delete the days they touch (`records.touched`), and move `persons.feed`: a reader that
finds it moved since it began does not store what it computed.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import product
from typing import Final, TypeAlias

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import driver
from vitalkeep.datatypes.canonical import EARLIEST, MAX_END_AHEAD
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.models import Person
from vitalkeep.records.query import Window
from vitalkeep.summaries.compute import View, compute_days
from vitalkeep.summaries.local_days import ONE_DAY

RULES: Final = 1
"""Raised whenever computing the same records gives another answer: what was kept is void then."""
BASIS_BYTES: Final = 8

Days: TypeAlias = dict[tuple[date, int], bytes]
"""JSON objects by day and type, empty for a day without data."""

KEPT: Final = """
SELECT day, type, sealed FROM day_summaries
WHERE person_id = $1 AND type = ANY($2::int2[]) AND day BETWEEN $3 AND $4
"""
KEEP: Final = """
INSERT INTO day_summaries (person_id, type, day, sealed)
SELECT p.person_id, u.* FROM persons p, unnest($2::int2[], $3::date[], $4::bytea[]) u
WHERE p.person_id = $1
ON CONFLICT (person_id, type, day) DO UPDATE SET sealed = excluded.sealed
"""


async def list_days(
    connection: AsyncConnection, view: View, types: Sequence[int], first: date, last: date
) -> Days:
    """The person's own days from `first` to `last`, both included, that have data.

    Days that are not kept are computed, and then kept. Raises SealBroken, and Unauthenticated when
    the person has left.
    """
    first, last = max(first, EARLIEST_DAY), min(last, latest_day())
    days = await _list_kept(connection, view, types, first, last)
    wanted = product(types, _dates(first, last))
    missing = [(kind, day) for kind, day in wanted if (day, kind) not in days]
    if missing:
        days |= await _compute_and_keep(connection, view, missing)
    return {key: day for key, day in days.items() if day}


EARLIEST_DAY: Final = EARLIEST.date() - ONE_DAY
"""No record is earlier, wherever it was had."""


def latest_day() -> date:
    """The last day on which a record that has been accepted can end, wherever it was had."""
    return (clock.now() + MAX_END_AHEAD + ONE_DAY).date()


def _dates(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


async def _list_kept(
    connection: AsyncConnection, view: View, types: Sequence[int], first: date, last: date
) -> Days:
    rows = await (await driver(connection)).fetch(KEPT, view.person_id, types, first, last)
    basis = basis_of(view)
    days: Days = {}
    for day, kind, sealed in rows:
        opened = view.key.open(sealed, *_place(kind, day))
        if opened.startswith(basis):
            days[day, kind] = opened[BASIS_BYTES:]
    return days


async def _compute_and_keep(
    connection: AsyncConnection, view: View, missing: Sequence[tuple[int, date]]
) -> Days:
    """The missing days, kept unless something was written since they began to be computed."""
    own = select(Person.feed).where(Person.person_id == view.person_id)
    feed = await connection.scalar(own)
    days: Days = {}
    for kind, first, last in runs(missing):
        window = Window(kind, frozen=True)
        found = await compute_days(connection, view, window, first, last)
        days |= {(day, kind): found.get(day, b"") for day in _dates(first, last)}
    basis = basis_of(view)
    sealed = [
        view.key.seal(basis + content, *_place(kind, day)) for (day, kind), content in days.items()
    ]
    if await take_gate(connection, view.person_id) == feed:
        await (await driver(connection)).execute(
            KEEP, view.person_id, [kind for _, kind in days], [day for day, _ in days], sealed
        )
    return days


def runs(missing: Iterable[tuple[int, date]]) -> Iterator[tuple[int, date, date]]:
    """Types with first and last of days that follow each other; what comes in is in that order."""
    held: tuple[int, date, date] | None = None
    for kind, day in missing:
        if held is not None and (kind, day) == (held[0], held[2] + ONE_DAY):
            held = (kind, held[1], day)
            continue
        if held is not None:
            yield held
        held = (kind, day, day)
    if held is not None:
        yield held


def basis_of(view: View) -> bytes:
    """What tells apart days that were computed under different circumstances."""
    circumstances = orjson.dumps([RULES, view.time_zone, view.priority])
    return hashlib.blake2b(circumstances, digest_size=BASIS_BYTES).digest()


def _place(kind: int, day: date) -> tuple[bytes, bytes, bytes]:
    return b"day_summaries", kind.to_bytes(2, "big"), day.isoformat().encode()
