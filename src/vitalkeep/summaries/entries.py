"""Records as the summaries read them, in the order in which they count."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypeAlias
from uuid import UUID

import orjson

from vitalkeep.datatypes.times import microseconds, offset_minutes
from vitalkeep.records.sealed import Stored
from vitalkeep.summaries.priority import Priority, rank

Json: TypeAlias = dict[str, object]


class Entry(NamedTuple):
    """One record. Times are in UTC; `offset` is the start's and `end_offset` the end's, each the
    other's where only that is known; `origin` is JSON, equal for the same source.
    """

    record_id: UUID
    start: datetime
    end: datetime
    offset: timedelta | None
    end_offset: timedelta | None
    modified_at: datetime
    rank: int
    origin: bytes
    content: dict[str, object]

    @property
    def length(self) -> timedelta:
        """How long the record lasts."""
        return self.end - self.start


def to_entry(stored: Stored, rendered: bytes, priority: Priority) -> Entry:
    """The entry of a stored record and its JSON."""
    content: dict[str, object] = orjson.loads(rendered)
    time = content.get("time")
    begun = _offset(time or content["start"])
    ended = begun if time else _offset(content["end"])
    origin = orjson.dumps(content["origin"])
    return Entry(
        stored.record_id,
        stored.start,
        stored.end,
        ended if begun is None else begun,
        begun if ended is None else ended,
        stored.modified_at,
        rank(priority, origin),
        origin,
        content,
    )


def _offset(time: object) -> timedelta | None:
    text = str(time)
    return None if text[-1] == "Z" else _east(text[-6:])


@lru_cache(maxsize=4096)
def _east(zone: str) -> timedelta:
    return timedelta(minutes=offset_minutes(zone) or 0)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """The entry that counts before all others first: by its source's rank, of one rank the later
    changed, of one moment the greater id.
    """

    def place(entry: Entry) -> tuple[int, int, int]:
        return entry.rank, -microseconds(entry.modified_at), -entry.record_id.int

    return sorted(entries, key=place)
