"""What a record says survives being written as a data point and read again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datatypes.dialects.points import APP, NOW, write_point
from vitalkeep.datatypes.canonical import to_measurement
from vitalkeep.datatypes.descriptors import DataType, Field
from vitalkeep.datatypes.dialects.open_mhealth import measurement
from vitalkeep.datatypes.records import validate_record
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.times import time_text

Json = dict[str, Any]

SPOKEN = [kind for kind in TYPES if kind.open_mhealth is not None]
BEGIN = datetime(2001, 1, 1, tzinfo=UTC)
offsets = st.one_of(st.none(), st.integers(-18 * 60, 18 * 60))
moments = st.builds(
    lambda us: BEGIN + timedelta(microseconds=us), st.integers(0, 20 * 365 * 86400 * 10**6)
)
common = st.fixed_dictionaries(
    {
        "origin": st.fixed_dictionaries(
            {"app": st.sampled_from(["jp.example.scale", "健康アプリ", "a/b~c"])}
        )
    },
    optional={
        "client_id": st.uuids().map(str),
        "recording_method": st.sampled_from(["automatically_recorded", "manual_entry"]),
    },
)


def words_of(kind: DataType, name: str) -> list[str]:
    """The choices of a field that the schema has a word for."""
    members = kind.open_mhealth.members if kind.open_mhealth else ()
    return sorted({ours for m in members if m.field == name for _, ours in m.words})


def values(kind: DataType, known: Field) -> st.SearchStrategy[Any]:
    low, high = known.low or 0, known.high or 0
    if known.kind == "integer":
        return st.integers(int(low), int(high))
    if known.kind == "number":
        return st.floats(low, high).map(lambda value: round(value, 6))
    return st.sampled_from(words_of(kind, known.name))


@st.composite
def records(draw: st.DrawFn, kinds: list[DataType] = SPOKEN, *, even: bool = False) -> Json:
    """A record that data points have words for; `even` ones end at the offset they began with."""
    kind = draw(st.sampled_from(kinds))
    start, length = draw(moments), draw(st.integers(0, 86400 * 10**6))
    zone = draw(offsets)
    zones = zone, zone if even else draw(st.one_of(st.just(zone), offsets))
    record: Json = {"type": kind.name, **draw(common)}
    if kind.shape == "instant":
        record["time"] = time_text(start, zones[0])
    else:
        end = start + timedelta(microseconds=length)
        record |= {"start": time_text(start, zones[0]), "end": time_text(end, zones[1])}
    if kind.name == "heart_rate":
        rate = draw(st.integers(1, 300))
        return {**record, "samples": [{"time": record["start"], "beats_per_minute": rate}]}
    if kind.name == "sleep":
        return {**record, "stages": draw(stages(kind, start, length))}
    for known in kind.fields:
        if known.required or draw(st.booleans()):
            record[known.name] = draw(values(kind, known))
    return with_a_meal_that_has_a_word(record)


def with_a_meal_that_has_a_word(record: Json) -> Json:
    """Which meal it was can be told only together with before or after."""
    if record.get("relation_to_meal") not in ("before_meal", "after_meal"):
        record.pop("meal_type", None)
    return record


@st.composite
def stages(draw: st.DrawFn, kind: DataType, start: datetime, length: int) -> list[Json]:
    cuts = sorted(draw(st.lists(st.integers(0, length), max_size=6)))
    zone = draw(offsets)
    return [
        {
            "start": time_text(start + timedelta(microseconds=first), zone),
            "end": time_text(start + timedelta(microseconds=last), zone),
            "stage": draw(st.sampled_from(words_of(kind, "stages"))),
        }
        for first, last in zip(cuts[::2], cuts[1::2], strict=False)
    ]


@settings(deadline=None)
@given(record=records())
def test_a_record_written_as_a_point_is_read_as_the_same_record(record: Json) -> None:
    expected = to_measurement(validate_record(record), NOW)
    assert measurement(write_point(record), APP, NOW) == expected


@settings(deadline=None)
@given(
    record=records([kind for kind in SPOKEN if kind.name in ("steps", "sleep")], even=True),
    kept=st.sampled_from(["start_date_time", "end_date_time"]),
)
def test_an_interval_told_by_its_length_is_the_same(record: Json, kept: str) -> None:
    expected = to_measurement(validate_record(record), NOW)
    made = write_point(record)
    interval = made["body"]["effective_time_frame"]["time_interval"]
    length = (expected.end - expected.start) // timedelta(microseconds=1)
    told = {kept: interval[kept], "duration": {"value": length, "unit": "us"}}
    made["body"]["effective_time_frame"]["time_interval"] = told
    assert measurement(made, APP, NOW) == expected
