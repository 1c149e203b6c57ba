"""What a notification says, and what comes of many: pure, as laws where there is one."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.connectors.notifications import Notice, Span, read_notices, read_span, to_instants
from vitalkeep.connectors.refetches import MOST, clip, merge
from vitalkeep.connectors.windows import HOUR, Window
from vitalkeep.datatypes.registry import BY_NAME

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOWS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(1, 30)).map(
        lambda at: Window(NOON + at[0] * HOUR, NOON + (at[0] + at[1]) * HOUR)
    ),
    max_size=60,
)


def hours(windows: list[Window]) -> set[datetime]:
    """Every full hour in them."""
    return {
        each.start + n * HOUR for each in windows for n in range((each.end - each.start) // HOUR)
    }


@given(windows=WINDOWS, more=WINDOWS)
def test_few_stretches_hold_all_that_was_told_in_whatever_order_and_how_often(
    windows: list[Window], more: list[Window]
) -> None:
    merged = merge(windows)
    assert hours(windows) <= hours(merged)
    assert len(merged) <= MOST
    assert all(one.end < other.start for one, other in pairwise(merged))
    assert merge(windows[::-1]) == merge([*windows, *windows]) == merge(merged) == merged
    if len(merged) < MOST:
        assert hours(merged) == hours(windows)
    assert hours(merge([*merged, *more])) >= hours([*windows, *more])


@given(
    start=st.datetimes(timezones=st.just(UTC)),
    length=st.timedeltas(timedelta(0), timedelta(days=400)),
)
def test_what_is_within_reach_is_covered_and_nothing_a_whole_hour_beyond(
    start: datetime, length: timedelta
) -> None:
    end = min(start, datetime(9998, 1, 1, tzinfo=UTC)) + length
    reach = Span(NOON - timedelta(days=30), NOON + HOUR / 2)
    window = clip(Span(start, max(start, end)), reach)
    if end < reach.start or start > reach.end:
        assert window is None
        return
    assert window is not None
    assert window.start <= max(start, reach.start) < window.start + HOUR
    assert window.end - HOUR <= min(end, reach.end) < window.end


@pytest.mark.parametrize(
    ("interval", "start", "end"),
    [
        (
            {"physicalTimeInterval": {"startTime": "2026-11-20T12:00:00.123456789Z",
                                      "endTime": "2026-11-20T21:05:00+09:00"},
             "civilIso8601TimeInterval": {"startTime": "2020-01-01", "endTime": "2020-01-02"}},
            "2026-11-20T12:00:00.123456", "2026-11-20T12:05:00",
        ),
        (
            {"civilIso8601TimeInterval": {"startTime": "2026-11-20T21:00:00",
                                          "endTime": "2026-11-20T21:05:00"}},
            "2026-11-20T12:00:00", "2026-11-20T12:05:00",
        ),
        (
            {"civilIso8601TimeInterval": {"startTime": "2026-11-20", "endTime": "2026-11-21"}},
            "2026-11-19T15:00:00", "2026-11-20T15:00:00",
        ),
        (
            {"civilDateTimeInterval": {
                "startDateTime": {"date": {"year": 2026, "month": 11, "day": 20}},
                "endDateTime": {"date": {"year": 2026, "month": 11, "day": 20},
                                "time": {"hours": 21, "minutes": 5, "seconds": 7}},
            }},
            "2026-11-19T15:00:00", "2026-11-20T12:05:07",
        ),
    ],
    ids=["physical", "civil", "dates", "parts"],
)  # fmt: skip
def test_an_interval_is_read_by_its_instants_else_by_the_person_s_clock(
    interval: dict[str, Any], start: str, end: str
) -> None:
    span = read_span(interval)
    assert span is not None
    found = to_instants(span, "Asia/Tokyo")
    assert [each.replace(tzinfo=None).isoformat() for each in found] == [start, end]


def test_an_hour_that_the_clock_shows_twice_is_both() -> None:
    twice = Span(datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 2, 30))  # noqa: DTZ001
    start, end = to_instants(twice, "Europe/Berlin")
    assert end - start == HOUR


@pytest.mark.parametrize(
    "interval",
    [
        None, {}, {"physicalTimeInterval": {}},
        {"physicalTimeInterval": {"startTime": "2026-11-20T12:00:00", "endTime": "2026-11-21"}},
        {"physicalTimeInterval": {"startTime": 5, "endTime": 6}},
        {"physicalTimeInterval": {"startTime": "2026-11-20T12:00:00Z",
                                  "endTime": "2026-11-20T11:00:00Z"}},
        {"physicalTimeInterval": {"startTime": "2026-13-20T12:00:00Z",
                                  "endTime": "2026-11-20T11:00:00Z"}},
        {"civilIso8601TimeInterval": {"startTime": "2026-11-20T12:00:00Z",
                                      "endTime": "2026-11-20T13:00:00"}},
        {"civilDateTimeInterval": {"startDateTime": {"date": {"year": "2026"}},
                                   "endDateTime": {"date": {"year": 2026}}}},
        {"civilDateTimeInterval": {"startDateTime": {"date": {"year": 10**20, "month": 1,
                                                              "day": 1}}}},
        {"civilDateTimeInterval": 5},
    ],
    ids=str,
)  # fmt: skip
def test_an_interval_that_says_no_time_is_none(interval: object) -> None:
    assert read_span(interval) is None


@pytest.mark.parametrize("spelling", ["heart-rate", "heart_rate", "heartRate"])
def test_a_single_object_and_every_spelling_of_a_type_are_read(spelling: str) -> None:
    ends = {"startTime": "2026-11-20T12:00:00Z", "endTime": "2026-11-20T12:05:00Z"}
    data = {
        "healthUserId": "8512524441117254421",
        "operation": "DELETE",
        "dataType": spelling,
        "intervals": [{"physicalTimeInterval": ends}, {"broken": True}],
    }
    span = Span(NOON, NOON + timedelta(minutes=5))
    expected = Notice("8512524441117254421", BY_NAME["heart_rate"].number, (span,))
    assert list(read_notices({"data": data})) == list(read_notices([{"data": data}])) == [expected]
