import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datatypes.dialects.google import (
    APP,
    NOW,
    Json,
    content,
    fit,
    only,
    real,
    refusals,
    sample,
    source,
    told,
    whole,
)
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.dialects import google_fit, google_health
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.records.sealed import identity

BAND = "raw:com.google.heart_rate.bpm:jp.example.band:Example:Band 2:9:"
WATCH = "raw:com.google.heart_rate.bpm:jp.example.band:Example:Watch 1:8:"
Outcomes = list[Measurement | RecordRejected]


def beat(at: float, rate: object, origin: str = BAND) -> Json:
    return fit("heart_rate", real(rate), at=at, origin=origin)


def read(*points: object) -> Outcomes:
    return google_fit.read_points("heart_rate", points, APP, NOW)


def rates(record: Measurement) -> list[int]:
    return [each["beats_per_minute"] for each in content(record)["samples"]]


def records(outcomes: Outcomes) -> list[Measurement]:
    return [each for each in outcomes if isinstance(each, Measurement)]


def test_an_hour_is_one_record_named_by_it() -> None:
    record = only(read(beat(3599, 71.0), beat(0, 64.4), beat(0.25, 64.5)))
    assert content(record)["samples"] == [
        {"time": "2026-11-19T23:00:00Z", "beats_per_minute": 64},
        {"time": "2026-11-19T23:00:00.25Z", "beats_per_minute": 65},
        {"time": "2026-11-19T23:59:59Z", "beats_per_minute": 71},
    ]
    assert record.client_id is not None
    assert record.client_id.endswith(":2026-11-19T23Z")
    assert (record.end_us - record.start_us) // 10**6 == 3599


def test_hours_and_sources_are_apart() -> None:
    found = records(read(beat(0, 70), beat(3600, 70), beat(0, 70, WATCH), beat(0, 70, "")))
    assert len(found) == len({identity(each) for each in found}) == 4


def test_an_hour_keeps_its_identity_when_samples_come_and_go() -> None:
    early, late = only(read(beat(9, 70))), only(read(beat(0, 71), beat(9, 70), beat(60, 72)))
    assert identity(early) == identity(late)


def test_a_bad_sample_costs_no_other() -> None:
    found = read(
        beat(0, 0.4), beat(1, 301), beat(2, 300.4), beat(3, 1), {}, beat(4, "fast"), beat(5, True)
    )
    assert sorted(refusals(found)) == [
        ("invalid", "/endTimeNanos"),
        ("invalid", "/value/0/fpVal"),
        ("invalid", "/value/0/fpVal"),
        ("out_of_range", "/value/0/fpVal"),
        ("out_of_range", "/value/0/fpVal"),
    ]
    assert rates(only(found[:1])) == [300, 1]


def test_a_whole_number_is_a_rate_too() -> None:
    assert rates(only(read(fit("heart_rate", whole(71))))) == [71]
    assert refusals(read(fit("heart_rate", {}))) == [("invalid", "/value/0")]


def test_an_hour_ahead_of_its_time_is_told_for_each_of_its_samples() -> None:
    found = read(beat(0, 70), beat(3 * 86400, 70), beat(3 * 86400 + 1, 71))
    assert refusals(found) == [("time_out_of_window", "/endTimeNanos")] * 2


def test_of_samples_at_one_microsecond_the_highest_stays() -> None:
    assert rates(only(read(beat(0, 70), beat(0, 188), beat(0, 71), beat(1, 60)))) == [188, 60]


def test_an_hour_with_more_samples_than_a_record_may_have_is_several() -> None:
    points = [beat(index / 4, 70) for index in range(10_001)]
    found = records(read(*points))
    assert [len(rates(each)) for each in found] == [10_000, 1]
    assert len({identity(each) for each in found}) == 2


def pulse(time: str, rate: object, offset: str | None = "32400s", **origin: Json) -> Json:
    made = sample("heartRate", time, beatsPerMinute=rate)
    made["heartRate"]["sampleTime"]["utcOffset"] = offset
    return {**made, **origin}


def test_google_health_has_its_offset_and_numbers_as_text() -> None:
    points = [
        pulse("2026-11-19T23:00:00Z", "64"),
        pulse("2026-11-19T23:59:59.123456789Z", "71"),
        pulse("2026-11-20T00:00:00Z", "72"),
        pulse("2026-11-20T00:00:01Z", "301"),
        pulse("2026-11-20T00:00:02Z", "many"),
        pulse("tomorrow", "71"),
    ]
    found = google_health.read_points("heart_rate", points, APP, NOW)
    first, second = records(found)
    assert content(first)["samples"] == [
        {"time": "2026-11-20T08:00:00+09:00", "beats_per_minute": 64},
        {"time": "2026-11-20T08:59:59.123456+09:00", "beats_per_minute": 71},
    ]
    assert rates(second) == [72]
    assert refusals(found) == [
        ("out_of_range", "/heartRate/beatsPerMinute"),
        ("invalid", "/heartRate/beatsPerMinute"),
        ("invalid", "/heartRate/sampleTime/physicalTime"),
    ]


@pytest.mark.parametrize(
    ("factors", "kept"), [(["WATCH", "WATCH"], "watch"), (["WATCH", "RING"], None)]
)
def test_what_not_all_samples_of_an_hour_share_is_left_out(
    factors: list[str], kept: str | None
) -> None:
    points = [
        pulse(f"2026-11-19T23:00:0{index}Z", "64", **source("FITBIT", "a.b", formFactor=factor))
        for index, factor in enumerate(factors)
    ]
    origin = orjson.loads(only(google_health.read_points("heart_rate", points, APP, NOW)).origin)
    assert origin.get("device", {}).get("type") == kept


@pytest.mark.parametrize(
    ("second", "kept"), [("MANUAL", "manual_entry"), ("ACTIVELY_MEASURED", None), (None, None)]
)
def test_a_recording_method_is_that_of_a_whole_hour(second: str | None, kept: str | None) -> None:
    points = [
        pulse(f"2026-11-19T23:00:0{index}Z", "64", dataSource={"recordingMethod": method})
        for index, method in enumerate(["MANUAL", second])
    ]
    record = only(google_health.read_points("heart_rate", points, APP, NOW))
    assert content(record).get("recording_method") == kept


def test_an_hour_that_google_health_has_from_fit_is_the_same_record() -> None:
    echo = source("FIT", "jp.example.band", manufacturer="Example", displayName="Band 2")
    points = [pulse("2026-11-19T23:00:00Z", "64", None, **echo)]
    fitted = only(read(beat(0, 64.2)))
    echoed = only(google_health.read_points("heart_rate", points, APP, NOW))
    assert identity(echoed) == identity(fitted)
    assert content(echoed)["samples"] == content(fitted)["samples"]


several = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 3599, 3600, 7200]),
        st.sampled_from([0, 64, 65, 300]),
        st.sampled_from([BAND, WATCH]),
    ),
    max_size=12,
)


@settings(max_examples=50)
@given(several, st.data())
def test_pages_in_any_order_give_the_same_hours(
    drawn: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    points = [beat(*each) for each in drawn]
    shuffled = data.draw(st.permutations(points))
    assert told(read(*shuffled)) == told(read(*points))
    assert told(read(*points, *shuffled))[0] == told(read(*points))[0]
    kept = {(at, origin) for at, rate, origin in drawn if rate}
    assert sum(len(rates(each)) for each in records(read(*points))) == len(kept)


formats = ["WATCH", "RING"]
offsets = st.sampled_from([None, "0s", "32400s"])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), offsets, st.sampled_from(formats))), st.data())
def test_offsets_and_devices_do_not_make_an_hour_depend_on_order(
    drawn: list[tuple[int, str | None, str]], data: st.DataObject
) -> None:
    points = [
        pulse(f"2026-11-19T23:00:0{at}Z", "64", offset, **source("", "a.b", formFactor=factor))
        for at, offset, factor in drawn
    ]
    shuffled = data.draw(st.permutations(points))
    first, second = (
        google_health.read_points("heart_rate", each, APP, NOW) for each in (points, shuffled)
    )
    assert told(first) == told(second)
