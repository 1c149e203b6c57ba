from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.datatypes.dialects.google import (
    APP,
    FIT_TYPES,
    NOW,
    SCALE,
    SEVEN,
    Json,
    fit,
    junk,
    only,
    real,
    refusals,
    told,
    values,
    whole,
)
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.dialects.google_fit import SUPPORTED, pick_source, read_points
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.records.sealed import identity

EMPTY: Json = {"mapVal": []}


def test_every_type_of_fit_is_supported() -> None:
    assert {*FIT_TYPES, "sleep"} == SUPPORTED
    for name, theirs in FIT_TYPES.items():
        google_fit = BY_NAME[name].google_fit
        assert google_fit is not None
        assert google_fit.data_type == theirs


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("steps", [whole(2310)], {"count": 2310}),
        ("steps", [whole("2310")], {"count": 2310}),
        ("steps", [real(2310.0)], {"count": 2310}),
        (
            "steps",
            [real(2309.5)],
            {"count": 2310, "original": {"value": 2309.5, "unit": "{steps}"}},
        ),
        ("distance", [real(1650.5)], {"meters": 1650.5}),
        ("weight", [real(72.0999984741211)], {"kilograms": 72.1}),
        ("weight", [real("72.0999984741211")], {"kilograms": 72.1}),
        ("weight", [real("72.099998474121094")], {"kilograms": 72.1}),
        ("weight", [real(72)], {"kilograms": 72.0}),
        ("weight", [real(68.4)], {"kilograms": 68.4}),
        ("body_fat", [real(22.799999237060547)], {"percent": 22.8}),
        (
            "blood_pressure",
            [real(128.0), real(82.0), whole(2), whole(3)],
            {
                "systolic_mmhg": 128.0,
                "diastolic_mmhg": 82.0,
                "body_position": "sitting_down",
                "measurement_location": "left_upper_arm",
            },
        ),
        (
            "blood_pressure",
            [real(128.0), real(82.0), EMPTY, {}],
            {"systolic_mmhg": 128.0, "diastolic_mmhg": 82.0},
        ),
        (
            "blood_pressure",
            [real(128.0), real(82.0), real(2.5), whole(9)],
            {
                "systolic_mmhg": 128.0,
                "diastolic_mmhg": 82.0,
                "body_position": "unknown",
                "measurement_location": "unknown",
            },
        ),
        (
            "blood_pressure",
            [real(210), real(181)],
            {"systolic_mmhg": 210.0, "diastolic_mmhg": 181.0},
        ),
        ("blood_glucose", [real(5.5)], {"millimoles_per_liter": 5.5}),
        # A meal's number means different things in two of Google's tables.
        (
            "blood_glucose",
            [real(6.099999904632568), whole(2), whole(1), whole(3), whole(2)],
            {
                "millimoles_per_liter": 6.1,
                "relation_to_meal": "fasting",
                "meal_type": "unknown",
                "specimen_source": "capillary_blood",
            },
        ),
        (
            "body_temperature",
            [real(36.599998474121094), whole(1)],
            {"celsius": 36.6, "measurement_location": "armpit"},
        ),
        (
            "oxygen_saturation",
            [real(96.5), real(2.0), whole(1), whole(1), whole(1)],
            {"percent": 96.5},
        ),
    ],
)
def test_values_are_read_by_their_place(name: str, sent: list[Json], stored: Json) -> None:
    record = only(read_points(name, [fit(name, *sent, lasts=60)], APP, NOW))
    assert values(record) == stored
    assert record.type.name == name


@pytest.mark.parametrize(
    ("point", "refusal"),
    [
        (None, ("invalid", "")),
        (fit("steps", whole(3)), ("invalid", "/dataTypeName")),
        (fit("weight"), ("invalid", "/value/0")),
        (fit("weight", EMPTY), ("invalid", "/value/0")),
        (fit("weight", real("heavy")), ("invalid", "/value/0/fpVal")),
        (fit("weight", real(True)), ("invalid", "/value/0/fpVal")),
        (fit("weight", real(1001)), ("out_of_range", "/value/0/fpVal")),
        (fit("weight", whole(-1)), ("out_of_range", "/value/0/intVal")),
        (fit("weight", real(float("nan"))), ("out_of_range", "/value/0/fpVal")),
        (fit("weight", real("1e999")), ("out_of_range", "/value/0/fpVal")),
        ({**fit("weight", real(70)), "endTimeNanos": "soon"}, ("invalid", "/endTimeNanos")),
        ({**fit("weight", real(70)), "endTimeNanos": 1.5}, ("invalid", "/endTimeNanos")),
        ({**fit("weight", real(70)), "endTimeNanos": "0"}, ("time_out_of_window", "/endTimeNanos")),
        (
            {**fit("weight", real(70)), "endTimeNanos": "9" * 20},
            ("time_out_of_window", "/endTimeNanos"),
        ),
        (fit("weight", real(70), at=3 * 86400), ("time_out_of_window", "/endTimeNanos")),
    ],
)
def test_a_bad_point_says_where_and_costs_no_other(point: object, refusal: tuple[str, str]) -> None:
    good = fit("weight", real(70.5), at=60)
    outcomes = read_points("weight", [point, good], APP, NOW)
    assert refusals(outcomes) == [refusal]
    assert values(only(outcomes[:1])) == {"kilograms": 70.5}


def test_an_interval_that_ends_before_it_starts_is_told_at_its_end() -> None:
    point = fit("steps", whole(12), lasts=-1)
    assert refusals(read_points("steps", [point], APP, NOW)) == [
        ("end_before_start", "/endTimeNanos")
    ]


def test_nanoseconds_are_read_exactly_and_cut_off_below_the_microsecond() -> None:
    point = fit("steps", whole(12))
    point["startTimeNanos"], point["endTimeNanos"] = "1795129200123456999", "1795129260999999999"
    record = only(read_points("steps", [point], APP, NOW))
    assert (record.start_us, record.end_us) == (1795129200123456, 1795129260999999)
    assert record.start_offset is None


def test_an_instant_is_the_end_of_its_point() -> None:
    record = only(read_points("weight", [fit("weight", real(70), lasts=5)], APP, NOW))
    assert record.start == record.end == datetime.fromtimestamp(SEVEN + 5, UTC)


def test_a_point_keeps_its_identity_when_its_value_changes() -> None:
    old, new = (
        only(read_points("weight", [fit("weight", real(kg), origin=SCALE)], APP, NOW))
        for kg in (70, 71)
    )
    assert identity(old) == identity(new)
    assert old.content != new.content


def test_points_of_other_times_apps_and_devices_have_other_identities() -> None:
    origins = ["", SCALE, SCALE.replace("S1", "S2"), SCALE.replace("jp.example.scale", "a.b")]
    points = [fit("steps", whole(5), at=at, origin=each) for each in origins for at in (0, 1)]
    points += [fit("steps", whole(5), lasts=1), fit("steps", whole(5), at=-1, lasts=1)]
    records = read_points("steps", points, APP, NOW)
    assert len({identity(each) for each in records if isinstance(each, Measurement)}) == 10


long_texts = st.text("é:あ.<-a1", min_size=1, max_size=300)


@settings(max_examples=50)
@given(stream=long_texts, at=st.integers(0, 10**9))
def test_an_identity_is_short_and_stable_whatever_the_stream(stream: str, at: int) -> None:
    point = fit("steps", whole(5), origin=stream)
    point["endTimeNanos"] = str(int(point["endTimeNanos"]) + at)
    first, again = (only(read_points("steps", [point], APP, NOW)) for _ in range(2))
    assert first == again
    assert first.client_id is not None
    assert len(first.client_id) <= 128


@settings(max_examples=50)
@given(st.data())
def test_the_order_of_points_and_their_repetition_do_not_show(data: st.DataObject) -> None:
    points = [
        fit("steps", whole(count), at=at, lasts=30, origin=origin)
        for count, at, origin in data.draw(
            st.lists(
                st.tuples(st.integers(-1, 4), st.integers(0, 3), st.sampled_from(["", SCALE])),
                max_size=8,
            )
        )
    ]
    shuffled = data.draw(st.permutations(points))
    assert told(read_points("steps", shuffled, APP, NOW)) == told(
        read_points("steps", points, APP, NOW)
    )
    again = read_points("steps", points + points, APP, NOW)
    assert told(again)[0] == told(read_points("steps", points, APP, NOW))[0]


members = ["startTimeNanos", "endTimeNanos", "dataTypeName", "value", "originDataSourceId"]


@settings(max_examples=80)
@given(name=st.sampled_from(sorted(FIT_TYPES)), member=st.sampled_from(members), anything=junk)
def test_any_json_has_an_outcome(name: str, member: str, anything: object) -> None:
    good = fit(name, real(90), real(90), whole(1), whole(1), whole(1))
    points = [{**good, member: anything}, {**good, "value": [{"fpVal": anything}]}, anything]
    outcomes = read_points(name, points, APP, NOW)
    assert outcomes
    assert all(isinstance(each, Measurement | RecordRejected) for each in outcomes)
    pick_source(name, [anything, {"dataStreamId": anything}, {"dataType": anything}])


def test_sleep_is_not_read_by_point() -> None:
    with pytest.raises(ValueError, match="read_session"):
        read_points("sleep", [], APP, NOW)
