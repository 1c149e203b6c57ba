from datetime import UTC, datetime

import orjson
import pytest

from tests.datatypes.dialects.google import (
    APP,
    NOW,
    SEVEN,
    Json,
    content,
    only,
    refusals,
    timed,
    weight,
)
from vitalkeep.datatypes.dialects.google_health import (
    read_points,
)

CIVIL = {"date": {"year": 2026, "month": 11, "day": 20}, "time": {"hours": 8}}


@pytest.mark.parametrize(
    ("point", "offset"),
    [
        (timed(), 540),
        (timed(utcOffset="0s"), 0),
        (timed(utcOffset="-12600s"), -210),
        (timed(utcOffset="64800.5s"), 1080),
        (timed(utcOffset=None), None),
        (timed(utcOffset=None, civilTime=CIVIL), 540),
        (timed(utcOffset=None, civilTime={**CIVIL, "time": {"hours": 24}}), None),
        (timed(utcOffset=None, civilTime={"date": {"year": 2026}}), None),
        (timed(utcOffset=None, civilTime={"date": {"year": 2024, "month": 1, "day": 1}}), None),
        (timed(physicalTime=None, civilTime=CIVIL), 540),
        (timed(physicalTime=None, civilTime={**CIVIL, "time": {"hours": 8, "nanos": 999}}), 540),
        (timed(utcOffset=None, physicalTime="2026-11-20T08:00:00+09:00"), 540),
    ],
)
def test_the_local_offset_is_found_where_it_can_be(point: Json, offset: int | None) -> None:
    record = only(read_points("weight", [point], APP, NOW))
    assert record.start == datetime.fromtimestamp(SEVEN, UTC)
    assert record.start_offset == offset


def test_a_civil_time_that_nothing_places_is_refused() -> None:
    point = timed(physicalTime=None, utcOffset=None, civilTime=CIVIL)
    assert refusals(read_points("weight", [point], APP, NOW)) == [
        ("invalid", "/weight/sampleTime/physicalTime")
    ]


@pytest.mark.parametrize(
    ("given_source", "origin", "method"),
    [
        (None, {"app": APP}, None),
        ({"application": {"packageName": ""}}, {"app": APP}, None),
        ({"application": {"webClientId": "ABC123"}}, {"app": "ABC123"}, None),
        (
            {
                "recordingMethod": "MANUAL",
                "device": {"formFactor": "SCALE", "manufacturer": "Example", "displayName": "S1"},
                "application": {"packageName": "jp.example.scale", "webClientId": "ABC123"},
            },
            {
                "app": "jp.example.scale",
                "device": {"type": "scale", "manufacturer": "Example", "model": "S1"},
            },
            "manual_entry",
        ),
        (
            {"recordingMethod": "PASSIVELY_MEASURED", "device": {"formFactor": "TABLET"}},
            {"app": APP, "device": {"type": "unknown"}},
            "automatically_recorded",
        ),
        ({"recordingMethod": "ACTIVELY_MEASURED"}, {"app": APP}, "actively_recorded"),
        ({"recordingMethod": "DERIVED"}, {"app": APP}, "automatically_recorded"),
        ({"recordingMethod": "UNKNOWN"}, {"app": APP}, "unknown"),
        ({"recordingMethod": "BY_MAGIC"}, {"app": APP}, "unknown"),
        ({"recordingMethod": "RECORDING_METHOD_UNSPECIFIED"}, {"app": APP}, None),
        (
            {
                "device": {
                    "displayName": "S\n1" + "x" * 300,
                    "formFactor": "FORM_FACTOR_UNSPECIFIED",
                }
            },
            {"app": APP, "device": {"model": "S 1" + "x" * 125}},
            None,
        ),
    ],
)
def test_the_data_source_tells_who_measured(
    given_source: object, origin: Json, method: str | None
) -> None:
    record = only(read_points("weight", [{**weight(), "dataSource": given_source}], APP, NOW))
    assert orjson.loads(record.origin) == origin
    assert content(record).get("recording_method") == method
