"""Strategies of records that meet: many sources, offsets, zones whose clocks change, priorities."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from hypothesis import strategies as st

from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.datatypes.times import time_text
from vitalkeep.records.sealed import Stored
from vitalkeep.summaries.compute import period_of, summarize
from vitalkeep.summaries.entries import in_order, to_entry
from vitalkeep.summaries.priority import Priority

Json = dict[str, Any]

# Days on which the clock is changed, one without a change, and one that Apia left out.
PLACES = (
    ("Europe/Berlin", date(2024, 3, 31)),
    ("Europe/Berlin", date(2024, 10, 27)),
    ("America/New_York", date(2024, 3, 10)),
    ("America/New_York", date(2024, 11, 3)),
    ("Australia/Lord_Howe", date(2024, 4, 7)),
    ("Australia/Lord_Howe", date(2024, 10, 6)),
    ("Asia/Tokyo", date(2024, 5, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Apia", date(2021, 4, 4)),
)
FOREIGN = (540, -480, 345, 1080, -1080, 0)
APPS = ("jp.example.a", "jp.example.b")
KINDS = ("steps", "distance", "sleep", "heart_rate", "weight", "blood_pressure")
STAGES = ("unknown", "awake", "sleeping", "out_of_bed", "light", "deep", "rem", "awake_in_bed")
MINUTE = timedelta(minutes=1)

origins = st.builds(
    lambda app, kind: {"app": app, **({"device": {"type": kind}} if kind else {})},
    st.sampled_from(APPS),
    st.sampled_from((None, "watch", "phone", "ring")),
)
choices = st.lists(
    st.one_of(
        st.builds(lambda app: {"app": app}, st.sampled_from(APPS)),
        st.builds(lambda kind: {"device_type": kind}, st.sampled_from(("watch", "phone"))),
        st.builds(
            lambda app, kind: {"app": app, "device_type": kind},
            st.sampled_from(APPS),
            st.sampled_from(("watch", "phone")),
        ),
    ),
    max_size=3,
)
# Mostly on the half hour, so that records often touch, begin together and end at midnight.
moments = st.one_of(
    st.integers(-3, 99).map(lambda halves: timedelta(minutes=30 * halves)),
    st.timedeltas(timedelta(hours=-20), timedelta(hours=50)),
)
lengths = st.one_of(
    st.sampled_from([0, 0, 1, 30, 60, 90, 420, 1439, 1440, 1500, 2880, 2881, 4000]).map(
        lambda minutes: timedelta(minutes=minutes)
    ),
    st.timedeltas(timedelta(), timedelta(hours=9)),
)


@st.composite
def offsets_at(draw: st.DrawFn, zone: str, moment: datetime) -> int | None:
    """Minutes east of UTC: unknown, the zone's own at that moment, or of somewhere else."""
    own = moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    return draw(st.sampled_from((None, own // MINUTE, own // MINUTE, *FOREIGN)))


@st.composite
def spans(draw: st.DrawFn, zone: str, day: date, *, instant: bool = False) -> Json:
    """The times of a record, with what has been said of their offsets."""
    start = datetime.combine(day, datetime.min.time(), UTC) + draw(moments)
    begun = draw(offsets_at(zone, start))
    if instant:
        return {"time": time_text(start, begun)}
    end = start + draw(lengths)
    ended = draw(st.one_of(st.just(begun), offsets_at(zone, end)))
    return {"start": time_text(start, begun), "end": time_text(end, ended)}


@st.composite
def values(draw: st.DrawFn, kind: str, start: datetime, end: datetime) -> Json:
    """What a record of the type holds besides its times."""
    small = st.integers(0, 4000)
    match kind:
        case "steps":
            return {"count": draw(small)}
        case "distance":
            return {"meters": draw(small) / 8}
        case "weight":
            return {"kilograms": draw(st.integers(400, 900)) / 10}
        case "blood_pressure":
            return {"systolic_mmhg": 100.0 + draw(small) / 40, "diastolic_mmhg": 70.0}
        case "heart_rate":
            shares = draw(st.lists(st.integers(0, 8), min_size=1, max_size=4))
            offset = draw(st.sampled_from((None, None, 540, -480)))
            measured = [
                {
                    "time": time_text(start + (end - start) * share / 8, offset),
                    "beats_per_minute": 50 + share,
                }
                for share in sorted(shares)
            ]
            return {"samples": measured}
        case _:
            cuts = sorted(draw(st.lists(st.integers(0, 8), max_size=5)))
            edges = [time_text(start + (end - start) * cut / 8, None) for cut in cuts]
            named = draw(st.lists(st.sampled_from(STAGES), min_size=5, max_size=5))
            pairs = zip(edges, edges[1:], named, strict=False)
            return {"stages": [{"start": a, "end": b, "stage": name} for a, b, name in pairs]}


@st.composite
def records(draw: st.DrawFn, kind: str, zone: str, day: date) -> Json:
    """A record as a client sends it, but for what identifies it."""
    span = draw(spans(zone, day, instant=BY_NAME[kind].shape == "instant"))
    start, end = (
        datetime.fromisoformat(span.get(edge) or span["time"]).astimezone(UTC)
        for edge in ("start", "end")
    )
    return {
        "type": kind,
        **span,
        **draw(values(kind, start, end)),
        "origin": draw(origins),
    }


@st.composite
def answered(draw: st.DrawFn, kind: str, zone: str, day: date) -> list[Json]:
    """Records as answers carry them: each with an id and the time of its last change."""
    made = draw(st.lists(records(kind, zone, day), min_size=1, max_size=7))
    changed = draw(st.lists(st.integers(1, 4), min_size=len(made), max_size=len(made)))
    return [
        {
            **record,
            "id": str(UUID(int=(7919 * number) % 8191)),
            "modified_at": f"2024-12-0{hour}T00:00:00Z",
        }
        for number, (record, hour) in enumerate(zip(made, changed, strict=True), 1)
    ]


def to_stored(record: Json) -> tuple[Stored, bytes]:
    """The record as `records.query` hands it over."""
    start, end = (
        datetime.fromisoformat(record.get(edge) or record["time"]).astimezone(UTC)
        for edge in ("start", "end")
    )
    changed = datetime.fromisoformat(record["modified_at"])
    number = BY_NAME[record["type"]].number
    stored = Stored(UUID(record["id"]), number, 1, start, end, 0, changed, b"")
    return stored, orjson.dumps(record)


def computed(
    kind: str, made: list[Json], zone: str, wanted: list[Json], days: tuple[date, date]
) -> dict[date, Json]:
    """The days as the package computes them, from the records that it would fetch for them."""
    since, until = period_of(BY_NAME[kind], *days)
    priority: Priority = tuple((each.get("app"), each.get("device_type")) for each in wanted)
    found = [
        (stored, text)
        for stored, text in map(to_stored, made)
        if stored.end >= since and stored.start < until
    ]
    entries = in_order(to_entry(stored, text, priority) for stored, text in found)
    told = summarize(BY_NAME[kind], entries, ZoneInfo(zone), (since, until))
    return {day: told[day] for day in told if days[0] <= day <= days[1]}
