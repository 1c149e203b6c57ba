"""What Google Fit and Google Health both brought under two ids: only Google Health's stays.

Two records of a type are one measurement if their times are in the same second and their values
less than 0.05 apart in our unit; a series, if all its samples are among the other's. Of the nights
with the same times the one with stages stays. Anything less alike stays twice, and is counted once
in the days of steps, distance and sleep: to lose a measurement is worse than to see it twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import driver
from vitalkeep.connectors.providers import GOOGLE_FIT, GOOGLE_HEALTH
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.models import BY_SOURCE
from vitalkeep.records.sealed import Stored, open_record
from vitalkeep.records.sources import list_origins
from vitalkeep.records.tombstones import bury

AT_ONCE: Final = timedelta(days=1)
NEAR: Final = timedelta(hours=1)
"""A series of an hour can begin this much earlier or later in the other service."""
LONGEST_NIGHT: Final = timedelta(days=3)
ALIKE: Final = 0.05

PULLED: Final = """
SELECT r.record_id, r.type, r.source_id, r.start_time, r.end_time, r.version, r.modified_at,
       r.sealed, s.via
FROM records r JOIN sources s ON s.person_id = r.person_id AND s.source_id = r.source_id
WHERE r.person_id = $1 AND r.type = $2 AND s.client_id = $3 AND s.via = ANY($4::int2[])
  AND r.start_time >= $5 AND r.start_time < $6 AND r.sealed IS NOT NULL
ORDER BY r.feed
"""

Times: TypeAlias = tuple[int, int]
"""Start and end in whole seconds since 1970."""


class Pulled(NamedTuple):
    """A record that one of the two brought."""

    record_id: UUID
    via: int
    start: datetime
    end: datetime
    content: dict[str, Any]

    @property
    def times(self) -> Times:
        """By which it is looked for."""
        return int(self.start.timestamp()), int(self.end.timestamp())


async def fold_span(
    connection: AsyncConnection, person: PersonCaller, number: int, start: datetime, end: datetime
) -> int:
    """Deletes, as its source would, what Google Fit brought of a span and Google Health, too.

    How many records. A day at a time is held in memory. The caller holds the gate. Raises
    SealBroken.
    """
    kind, folded = BY_NUMBER[number], 0
    begin = start - LONGEST_NIGHT if kind.shape == "stages" else start
    while begin < end:
        until = min(begin + AT_ONCE, end)
        records = await _list_pulled(connection, person, number, begin - NEAR, until + NEAR)
        mine = [
            each for each in records if each.via == GOOGLE_FIT.via and begin <= each.start < until
        ]
        theirs = [each for each in records if each.via == GOOGLE_HEALTH.via]
        gone = list_doubles(kind, mine, theirs)
        folded += await bury(connection, person.person_id, gone, BY_SOURCE)
        begin = until
    return folded


async def _list_pulled(
    connection: AsyncConnection, person: PersonCaller, number: int, start: datetime, end: datetime
) -> list[Pulled]:
    both = [GOOGLE_FIT.via, GOOGLE_HEALTH.via]
    rows = await (await driver(connection)).fetch(
        PULLED, person.person_id, number, person.client_id, both, start, end
    )
    if len({row["via"] for row in rows}) < len(both):
        return []
    origins = await list_origins(connection, person.person_id, person.key)
    found = []
    for *columns, via in rows:
        stored = Stored(*columns)
        content = orjson.loads(open_record(person.key, stored, origins))
        found.append(Pulled(stored.record_id, via, stored.start, stored.end, content))
    return found


def list_doubles(kind: DataType, mine: Iterable[Pulled], theirs: Sequence[Pulled]) -> list[UUID]:
    """Of `mine` those that are among `theirs`."""
    if kind.shape == "series":
        known = {sample for each in theirs for sample in to_samples(each)}
        return [each.record_id for each in mine if known.issuperset(to_samples(each))]
    by_times: defaultdict[Times, list[dict[str, Any]]] = defaultdict(list)
    for each in theirs:
        by_times[each.times].append(each.content)
    return [
        each.record_id
        for each in mine
        if any(is_alike(kind, each.content, other) for other in by_times[each.times])
    ]


def to_samples(record: Pulled) -> set[tuple[int, int]]:
    """The samples of a heart rate: seconds since 1970, and beats a minute."""
    return {
        (int(datetime.fromisoformat(each["time"]).timestamp()), each["beats_per_minute"])
        for each in record.content["samples"]
    }


def is_alike(kind: DataType, mine: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two records with the same times tell the same."""
    if kind.shape == "stages":
        return bool(other["stages"]) or not mine["stages"]
    name = kind.fields[0].name
    return bool(abs(mine[name] - other[name]) < ALIKE)
