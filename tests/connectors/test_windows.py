"""Which stretches are asked for, as laws; and how long to wait."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.base import clock
from vitalkeep.connectors.faults import LONGEST_PAUSE, read_wait, retry_time, to_fault
from vitalkeep.connectors.windows import HOUR, LOOK_BACK, OVERLAP, halve, next_start, plan

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)
AGO = st.timedeltas(timedelta(0), timedelta(days=60))
PAST = AGO.map(lambda ago: NOW - ago)


@given(pulled_to=st.none() | PAST, looked=st.none() | PAST, days=st.integers(1, 100))
def test_a_pull_leaves_no_gap_and_ends_after_the_present(
    pulled_to: datetime | None, looked: datetime | None, days: int
) -> None:
    ahead = plan(pulled_to, looked, days, NOW)
    assert ahead.end - HOUR <= NOW < ahead.end
    assert ahead.end.minute == ahead.end.second == 0
    if pulled_to is None:
        assert timedelta(0) <= NOW - timedelta(days=days) - ahead.start < HOUR
        return
    assert ahead.start <= pulled_to
    if looked is None or looked <= NOW - timedelta(days=1):
        assert (ahead.start <= NOW - LOOK_BACK, ahead.far) == (True, True)
    else:
        assert (ahead.start, ahead.far) == (pulled_to, False)


@given(pending=st.none() | PAST)
def test_the_next_pull_goes_over_the_last_days_and_over_what_was_pending(
    pending: datetime | None,
) -> None:
    start = next_start(pending, NOW)
    assert start <= NOW - OVERLAP
    assert NOW - start <= timedelta(days=14, hours=1)
    if pending is not None and pending >= NOW - timedelta(days=14):
        assert start <= pending


def test_a_window_is_halved_down_to_an_hour_and_no_further() -> None:
    span, spans = timedelta(days=15), []
    while (shorter := halve(span)) is not None:
        assert HOUR <= shorter < span
        assert shorter % HOUR == timedelta(0)
        span = shorter
        spans.append(span)
    assert spans[-1] == HOUR


@given(failures=st.integers(1, 60), wait=st.none() | st.timedeltas(timedelta(0), LONGEST_PAUSE * 4))
def test_nothing_is_tried_before_google_asked_for_it_nor_put_off_for_ever(
    failures: int, wait: timedelta | None
) -> None:
    pause = retry_time(failures, wait, NOW) - NOW
    assert pause >= (wait or timedelta(seconds=30))
    assert pause <= max(LONGEST_PAUSE * 1.5, (wait or timedelta(0)) * 1.1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120), ("999999", 86_400), ("Fri, 20 Nov 2026 12:36:56 GMT", 120),
        ("Fri, 20 Nov 2026 12:00:00 GMT", 0), ("soon", None), ("-5", None), ("", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_both_its_forms(
    monkeypatch: pytest.MonkeyPatch, header: str, seconds: int | None
) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    wait = read_wait(httpx.Response(503, headers={"Retry-After": header}))
    assert wait == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b"", "token_refused"),
        (403, b'{"error":{"errors":[{"reason":"userRateLimitExceeded"}]}}', "rate_limited"),
        (403, b'{"error":{"details":[{"reason":"MISSING_OAUTH_SCOPE"}]}}', "scope_missing"),
        (403, b'{"error":{"errors":[{"reason":"accessNotConfigured"}]}}', "google_refused"),
        (400, b'{"error":{"details":[{"reason":"ACCOUNT_NOT_LINKED"}]}}', "account_not_linked"),
        (400, b'{"error":"x"}', "google_refused"),
        (302, b"[]", "google_refused"),
        (502, b"<html>", "google_unavailable"),
    ],
)
def test_an_error_is_told_by_its_reason(status: int, body: bytes, code: str) -> None:
    assert to_fault(httpx.Response(status, content=body)).code == code
