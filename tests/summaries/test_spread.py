"""What is measured at moments: smallest, largest, mean, last, of all sources together."""

from typing import Any

from tests.make import Make
from tests.summaries.days import get_day, list_days, local
from vitalkeep.datatypes.registry import TYPES

Json = dict[str, Any]


async def test_every_type_told_by_its_spread_has_the_day_s_and_its_unit(make: Make) -> None:
    person = await make.person()
    single = [kind for kind in TYPES if kind.summary == "spread" and kind.name != "blood_pressure"]
    assert len(single) >= 5
    for kind in single:
        field = next(each for each in kind.fields if each.kind == "number")
        pushed = [
            {**make.record(kind.name), "time": local(1, hour), field.name: value}
            for hour, value in ((7, 36.1), (22, 36.8), (12, 37.0))
        ]
        assert await person.statuses(*pushed) == ["created"] * 3
        assert await get_day(person, "2024-05-01", kind.name) == {
            "min": 36.1,
            "max": 37.0,
            "mean": 36.633333,
            "last": 36.8,
            "count": 3,
            "unit": field.unit,
        }


async def test_blood_pressure_has_a_spread_of_each_value(make: Make) -> None:
    person = await make.person()
    readings = ((7, 128, 82), (21, 119, 85))
    await person.push(
        *(
            make.record("blood_pressure", time=local(1, hour), systolic_mmhg=s, diastolic_mmhg=d)
            for hour, s, d in readings
        )
    )
    assert await get_day(person, "2024-05-01", "blood_pressure") == {
        "systolic_mmhg": {"min": 119.0, "max": 128.0, "mean": 123.5, "last": 119.0},
        "diastolic_mmhg": {"min": 82.0, "max": 85.0, "mean": 83.5, "last": 85.0},
        "count": 2,
    }


async def test_a_mean_lies_between_the_smallest_and_the_largest(make: Make) -> None:
    person = await make.person()
    for hour in (7, 8, 9):
        await person.push(
            make.record("blood_glucose", time=local(1, hour), millimoles_per_liter=5.9444444444)
        )
    told = await get_day(person, "2024-05-01", "blood_glucose")
    assert told["min"] == told["mean"] == told["max"] == 5.9444444444


async def test_of_two_at_the_last_moment_the_better_source_s_is_the_last(make: Make) -> None:
    person = await make.person()
    scale, watch = (
        {"app": "jp.example.scale", "device": {"type": kind}} for kind in ("scale", "watch")
    )
    at = local(1, 7)
    await person.push(
        make.record("weight", time=at, kilograms=70.0, origin=watch),
        make.record("weight", time=at, kilograms=71.0, origin=scale),
    )
    assert (await get_day(person, "2024-05-01", "weight"))["last"] == 70.0


async def test_heart_rates_are_told_sample_by_sample_on_the_day_of_each(make: Make) -> None:
    person = await make.person()
    measured = ((1, 23, 50), (1, 24, 70), (2, 0, 72), (2, 1, 79))
    samples = [
        {"time": local(day, hour, number), "beats_per_minute": beats}
        for number, (day, hour, beats) in enumerate(measured)
    ]
    series = {"start": local(1, 22), "end": local(2, 2), "samples": samples}
    await person.push({**make.record("heart_rate"), **series})
    days = await list_days(person, "2024-05-01", "2024-05-02")
    assert [(each["min"], each["max"], each["mean"], each["count"]) for each in days] == [
        (50, 50, 50.0, 1),
        (70, 79, 73.666667, 3),
    ]
    assert "resting" not in days[0]


async def test_samples_of_unknown_offset_follow_their_record(make: Make) -> None:
    person = await make.person()
    samples = [
        {"time": moment, "beats_per_minute": beats}
        for moment, beats in (("2024-05-02T03:00:00Z", 60), ("2024-05-02T08:30:00Z", 80))
    ]
    series = {"start": local(1, 18, offset=-8), "end": local(2, 1, offset=-8), "samples": samples}
    await person.push({**make.record("heart_rate"), **series})
    days = await list_days(person, "2024-05-01", "2024-05-03")
    assert [(each["date"], each["min"]) for each in days] == [
        ("2024-05-01", 60),
        ("2024-05-02", 80),
    ]
