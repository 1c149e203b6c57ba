"""One user's Fit: points by type, sessions, and what changed."""

import struct
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import count
from typing import Any, Final

from tests.google.catalog import FIT_TYPES, HEART_RATE, SEGMENT
from tests.google.heartbeats import PERIOD, SAMPLES, Heartbeats
from tests.google.moments import to_ns

PHONE: Final = "jp.example.walk"
Key = tuple[int, int, int]


@dataclass(frozen=True)
class FitPoint:
    """A point. `origin` is the raw source it came by; not all reach the merged stream."""

    data_type: str
    start_ns: int
    end_ns: int
    values: tuple[dict[str, Any], ...]
    origin: str
    modified_ms: int
    seq: int
    merged: bool = True

    @property
    def key(self) -> Key:
        """Its place in a dataset: by end, then by start."""
        return self.end_ns, self.start_ns, self.seq

    def overlaps(self, start_ns: int, end_ns: int) -> bool:
        """Whether it shares time with [start, end); a point without length has to lie inside."""
        if self.start_ns == self.end_ns:
            return start_ns <= self.start_ns < end_ns
        return self.start_ns < end_ns and self.end_ns > start_ns

    def seen_by(self, source_id: str) -> bool:
        """Whether a data source has it."""
        return self.merged if source_id.startswith("derived:") else self.origin == source_id

    def to_json(self, source_id: str) -> dict[str, Any]:
        """As the API writes it."""
        point: dict[str, Any] = {
            "startTimeNanos": str(self.start_ns),
            "endTimeNanos": str(self.end_ns),
            "dataTypeName": self.data_type,
            "modifiedTimeMillis": str(self.modified_ms),
            "value": list(self.values),
        }
        if source_id != self.origin:
            point["originDataSourceId"] = self.origin
        return point


@dataclass(frozen=True)
class Change:
    """Points that came or went together; `at` gives each when it is asked for."""

    deleted: bool
    size: int
    at: Callable[[int], FitPoint]


@dataclass
class Session:
    """A span of an activity; 72 is sleep."""

    id: str
    start_ns: int
    end_ns: int
    activity: int
    package: str
    modified_ms: int
    deleted: bool = False

    def to_json(self) -> dict[str, Any]:
        """As the API writes it."""
        return {
            "id": self.id,
            "name": "Sleep" if self.activity == 72 else "Session",
            "description": "",
            "startTimeMillis": str(self.start_ns // 1_000_000),
            "endTimeMillis": str(self.end_ns // 1_000_000),
            "modifiedTimeMillis": str(self.modified_ms),
            "application": {"packageName": self.package},
            "activityType": self.activity,
        }


def to_values(data_type: str, numbers: Sequence[float | None]) -> tuple[dict[str, Any], ...]:
    """Fit's values: 32-bit floats, and objects without a number where there is none."""
    fields = FIT_TYPES[data_type].fields
    padded = [*numbers, *[None] * (len(fields) - len(numbers))]
    found: list[dict[str, Any]] = []
    for position, ((_, form), number) in enumerate(zip(fields, padded, strict=True)):
        if number is None:
            found.append({"mapVal": []} if position % 2 else {})
        elif form == "integer":
            found.append({"intVal": int(number), "mapVal": []})
        else:
            found.append({"fpVal": to_float32(number), "mapVal": []})
    return tuple(found)


def to_float32(number: float) -> float:
    """The nearest 32-bit float: 72.1 becomes 72.0999984741211."""
    return round(float(struct.unpack("f", struct.pack("f", number))[0]), 13)


@dataclass
class FitStore:
    """Times given are aware; `package` names the app that wrote."""

    clock: Callable[[], datetime]
    points: dict[str, list[FitPoint]] = field(default_factory=lambda: defaultdict(list))
    changes: dict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))
    sessions: list[Session] = field(default_factory=list)
    beats: Heartbeats | None = None
    _seq: Iterator[int] = field(default_factory=count)

    def add_point(
        self, data_type: str, values: Sequence[float | None], start: datetime,
        end: datetime | None = None, *, package: str = PHONE, merged: bool = True,
    ) -> FitPoint:  # fmt: skip
        """Adds a point; `merged=False` leaves it out of the derived streams."""
        point = FitPoint(
            data_type,
            to_ns(start),
            to_ns(end or start),
            to_values(data_type, values),
            f"raw:{data_type}:{package}:stand-in",
            self._now_ms(),
            next(self._seq),
            merged,
        )
        self._insert(point)
        return point

    def add_points(
        self, data_type: str, rows: Sequence[tuple[datetime, datetime | None, list[float | None]]]
    ) -> None:
        """Adds (start, end, values), each."""
        for start, end, values in rows:
            self.add_point(data_type, values, start, end)

    def duplicate_points(self, data_type: str, start: datetime, end: datetime) -> int:
        """Gives each point of the span a twin in the same streams; how many."""
        found = list(self.between(data_type, to_ns(start), to_ns(end)))
        for point in found:
            twin = FitPoint(
                point.data_type, point.start_ns, point.end_ns, point.values, point.origin,
                self._now_ms(), next(self._seq), point.merged,
            )  # fmt: skip
            self._insert(twin)
        return len(found)

    def delete_points(self, data_type: str, start: datetime, end: datetime) -> int:
        """Deletes what overlaps the span, which the change feed tells; how many."""
        found = tuple(self.between(data_type, to_ns(start), to_ns(end)))
        gone = {point.seq for point in found}
        self.points[data_type] = [each for each in self.points[data_type] if each.seq not in gone]
        if data_type == HEART_RATE and self.beats is not None:
            self.beats.deleted |= set(self.beats.indexes(to_ns(start), to_ns(end)))
        if found:
            self.changes[data_type].append(Change(True, len(found), found.__getitem__))
        return len(found)

    def generate_heart_rate(
        self, start: datetime | None = None, samples: int = SAMPLES, seed: int = 1
    ) -> None:
        """Ninety days of samples from `start` on (ninety days ago), made when they are read."""
        begin = to_ns(start or self.clock() - PERIOD)
        self.beats = Heartbeats(begin, samples, seed=seed)
        self.changes[HEART_RATE].append(Change(False, samples, self._beat))

    def add_session(
        self, start: datetime, end: datetime, *, activity: int = 72, package: str = PHONE
    ) -> Session:
        """Adds a session, sleep if nothing else is said."""
        name = f"stand-in-{next(self._seq)}"
        session = Session(name, to_ns(start), to_ns(end), activity, package, self._now_ms())
        self.sessions.append(session)
        return session

    def add_sleep(
        self, start: datetime, end: datetime, segments: Sequence[tuple[datetime, datetime, int]]
    ) -> Session:
        """A sleep session and its segments (start, end, kind)."""
        for began, ended, kind in segments:
            self.add_point(SEGMENT, [kind], began, ended)
        return self.add_session(start, end)

    def delete_session(self, session_id: str) -> None:
        """Deletes a session; its segments stay, as in Fit."""
        (session,) = (each for each in self.sessions if each.id == session_id)
        session.deleted, session.modified_ms = True, self._now_ms()

    def raw_sources(self, data_type: str) -> list[str]:
        """The raw sources that ever wrote this type."""
        found = {each.origin for each in self.points[data_type]}
        if data_type == HEART_RATE and self.beats is not None:
            found.add(self._beat(0).origin)
        return sorted(found)

    def between(
        self, data_type: str, start_ns: int, end_ns: int, before: Key | None = None
    ) -> Iterator[FitPoint]:
        """The points that overlap [start, end), newest first, from below the key `before`."""
        kept = self.points[data_type]
        below = len(kept) if before is None else bisect_left(kept, before, key=lambda p: p.key)
        mine = (kept[i] for i in range(below - 1, -1, -1) if kept[i].overlaps(start_ns, end_ns))
        last = end_ns if before is None else min(end_ns, before[0] + 1)
        made = (self._beat(i) for i in self._beats_between(data_type, start_ns, last))
        made = (each for each in made if before is None or each.key < before)
        return merge(mine, made, key=lambda p: p.key, reverse=True)

    def _beats_between(self, data_type: str, start_ns: int, end_ns: int) -> Iterator[int]:
        if data_type != HEART_RATE or self.beats is None:
            return iter(())
        return self.beats.newest_first(start_ns, end_ns)

    def _beat(self, index: int) -> FitPoint:
        assert self.beats is not None
        at, bpm = self.beats.time_ns(index), self.beats.bpm(index)
        values = to_values(HEART_RATE, [bpm])
        origin = f"raw:{HEART_RATE}:jp.example.band:stand-in"
        return FitPoint(HEART_RATE, at, at, values, origin, at // 1_000_000, index - 10**9)

    def _insert(self, point: FitPoint) -> None:
        insort(self.points[point.data_type], point, key=lambda each: each.key)
        self.changes[point.data_type].append(Change(False, 1, lambda _: point))

    def _now_ms(self) -> int:
        return to_ns(self.clock()) // 1_000_000
