"""Records of every type with every optional field, as answers carry them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from hypothesis import strategies as st

from vitalkeep.datatypes.canonical import render, to_head, to_measurement
from vitalkeep.datatypes.choices import DEVICE_TYPE, RECORDING_METHOD
from vitalkeep.datatypes.descriptors import DataType, Field
from vitalkeep.datatypes.records import validate_record
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.times import time_text

Json = dict[str, Any]

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
BEGIN = datetime(2001, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000
offsets = st.none() | st.integers(-18 * 60, 18 * 60)
# What a person may type into a title: spaces of any kind, signs, letters beyond the first plane.
texts = st.text(
    st.one_of(
        st.sampled_from("a <&\"'\\=+@-睡眠　🛌"),
        st.characters(codec="utf-8", categories=("L", "N")),
    ),
    min_size=1,
    max_size=20,
)
devices = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(DEVICE_TYPE.values),
        "manufacturer": texts,
        "model": texts,
    },
)
common = st.fixed_dictionaries(
    {"origin": st.fixed_dictionaries({"app": texts}, optional={"device": devices})},
    optional={
        "client_id": texts,
        "client_version": st.integers(-(2**63), 2**63 - 1),
        "platform_id": st.uuids().map(str),
        "recording_method": st.sampled_from(RECORDING_METHOD.values),
    },
)


@st.composite
def sent_records(draw: st.DrawFn, kinds: tuple[DataType, ...] = TYPES) -> Json:
    """A record as an app sends it."""
    kind = draw(st.sampled_from(kinds))
    start = BEGIN + timedelta(microseconds=draw(st.integers(0, 20 * 365 * 86400 * SECOND_US)))
    length = draw(st.sampled_from([0, 1, 90 * SECOND_US]) | st.integers(0, 86400 * SECOND_US))
    record: Json = {"type": kind.name, **draw(common)}
    zones = draw(offsets), draw(offsets)
    if kind.shape == "instant":
        record["time"] = time_text(start, zones[0])
    else:
        end = start + timedelta(microseconds=length)
        record |= {"start": time_text(start, zones[0]), "end": time_text(end, zones[1])}
    for field in kind.fields:
        if field.required or draw(st.booleans()):
            if field.kind == "list":
                listed = samples if kind.shape == "series" else stages
                record[field.name] = draw(listed(field, start, length))
            else:
                record[field.name] = draw(values(field))
    return record


def values(field: Field) -> st.SearchStrategy[Any]:
    low, high = field.low or 0, field.high or 0
    if field.choices is not None:
        return st.sampled_from(field.choices.values)
    if field.kind == "text":
        return texts
    return st.integers(int(low), int(high)) if field.kind == "integer" else st.floats(low, high)


@st.composite
def samples(draw: st.DrawFn, field: Field, start: datetime, length: int) -> list[Json]:
    """Samples at any time in the interval, or at even distances from its start."""
    value = field.parts[1]
    rates = draw(st.lists(values(value), min_size=1, max_size=5))
    if draw(st.booleans()):
        step = length // len(rates)
        places = [step * index for index in range(len(rates))]
    else:
        places = [draw(st.integers(0, length)) for _ in rates]
    zone = draw(offsets)
    return [
        {"time": time_text(start + timedelta(microseconds=place), zone), value.name: rate}
        for place, rate in zip(places, rates, strict=True)
    ]


@st.composite
def stages(draw: st.DrawFn, field: Field, start: datetime, length: int) -> list[Json]:
    cuts = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
    zone = draw(offsets)
    choices = field.parts[2].choices
    assert choices is not None
    return [
        {
            "start": time_text(start + timedelta(microseconds=first), zone),
            "end": time_text(start + timedelta(microseconds=last), zone),
            "stage": draw(st.sampled_from(choices.values)),
        }
        for first, last in zip(cuts[::2], cuts[1::2], strict=False)
    ]


def answered(record: Json, original: tuple[float, str] | None = None) -> Json:
    """The record as it is answered after it was stored."""
    made = to_measurement(validate_record(record), NOW, original)
    head = to_head(made.type, made.start, made.end, made.start_offset, made.end_offset)
    record_id = UUID("5f2b7c1e-8d0a-4a5e-9b60-3f1d2c7a9e11")
    parsed: Json = orjson.loads(
        render(record_id, head, made.content, made.version, made.origin, NOW)
    )
    return parsed


records = st.builds(
    answered,
    sent_records(),
    st.none() | st.tuples(st.floats(0, 500), st.sampled_from(["[lb_av]", "mg/dL", "h"])),
)
"""Records of any type as answers carry them, some of them converted from another unit."""
