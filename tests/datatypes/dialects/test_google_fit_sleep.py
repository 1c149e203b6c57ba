from collections.abc import Sequence
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datatypes.dialects.google import APP, NOW, SEVEN, Json, content, junk
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.dialects.google_fit import read_session
from vitalkeep.datatypes.dialects.google_sleep import Segment, to_stages
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.records.sealed import identity

HOURS = 8
MODERN = "com.google.sleep.segment"
OLD = "com.google.activity.segment"


def session(**changes: object) -> Json:
    """A night of eight hours that begins at `SEVEN`."""
    return {
        "id": "night-20261120",
        "name": "Night",
        "description": "",
        "startTimeMillis": str(SEVEN * 1000),
        "endTimeMillis": str((SEVEN + HOURS * 3600) * 1000),
        "modifiedTimeMillis": "1795160000000",
        "application": {"packageName": "jp.example.nap"},
        "activityType": 72,
        **changes,
    }


def segment(first: float, last: float, stage: object, kind: str = MODERN, origin: str = "") -> Json:
    """A point about a part of that night, in hours from its beginning."""
    return {
        "startTimeNanos": str((SEVEN + round(first * 3600)) * 10**9),
        "endTimeNanos": str((SEVEN + round(last * 3600)) * 10**9),
        "dataTypeName": kind,
        "originDataSourceId": origin,
        "value": [{"intVal": stage, "mapVal": []}],
    }


def slept(given: object, segments: Sequence[object]) -> Measurement:
    night = read_session(given, segments, APP, NOW)
    assert isinstance(night, Measurement), night
    return night


def stages(segments: Sequence[object]) -> list[tuple[float, float, str]]:
    """The stages of the night, in hours from its beginning."""
    return [
        (_hours(each["start"]), _hours(each["end"]), each["stage"])
        for each in content(slept(session(), segments))["stages"]
    ]


def _hours(text: str) -> float:
    day, time = text.removesuffix("Z").split("T")
    hour, minute, _ = time.split(":")
    return (int(day[-2:]) - 20) * 24 + int(hour) + 1 + int(minute) / 60


def test_a_session_is_a_record_with_its_own_id_and_app() -> None:
    night = slept(session(), [segment(0, 8, 2)])
    assert night.client_id == "night-20261120"
    assert orjson.loads(night.origin) == {"app": "jp.example.nap"}
    assert night.start_us == SEVEN * 10**6
    assert night.end_us == (SEVEN + HOURS * 3600) * 10**6
    assert content(night)["title"] == "Night"
    assert "notes" not in content(night)


@pytest.mark.parametrize(
    ("number", "stage"),
    [
        (1, "awake"),
        (2, "sleeping"),
        (3, "out_of_bed"),
        (4, "light"),
        ("5", "deep"),
        (6, "rem"),
        (7, "unknown"),
        (0, "unknown"),
        (-1, "unknown"),
    ],
)
def test_a_number_names_a_stage(number: object, stage: str) -> None:
    assert stages([segment(1, 2, number)]) == [(1, 2, stage)]


@pytest.mark.parametrize(
    ("number", "stage"),
    [(72, "sleeping"), (109, "light"), (110, "deep"), (111, "rem"), (112, "awake"), (7, None)],
)
def test_old_nights_have_activities_for_stages(number: int, stage: str | None) -> None:
    found = stages([segment(1, 2, number, OLD)])
    assert found == ([] if stage is None else [(1, 2, stage)])


def test_old_stages_count_only_where_there_are_no_others() -> None:
    assert stages([segment(0, 4, 110, OLD), segment(5, 6, 4)]) == [(5, 6, "light")]
    assert stages([segment(0, 4, 110, OLD), segment(9, 10, 4)]) == [(0, 4, "deep")]


def test_stages_are_cut_to_the_night_and_passed_over_outside_it() -> None:
    told = [segment(-1, 1, 4), segment(7, 9, 6), segment(8, 9, 5), segment(-2, 0, 5)]
    told += [segment(3, 3, 5), segment(5, 4, 5)]
    assert stages(told) == [(0, 1, "light"), (7, 8, "rem")]


def test_where_stages_overlap_the_one_that_says_more_wins() -> None:
    told = [segment(0, 8, 2), segment(1, 4, 4), segment(2, 3, 5), segment(3.5, 3.75, 3)]
    assert stages(told) == [
        (0, 1, "sleeping"),
        (1, 2, "light"),
        (2, 3, "deep"),
        (3, 3.5, "light"),
        (3.5, 3.75, "out_of_bed"),
        (3.75, 4, "light"),
        (4, 8, "sleeping"),
    ]


@pytest.mark.parametrize(
    ("longer", "shorter", "kept"),
    [
        (3, 4, "out_of_bed"),
        (4, 2, "light"),
        (1, 2, "awake"),
        (2, 0, "sleeping"),
        (6, 0, "rem"),
    ],
)
def test_what_says_more_wins_even_where_it_is_longer(longer: int, shorter: int, kept: str) -> None:
    assert stages([segment(0, 4, longer), segment(1, 2, shorter)]) == [(0, 4, kept)]


def test_what_can_not_be_read_costs_no_stage() -> None:
    bad = [None, {}, segment(1, 2, None), segment(1, 2, "deep"), segment(1, 2, 5, "com.other")]
    bad.append({**segment(1, 2, 5), "startTimeNanos": "never"})
    assert stages([*bad, segment(2, 3, 6)]) == [(2, 3, "rem")]


def test_of_several_apps_the_sessions_own_is_believed() -> None:
    own = f"raw:{MODERN}:jp.example.nap:Example:Band 2:9:"
    others = f"raw:{MODERN}:jp.example.other:x"
    told = [segment(0, 8, 1, origin=others), segment(1, 2, 5, origin=own)]
    assert stages(told) == [(1, 2, "deep")]
    assert stages(told[:1]) == [(0, 8, "awake")]
    device = {"manufacturer": "Example", "model": "Band 2"}
    night = slept(session(), told)
    assert orjson.loads(night.origin) == {"app": "jp.example.nap", "device": device}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"activityType": 8}, ("invalid", "/activityType")),
        ({"activityType": None}, ("invalid", "/activityType")),
        ({"startTimeMillis": "x"}, ("invalid", "/startTimeMillis")),
        ({"startTimeMillis": None}, ("invalid", "/startTimeMillis")),
        ({"endTimeMillis": str(SEVEN * 1000 - 1)}, ("end_before_start", "/endTimeMillis")),
        ({"endTimeMillis": "1"}, ("time_out_of_window", "/endTimeMillis")),
        ({"endTimeMillis": "9" * 20}, ("time_out_of_window", "/endTimeMillis")),
        (
            {"startTimeMillis": "1799999999999", "endTimeMillis": "1799999999999"},
            ("time_out_of_window", "/startTimeMillis"),
        ),
    ],
)
def test_a_session_that_is_no_night_says_why(changes: Json, refusal: tuple[str, str]) -> None:
    found = read_session(session(**changes), [], APP, NOW)
    assert isinstance(found, RecordRejected)
    assert (found.code, found.pointer) == refusal


@pytest.mark.parametrize("name", [None, "", "x" * 300, "夜 1", 5])
def test_a_session_keeps_its_identity_while_its_stages_come_in(name: object) -> None:
    given = session(id=name, application=None, activityType="72")
    early, late = slept(given, []), slept(given, [segment(1, 2, 5)])
    assert identity(early) == identity(late)
    assert early.client_id is not None
    assert len(early.client_id) <= 128
    assert orjson.loads(early.origin) == {"app": APP}


def test_a_long_or_odd_title_costs_no_night() -> None:
    night = slept(session(name="a\nb\ud800" + "c" * 300, description="x" * 3000), [])
    assert content(night)["title"] == "a b " + "c" * 196
    assert len(content(night)["notes"]) == 2000


spans = st.builds(
    lambda start, length, stage, offset: Segment(start, start + length, stage, offset, offset),
    st.integers(-3, 20),
    st.integers(-1, 12),
    st.sampled_from(["awake", "sleeping", "out_of_bed", "deep", "unknown"]),
    st.none() | st.just(540),
)
EPOCH = SEVEN * 10**6


@settings(max_examples=50)
@given(st.lists(spans, max_size=8), st.data())
def test_stages_cover_what_was_told_once_in_any_order(
    told: list[Segment], data: st.DataObject
) -> None:
    placed = [each._replace(start=each.start + EPOCH, end=each.end + EPOCH) for each in told]
    found = to_stages(placed, EPOCH, EPOCH + 15)
    assert found == to_stages(data.draw(st.permutations(placed)), EPOCH, EPOCH + 15)
    covered = {
        moment for each in told for moment in range(each.start, each.end) if 0 <= moment < 15
    }
    pieces = [(_microsecond(each["start"]), _microsecond(each["end"])) for each in found]
    assert all(last <= first for (_, last), (first, _) in pairwise(pieces))
    assert {moment for first, last in pieces for moment in range(first, last)} == covered


def _microsecond(text: object) -> int:
    seconds, _, fraction = str(text).removesuffix("Z").removesuffix("+09:00").partition(".")
    assert seconds.endswith(":00:00")
    return int(fraction.ljust(6, "0"))


@settings(max_examples=60)
@given(st.sampled_from(sorted(session())), junk)
def test_any_json_has_an_outcome(member: str, anything: object) -> None:
    segments = [anything, {**segment(1, 2, 5), "value": anything}, segment(1, 2, anything)]
    for given_session in (anything, session(**{member: anything})):
        outcome = read_session(given_session, segments, APP, NOW)
        assert isinstance(outcome, Measurement | RecordRejected)
