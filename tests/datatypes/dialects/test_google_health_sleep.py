from datetime import UTC, datetime, timedelta

import pytest

from tests.datatypes.dialects.google import (
    APP,
    NOW,
    SEVEN,
    Json,
    content,
    night,
    only,
    weight,
)
from vitalkeep.datatypes.dialects.google_health import (
    is_pending,
    read_points,
)


def stage(first: int, last: int, kind: str | None = None) -> Json:
    """A part of the night, in minutes from its beginning."""
    start, end = (
        (datetime.fromtimestamp(SEVEN, UTC) + timedelta(minutes=each)).isoformat()
        for each in (first, last)
    )
    times = {"startTime": start.replace("+00:00", "Z"), "endTime": end.replace("+00:00", "Z")}
    return {**times, "type": kind} if kind else times


def test_a_night_has_its_stages_and_what_lies_over_them() -> None:
    point = night(processed=True)
    point["sleep"]["stages"] = [
        stage(0, 30, "LIGHT"),
        stage(30, 50, "DEEP"),
        {**stage(50, 60, "REM"), "startUtcOffset": "32400s", "endUtcOffset": "32400s"},
        stage(60, 80, "AWAKE"),
        stage(80, 90, "ASLEEP"),
        stage(90, 95, "RESTLESS"),
        stage(95, 100, "DREAMY"),
        stage(100, 105),
        stage(110, 500, "LIGHT"),
        None,
        {"type": "LIGHT"},
    ]
    point["sleep"]["shortAwakenings"] = [stage(10, 12, "AWAKE"), stage(40, 41)]
    point["sleep"]["outOfBedSegments"] = [stage(65, 70)]
    record = only(read_points("sleep", [point], APP, NOW))
    found = content(record)["stages"]
    assert [each["stage"] for each in found] == [
        *("light", "awake", "light", "deep", "awake", "deep", "rem", "awake", "out_of_bed"),
        *("awake", "sleeping", "awake_in_bed", "unknown", "unknown", "light"),
    ]
    assert found[-1]["end"] == "2026-11-20T01:00:00Z"
    assert found[6]["start"] == "2026-11-20T08:50:00+09:00"
    assert record.client_id == "zzzz"


@pytest.mark.parametrize(
    ("point", "pending"),
    [
        (night(processed=False), True),
        (night(processed=True), False),
        (night(), False),
        (weight(), False),
        (None, False),
        ({"sleep": []}, False),
    ],
)
def test_a_night_whose_stages_are_not_there_yet_is_pending(point: object, pending: bool) -> None:
    assert is_pending(point) is pending
