import copy
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.datatypes.canonical import Measurement, to_measurement
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.registry import BY_NAME

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)


def example(name: str, **changes: object) -> JsonObject:
    return {**copy.deepcopy(dict(BY_NAME[name].example)), **changes}


def measured(record: object) -> Measurement:
    return to_measurement(validate_record(record), NOW)


def content(record: object) -> JsonObject:
    parsed = orjson.loads(b"{" + measured(record).content + b"}")
    assert isinstance(parsed, dict)
    return parsed


def refusal(record: object) -> tuple[str, str]:
    with pytest.raises(RecordRejected) as caught:
        measured(record)
    return caught.value.code, caught.value.pointer


def sample(second: str, rate: int) -> JsonObject:
    return {"time": f"2026-11-20T07:10:{second}+09:00", "beats_per_minute": rate}


@given(st.permutations([sample("01", 71), sample("02", 90), sample("02", 80), sample("02.5", 70)]))
def test_samples_are_stored_by_time_in_whatever_order_they_came(samples: list[JsonObject]) -> None:
    stored = content(example("heart_rate", samples=samples))["samples"]
    assert stored == [sample("01", 71), sample("02", 80), sample("02", 90), sample("02.5", 70)]


def test_samples_at_other_offsets_are_sorted_by_instant_and_keep_their_text() -> None:
    samples: list[JsonObject] = [
        {"time": "2026-11-19T22:11:30.000Z", "beats_per_minute": 80},
        {"time": "2026-11-20T00:11:00+02:00", "beats_per_minute": 81},
    ]
    stored = content(example("heart_rate", samples=samples))["samples"]
    assert stored == [samples[1], {"time": "2026-11-19T22:11:30Z", "beats_per_minute": 80}]


def test_samples_may_lie_on_both_ends() -> None:
    samples = [
        {"time": "2026-11-20T07:12:00+09:00", "beats_per_minute": 80},
        {"time": "2026-11-20T07:10:00+09:00", "beats_per_minute": 81},
    ]
    assert measured(example("heart_rate", samples=samples))


@pytest.mark.parametrize(
    "text", ["2026-11-20T07:09:59.9+09:00", "2026-11-20T07:12:00.000001+09:00"]
)
def test_a_sample_outside_is_pointed_at_where_it_was_sent(text: str) -> None:
    samples = [sample("30", 70), sample("10", 70), {"time": text, "beats_per_minute": 70}]
    refused = refusal(example("heart_rate", samples=samples))
    assert refused == ("sample_outside_interval", "/samples/2/time")


def test_an_impossible_date_in_a_sample_is_pointed_at() -> None:
    samples = [sample("30", 70), {"time": "2026-02-30T07:10:00Z", "beats_per_minute": 70}]
    assert refusal(example("heart_rate", samples=samples)) == ("invalid", "/samples/1/time")


def stage(start: str, end: str, name: str = "light") -> JsonObject:
    day = "2026-11-20T"
    return {"start": f"{day}{start}:00+09:00", "end": f"{day}{end}:00+09:00", "stage": name}


NIGHT = [
    stage("00:00", "01:00"),
    stage("01:00", "01:00", "awake"),
    stage("01:00", "02:00", "deep"),
    stage("03:00", "04:00", "rem"),
]


@given(st.permutations(NIGHT))
def test_stages_are_stored_by_time_in_whatever_order_they_came(stages: list[JsonObject]) -> None:
    assert content(example("sleep", stages=stages))["stages"] == NIGHT


@given(st.permutations([*NIGHT, stage("01:30", "01:45", "awake")]))
def test_stages_that_overlap_are_refused_in_any_order(stages: list[JsonObject]) -> None:
    code, pointer = refusal(example("sleep", stages=stages))
    place = stages.index(stage("01:30", "01:45", "awake"))
    assert (code, pointer) == ("overlapping_stages", f"/stages/{place}")


@pytest.mark.parametrize(
    ("bad", "code", "member"),
    [
        (stage("02:00", "01:59"), "end_before_start", "end"),
        (stage("06:00", "06:41"), "sample_outside_interval", "end"),
        (stage("06:41", "06:42"), "sample_outside_interval", "start"),
    ],
)
def test_a_bad_stage_is_pointed_at_where_it_was_sent(
    bad: JsonObject, code: str, member: str
) -> None:
    stages = [stage("03:00", "04:00"), bad, stage("00:00", "01:00")]
    assert refusal(example("sleep", stages=stages)) == (code, f"/stages/1/{member}")


@pytest.mark.parametrize(
    "text",
    ["2026-11-20T07:10:20-00:00", "2026-02-30T07:10:20+09:00", "2026-11-20T07:10:20.5+09:00"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_series_is_looked_at_sample_by_sample(text: str, place: int) -> None:
    samples = [sample("10", 70), sample("20", 70), sample("30", 70)]
    samples[place] = {"time": text, "beats_per_minute": 70}
    record = example("heart_rate", samples=samples)
    if text.endswith(".5+09:00"):
        stored = content(record)["samples"]
        assert isinstance(stored, list)
        assert sorted(stored, key=str) == stored
        assert samples[place] in stored
    elif text.startswith("2026-02"):
        assert refusal(record) == ("invalid", f"/samples/{place}/time")
    else:
        assert refusal(record) == ("sample_outside_interval", f"/samples/{place}/time")


@pytest.mark.parametrize("start", ["0001-01-01T00:00:00+18:00", "9999-12-31T23:59:59-18:00"])
def test_a_sample_beyond_the_calendar_lies_outside_its_record(start: str) -> None:
    samples = [{"time": start, "beats_per_minute": 70}]
    refused = refusal(example("heart_rate", samples=samples))
    assert refused == ("sample_outside_interval", "/samples/0/time")


@given(st.permutations([sample("01", 71), sample("02", 90), sample("02", 80)]))
def test_samples_of_one_moment_have_one_order(samples: list[JsonObject]) -> None:
    stored = content(example("heart_rate", samples=samples))["samples"]
    assert stored == [sample("01", 71), sample("02", 80), sample("02", 90)]


@pytest.mark.parametrize(
    ("sent", "stored"), [("-00:00", "Z"), (".500Z", ".5Z"), (".000+00:00", "+00:00")]
)
def test_a_whole_series_in_another_form_is_put_into_ours(sent: str, stored: str) -> None:
    def series(zone: str) -> list[JsonObject]:
        return [
            {"time": f"2026-11-19T22:10:{second}{zone}", "beats_per_minute": 70}
            for second in ("10", "20")
        ]

    assert content(example("heart_rate", samples=series(sent)))["samples"] == series(stored)
