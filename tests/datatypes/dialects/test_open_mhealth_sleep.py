from typing import Any

import pytest

from tests.datatypes.dialects.points import ABSENT, APP, NOW, asleep, content, point, refusal
from vitalkeep.datatypes.dialects.open_mhealth import measurement

NIGHT = "2026-11-19T23:20:00+09:00", "2026-11-20T06:40:00+09:00"
TOTALS = {
    "ieee:sleep-episode:1.0": "total_sleep_time",
    "omh:sleep-episode:1.1": "total_sleep_time",
    "ieee:total-sleep-time:1.0": "total_sleep_time",
    "omh:total-sleep-time:1.0": "total_sleep_time",
    "omh:sleep-duration:2.0": "sleep_duration",
    "omh:sleep-duration:1.0": "sleep_duration",
    "ieee:sleep-stage-summary:1.0": "sleep_stage_summary",
}


def told(schema: str, value: object, unit: object = "min") -> dict[str, Any]:
    """The member of a schema that holds the total."""
    amount = {"value": value, "unit": unit}
    if TOTALS[schema] == "sleep_stage_summary":
        return {"sleep_stage_summary": {"total_sleep_time": amount}}
    return {TOTALS[schema]: amount}


def events(*times: str) -> list[dict[str, str]]:
    return [
        {
            "start_date_time": f"2026-11-20T{first}:00+09:00",
            "end_date_time": f"2026-11-20T{last}:00+09:00",
        }
        for first, last in zip(times[::2], times[1::2], strict=True)
    ]


def episode(state: object, **interval: object) -> dict[str, Any]:
    frame = {"start_date_time": NIGHT[0], "duration": {"value": 1, "unit": "h"}, **interval}
    return {
        "sleep_stage_state": state,
        "sleep_stage_time_frame": {"time_interval": frame},
    }


@pytest.mark.parametrize("schema", TOTALS)
def test_a_total_without_stages_is_a_session_that_keeps_it(schema: str) -> None:
    made = asleep(schema, **told(schema, 400))
    m = measurement(made, APP, NOW)
    assert (m.end - m.start).total_seconds() == 440 * 60
    assert content(made)["stages"] == []
    assert content(made)["original"] == {"value": 400.0, "unit": "min"}
    assert content(asleep(schema, **told(schema, 6.5, "h")))["original"] == {
        "value": 6.5,
        "unit": "h",
    }


@pytest.mark.parametrize("schema", ["ieee:sleep-episode:1.0", "omh:sleep-episode:1.1"])
def test_an_episode_may_tell_nothing_but_when(schema: str) -> None:
    made = asleep(schema, is_main_sleep=True, number_of_awakenings=2)
    assert content(made) == {"stages": [], "client_id": "night-1"}


@pytest.mark.parametrize("schema", ["ieee:total-sleep-time:1.0", "omh:sleep-duration:2.0"])
def test_a_point_about_the_total_has_to_tell_it(schema: str) -> None:
    assert refusal(asleep(schema)) == ("invalid", f"/body/{TOTALS[schema]}")


def test_a_total_can_not_be_longer_than_its_interval() -> None:
    schema = "omh:sleep-duration:2.0"
    assert content(asleep(schema, **told(schema, 440)))["stages"] == []
    for value in (440.1, 1e300, float("inf"), float("nan"), -1, 10**400):
        bad = asleep(schema, **told(schema, value))
        assert refusal(bad) == ("out_of_range", "/body/sleep_duration/value")
    for value, unit in ((1, "Mo"), (1, "minutes"), (1, None)):
        bad = asleep(schema, **told(schema, value, unit))
        assert refusal(bad) == ("invalid", "/body/sleep_duration/unit")


def test_sleep_events_are_stages_of_sleep() -> None:
    made = asleep(
        "ieee:total-sleep-time:1.0",
        **told("ieee:total-sleep-time:1.0", 300),
        sleep_events=events("04:00", "06:30", "00:30", "03:00"),
    )
    stored = content(made)
    assert [(each["start"][11:16], each["stage"]) for each in stored["stages"]] == [
        ("00:30", "sleeping"),
        ("04:00", "sleeping"),
    ]
    assert "original" not in stored


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        ("REM_sleep", "rem"),
        ("Light_sleep", "light"),
        ("Deep_sleep", "deep"),
        ("Unknown_sleep", "sleeping"),
        ("Awake", "awake"),
        ("Half_sleep", "unknown"),
    ],
)
def test_every_state_of_sleep_has_its_stage(state: str, stage: str) -> None:
    stored = content(point("sleep", {"sleep_stage_episodes": [episode(state)]}))
    assert stored["stages"] == [
        {"start": NIGHT[0], "end": "2026-11-20T00:20:00+09:00", "stage": stage}
    ]


EPISODES = "/body/sleep_stage_episodes"
FRAME = "sleep_stage_time_frame/time_interval"


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"sleep_stage_summary": ABSENT}, "invalid", "/body/sleep_stage_summary"),
        ({"sleep_stage_summary": {}}, "invalid", "/body/sleep_stage_summary/total_sleep_time"),
        ({"sleep_stage_episodes": {}}, "invalid", EPISODES),
        ({"sleep_stage_episodes": ["Awake"]}, "invalid", f"{EPISODES}/0"),
        ({"sleep_stage_episodes": [episode(1)]}, "invalid", f"{EPISODES}/0/sleep_stage_state"),
        (
            {"sleep_stage_episodes": [{"sleep_stage_state": "Awake"}]},
            "invalid",
            f"{EPISODES}/0/sleep_stage_time_frame",
        ),
        (
            {"sleep_stage_episodes": [episode("Awake", start_date_time="yesterday")]},
            "invalid",
            f"{EPISODES}/0/{FRAME}/start_date_time",
        ),
        (
            {"sleep_stage_episodes": [episode("Awake"), episode("REM_sleep")]},
            "overlapping_stages",
            f"{EPISODES}/1",
        ),
        (
            {"sleep_stage_episodes": [episode("Awake", duration={"value": 8, "unit": "h"})]},
            "sample_outside_interval",
            f"{EPISODES}/0/{FRAME}/duration",
        ),
        (
            {"sleep_stage_episodes": [episode("Awake", end_date_time="2026-11-19T23:00:00+09:00")]},
            "end_before_start",
            f"{EPISODES}/0/{FRAME}/end_date_time",
        ),
        (
            {"sleep_stage_episodes": ABSENT, "sleep_events": [{"start_date_time": NIGHT[0]}]},
            "invalid",
            "/body/sleep_events/0",
        ),
        (
            {"effective_time_frame": {"date_time": NIGHT[0]}},
            "invalid",
            "/body/effective_time_frame",
        ),
        (
            {
                "sleep_stage_episodes": [],
                "effective_time_frame": {
                    "time_interval": {"start_date_time": NIGHT[1], "end_date_time": NIGHT[0]}
                },
            },
            "end_before_start",
            "/body/effective_time_frame/time_interval/end_date_time",
        ),
        (
            {"sleep_stage_summary": {"descriptive_statistic": "average"}},
            "invalid",
            "/body/sleep_stage_summary/descriptive_statistic",
        ),
    ],
    ids=range(14),
)
def test_a_refusal_points_into_the_night(body: dict[str, Any], code: str, pointer: str) -> None:
    assert refusal(point("sleep", body)) == (code, pointer)
