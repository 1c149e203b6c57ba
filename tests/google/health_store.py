"""One user's Google Health: points by type, sleep that is still worked on, and echoes."""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import count
from typing import Any, Final, TypedDict, Unpack

from tests.google.catalog import HEALTH_TYPES, HealthType
from tests.google.heartbeats import PERIOD, SAMPLES, Heartbeats
from tests.google.moments import civil, rfc3339, to_ns

TOKYO_S: Final = 9 * 3600
Stage = tuple[datetime, datetime, str]
Key = tuple[int, int]


class Origin(TypedDict, total=False):
    """Where a point comes from. `extra` holds more members of the type's object."""

    platform: str
    package: str
    recording: str
    device: dict[str, str]
    offset_s: int
    extra: dict[str, Any]


@dataclass
class HealthPoint:
    """A point: `content` is what the type's object holds next to its times."""

    id: str
    kind: HealthType
    start_ns: int
    end_ns: int
    content: dict[str, Any]
    source: dict[str, Any]
    offset_s: int
    seq: int

    @property
    def key(self) -> Key:
        """Its place in a list: by start."""
        return self.start_ns, self.seq

    def name(self, user: str) -> str:
        """Its resource name; types that can't be got by id have none."""
        if not self.kind.has_ids:
            return ""
        return f"users/{user}/dataTypes/{self.kind.kebab}/dataPoints/{self.id}"

    def timed(self) -> dict[str, Any]:
        """The type's object with its times."""
        if self.kind.shape == "sample":
            sample = {
                "physicalTime": rfc3339(self.start_ns),
                "utcOffset": f"{self.offset_s}s",
                "civilTime": civil(self.start_ns, self.offset_s),
            }
            return {"sampleTime": sample, **self.content}
        interval = {
            **span(self.start_ns, self.end_ns, self.offset_s),
            "civilStartTime": civil(self.start_ns, self.offset_s),
            "civilEndTime": civil(self.end_ns, self.offset_s),
        }
        return {"interval": interval, **self.content}

    def to_json(self, user: str) -> dict[str, Any]:
        """As `list` and `get` write it."""
        name = self.name(user)
        named = {"name": name} if name else {}
        return {**named, "dataSource": self.source, self.kind.camel: self.timed()}

    def to_reconciled(self, user: str) -> dict[str, Any]:
        """As `reconcile` writes it."""
        name = self.name(user)
        named = {"dataPointName": name} if name else {}
        return {**named, self.kind.camel: self.timed()}


def span(start_ns: int, end_ns: int, offset_s: int) -> dict[str, str]:
    """An interval's ends with their offsets."""
    return {
        "startTime": rfc3339(start_ns),
        "startUtcOffset": f"{offset_s}s",
        "endTime": rfc3339(end_ns),
        "endUtcOffset": f"{offset_s}s",
    }


def to_source(origin: Origin) -> dict[str, Any]:
    """A dataSource object."""
    source: dict[str, Any] = {
        "platform": origin.get("platform", "FITBIT"),
        "recordingMethod": origin.get("recording", "PASSIVELY_MEASURED"),
        "device": origin.get("device", {"formFactor": "WATCH", "displayName": "Example Watch"}),
    }
    if "package" in origin:
        source["application"] = {"packageName": origin["package"]}
    return source


def to_sleep(stages: Sequence[Stage], offset_s: int, *, processed: bool) -> dict[str, Any]:
    """What a sleep holds: nothing of its stages until it has been processed."""
    if not processed:
        return {"type": "CLASSIC", "metadata": {"mainSleep": True, "processed": False}}
    named = {kind for _, _, kind in stages}
    return {
        "type": "CLASSIC" if named & {"ASLEEP", "RESTLESS"} else "STAGES",
        "stages": [
            {**span(to_ns(start), to_ns(end), offset_s), "type": kind}
            for start, end, kind in stages
        ],
        "metadata": {"mainSleep": True, "processed": True, "stagesStatus": "SUCCEEDED"},
        "summary": to_summary(stages),
    }


def to_summary(stages: Sequence[Stage]) -> dict[str, Any]:
    """Minutes, as strings."""
    minutes: dict[str, int] = defaultdict(int)
    counts: dict[str, int] = defaultdict(int)
    for start, end, kind in stages:
        minutes[kind] += int((end - start).total_seconds()) // 60
        counts[kind] += 1
    awake = minutes.get("AWAKE", 0) + minutes.get("RESTLESS", 0)
    whole = sum(minutes.values())
    return {
        "minutesInSleepPeriod": str(whole),
        "minutesAsleep": str(whole - awake),
        "minutesAwake": str(awake),
        "stagesSummary": [
            {"type": kind, "minutes": str(minutes[kind]), "count": str(counts[kind])}
            for kind in minutes
        ],
    }


@dataclass
class HealthStore:
    """`linked` says whether the account has a profile at Google Health at all."""

    clock: Callable[[], datetime]
    user_id: str
    linked: bool = True
    points: dict[str, list[HealthPoint]] = field(default_factory=lambda: defaultdict(list))
    beats: Heartbeats | None = None
    _later: dict[str, list[Stage]] = field(default_factory=dict)
    _seq: Iterator[int] = field(default_factory=lambda: count(1))

    def add_point(
        self, kebab: str, value: float, start: datetime, end: datetime | None = None,
        **origin: Unpack[Origin],
    ) -> HealthPoint:  # fmt: skip
        """Adds a point: grams, mg/dL, percent, Celsius, steps or beats a minute."""
        kind = HEALTH_TYPES[kebab]
        number = str(int(value)) if kind.whole else value
        content = {kind.value: number, **origin.get("extra", {})}
        return self._insert(kind, start, end or start, content, origin)

    def add_sleep(
        self, start: datetime, end: datetime, stages: Sequence[Stage], *,
        processed: bool = True, **origin: Unpack[Origin],
    ) -> HealthPoint:  # fmt: skip
        """Adds a sleep; with `processed=False` its stages come with `process_sleep`."""
        offset_s = origin.get("offset_s", TOKYO_S)
        content = to_sleep(stages, offset_s, processed=processed)
        point = self._insert(HEALTH_TYPES["sleep"], start, end, content, origin)
        if not processed:
            self._later[point.id] = list(stages)
        return point

    def process_sleep(self, point_id: str) -> HealthPoint:
        """Google has worked out the stages of a sleep."""
        (point,) = (each for each in self.points["sleep"] if each.id == point_id)
        stages = self._later.pop(point_id)
        point.content = to_sleep(stages, point.offset_s, processed=True)
        return point

    def delete_points(self, kebab: str, start: datetime, end: datetime) -> int:
        """Deletes what starts in [start, end). There is no trace of it; how many there were."""
        first, last = to_ns(start), to_ns(end)
        kept = [each for each in self.points[kebab] if not first <= each.start_ns < last]
        gone = len(self.points[kebab]) - len(kept)
        self.points[kebab] = kept
        if kebab == "heart-rate" and self.beats is not None:
            before = len(self.beats)
            self.beats.deleted |= set(self.beats.indexes(first, last))
            gone += before - len(self.beats)
        return gone

    def duplicate_points(self, kebab: str, start: datetime, end: datetime) -> int:
        """Gives each point that starts in the span a twin under another id; how many."""
        first, last = to_ns(start), to_ns(end)
        found = [each for each in self.points[kebab] if first <= each.start_ns < last]
        for each in found:
            self._keep(each.kind, (each.start_ns, each.end_ns), each.content, each.source,
                       each.offset_s)  # fmt: skip
        return len(found)

    def generate_heart_rate(
        self, start: datetime | None = None, samples: int = SAMPLES, seed: int = 1
    ) -> None:
        """Ninety days of samples from `start` on (ninety days ago), made when they are read."""
        self.beats = Heartbeats(to_ns(start or self.clock() - PERIOD), samples, seed=seed)

    def between(self, kebab: str, start_ns: int, end_ns: int) -> Iterator[HealthPoint]:
        """The points that start in [start, end), newest first."""
        kept = reversed(self.points[kebab])
        mine = (each for each in kept if start_ns <= each.start_ns < end_ns)
        made: Iterator[HealthPoint] = iter(())
        if kebab == "heart-rate" and self.beats is not None:
            made = (self._beat(i) for i in self.beats.newest_first(start_ns, end_ns))
        return merge(mine, made, key=lambda each: each.key, reverse=True)

    def find(self, kebab: str, point_id: str) -> HealthPoint | None:
        """The point of that id."""
        return next((each for each in self.points[kebab] if each.id == point_id), None)

    def _beat(self, index: int) -> HealthPoint:
        assert self.beats is not None
        at = self.beats.time_ns(index)
        content = {"beatsPerMinute": str(self.beats.bpm(index))}
        kind, source = HEALTH_TYPES["heart-rate"], to_source({})
        return HealthPoint("", kind, at, at, content, source, TOKYO_S, index - 10**9)

    def _insert(
        self, kind: HealthType, start: datetime, end: datetime, content: dict[str, Any],
        origin: Origin,
    ) -> HealthPoint:  # fmt: skip
        ends = to_ns(start), to_ns(end)
        return self._keep(kind, ends, content, to_source(origin), origin.get("offset_s", TOKYO_S))

    def _keep(
        self, kind: HealthType, ends: tuple[int, int], content: dict[str, Any],
        source: dict[str, Any], offset_s: int,
    ) -> HealthPoint:  # fmt: skip
        seq = next(self._seq)
        point = HealthPoint(
            str(10**15 + seq * 7919), kind, *ends, dict(content), source, offset_s, seq
        )
        insort(self.points[kind.kebab], point, key=lambda each: each.key)
        return point
