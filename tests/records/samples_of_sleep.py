"""Samples of sleep as a phone sends them, and the sessions they make, told the slow way."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from tests.make import Caller
from vitalkeep.datatypes.choices import SLEEP_STAGE

PUSH = "/v1/me/records/healthkit"
EVENING = datetime(2024, 5, 1, 13, tzinfo=UTC)
STAGES = ("awake_in_bed", "sleeping", "awake", "light", "deep", "rem", "unknown")
WATCH, PHONE = "jp.example.watch", "jp.example.phone"


class Sample(NamedTuple):
    """A sample in minutes after the evening began; `value` is HealthKit's."""

    number: int
    start: int
    minutes: int
    value: int
    app: str = WATCH

    @property
    def uuid(self) -> str:
        """What the phone's store calls it."""
        return str(UUID(int=0xA1D6B2F0 << 96 | self.number)).upper()

    @property
    def end(self) -> int:
        """Minutes after the evening began."""
        return self.start + self.minutes

    def to_json(self, **changes: object) -> dict[str, Any]:
        """As a bridge hands it over."""
        return {
            "uuid": self.uuid,
            "categoryType": "HKCategoryTypeIdentifierSleepAnalysis",
            "startDate": at(self.start, "Z"),
            "endDate": at(self.end, "Z"),
            "value": self.value,
            "sourceRevision": {"source": {"name": "Sleep", "bundleIdentifier": self.app}},
            "metadata": {"HKTimeZone": "Asia/Tokyo"},
            **changes,
        }


def at(minute: int, zone: str = "+09:00") -> str:
    """The time of a minute: in UTC with `Z`, else in Tokyo."""
    moment = EVENING + timedelta(minutes=minute)
    if zone == "Z":
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (moment + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S") + zone


async def push(person: Caller, *samples: Sample | dict[str, Any]) -> list[dict[str, Any]]:
    """The verdicts on the samples."""
    sent = [each.to_json() if isinstance(each, Sample) else each for each in samples]
    answer = await person.post(PUSH, {"records": sent})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


async def delete(person: Caller, *samples: Sample, by: str = "source") -> int:
    """How many samples the deletion took."""
    answer = await person.post(
        "/v1/me/records/delete", {"platform_ids": [each.uuid for each in samples], "by": by}
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["deleted"])


def told_slowly(samples: list[Sample]) -> list[dict[str, Any]]:
    """The sessions that the samples make, as records without ids: minute by minute."""
    records = []
    for app in sorted({sample.app for sample in samples}):
        rest = [sample for sample in samples if sample.app == app]
        while rest:
            session = [rest.pop()]
            while near := [each for each in rest if any(touch(each, s) for s in session)]:
                session += near
                rest = [each for each in rest if each not in near]
            records.append(told_session(session, app))
    return sorted(records, key=lambda record: (record["start"], record["origin"]["app"]))


def touch(one: Sample, other: Sample) -> bool:
    """Whether no more than an hour lies between them."""
    return one.start <= other.end + 60 and other.start <= one.end + 60


def told_session(session: list[Sample], app: str) -> dict[str, Any]:
    """One session, each of its minutes coloured by the sample that knows most."""
    start, end = min(s.start for s in session), max(s.end for s in session)
    colours: list[int | None] = []
    for minute in range(start, end):
        here = [s for s in session if s.start <= minute < s.end]
        here.sort(key=lambda s: (knows(s), s.start, -s.end, -SLEEP_STAGE.values.index(name(s))))
        colours.append(here[-1].value if here else None)
    stages: list[dict[str, str]] = []
    for minute, colour in enumerate(colours, start=start):
        if colour is None:
            continue
        before = colours[minute - start - 1] if minute > start else None
        if before == colour:
            stages[-1]["end"] = at(minute + 1)
        else:
            stage = {"start": at(minute), "end": at(minute + 1), "stage": STAGES[colour]}
            stages.append(stage)
    origin = {"app": app}
    return {"type": "sleep", "start": at(start), "end": at(end), "stages": stages, "origin": origin}


def name(sample: Sample) -> str:
    """The stage in our terms."""
    return STAGES[sample.value]


def knows(sample: Sample) -> int:
    """How much a sample says: in bed, unknown, asleep, a stage."""
    return {"awake_in_bed": 0, "unknown": 1, "sleeping": 2}.get(name(sample), 3)


def without_zone(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its stages' times in Tokyo, whether their offset was known or not."""
    stages = [
        {**stage, **{edge: in_tokyo(stage[edge]) for edge in ("start", "end")}}
        for stage in record["stages"]
    ]
    return {**record, "stages": stages}


def in_tokyo(text: str) -> str:
    """The same instant, told in Tokyo."""
    moment = datetime.fromisoformat(text)
    return at(round((moment - EVENING).total_seconds() / 60))
