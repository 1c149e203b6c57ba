"""Steps and distance: what two sources measured at the same time counts once, midnight divides."""

from itertools import pairwise
from typing import Any

import pytest

from tests.make import Make
from tests.summaries.days import get_day, list_days, local, steps

Json = dict[str, Any]


def counts(days: list[Json]) -> dict[str, int]:
    """The steps of each day."""
    return {day["date"]: day["count"] for day in days}


async def test_a_phone_and_a_watch_of_one_app_are_two_sources_and_count_once(make: Make) -> None:
    person = await make.person()
    await person.push(
        steps(local(1, 8), local(1, 10), 1000, "phone"), steps(local(1, 9), local(1, 11), 3000)
    )
    told = await get_day(person, "2024-05-01")
    assert told["count"] == 3500
    assert [(each["count"], each["counted"]) for each in told["by_source"]] == [
        (3000, 3000),
        (1000, 500),
    ]
    assert told["by_source"][0]["origin"] == {
        "app": "jp.example.walk",
        "device": {"type": "watch"},
    }


async def test_what_a_watch_did_not_measure_is_filled_in_from_the_phone(make: Make) -> None:
    person = await make.person()
    whole_day = steps(local(1), local(2), 2400, "phone")
    await person.push(whole_day, steps(local(1, 6), local(1, 12), 5000))
    assert (await get_day(person, "2024-05-01"))["count"] == 5000 + 1800


async def test_of_one_rank_the_record_that_was_changed_last_counts(make: Make) -> None:
    person = await make.person()
    hour = local(1, 8), local(1, 9)
    await person.push(steps(*hour, 100, client_id="a"))
    await person.push(steps(*hour, 200, client_id="b"))
    assert (await get_day(person, "2024-05-01"))["count"] == 200
    await person.push(steps(*hour, 150, client_id="a"))
    told = await get_day(person, "2024-05-01")
    assert told["count"] == 150
    assert [(each["count"], each["counted"]) for each in told["by_source"]] == [(350, 150)]


async def test_a_record_over_midnight_is_divided_by_time(make: Make) -> None:
    person = await make.person()
    await person.push(steps(local(1, 23), local(2, 2), 900))
    assert counts(await list_days(person, "2024-05-01", "2024-05-02")) == {
        "2024-05-01": 300,
        "2024-05-02": 600,
    }


async def test_a_record_that_ends_at_midnight_is_all_of_its_day(make: Make) -> None:
    person = await make.person()
    await person.push(steps(local(1), local(1, 24), 900))
    assert counts(await list_days(person, "2024-04-30", "2024-05-02")) == {"2024-05-01": 900}


@pytest.mark.parametrize(
    ("start", "end", "day"),
    [
        ("2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00", "2024-03-31"),
        ("2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00", "2024-10-27"),
        ("2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z", "2024-03-31"),
        ("2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z", "2024-10-27"),
    ],
    ids=["23 h", "25 h", "23 h of the zone", "25 h of the zone"],
)
async def test_a_whole_day_on_which_the_clock_changes_is_that_one_day(
    make: Make, start: str, end: str, day: str
) -> None:
    person = await make.person()
    await person.request("PATCH", "/v1/me", json={"time_zone": "Europe/Berlin"})
    await person.push(steps(start, end, 2500))
    assert counts(await list_days(person, "2024-03-25", "2024-04-05")) | counts(
        await list_days(person, "2024-10-20", "2024-10-31")
    ) == {day: 2500}


async def test_each_hour_of_a_day_of_25_counts_for_that_day(make: Make) -> None:
    person = await make.person()
    await person.request("PATCH", "/v1/me", json={"time_zone": "Europe/Berlin"})
    hours = [f"2024-10-{26 + (21 + n) // 24}T{(21 + n) % 24:02}:00:00Z" for n in range(28)]
    await person.push(*(steps(begun, ended, 100) for begun, ended in pairwise(hours)))
    assert counts(await list_days(person, "2024-10-25", "2024-10-29")) == {
        "2024-10-26": 100,
        "2024-10-27": 2500,
        "2024-10-28": 100,
    }


async def test_a_day_that_a_zone_left_out_has_no_steps(make: Make) -> None:
    person = await make.person()
    await person.request("PATCH", "/v1/me", json={"time_zone": "Pacific/Apia"})
    await person.push(steps("2011-12-30T09:00:00Z", "2011-12-30T11:00:00Z", 80))
    assert counts(await list_days(person, "2011-12-25", "2012-01-05")) == {
        "2011-12-29": 40,
        "2011-12-31": 40,
    }


async def test_a_record_of_its_own_offset_stays_on_its_day_wherever_the_person_lives(
    make: Make,
) -> None:
    person = await make.person()
    await person.push(steps(local(1, 22, offset=-8), local(1, 23, offset=-8), 70))
    assert counts(await list_days(person, "2024-04-30", "2024-05-03")) == {"2024-05-01": 70}


async def test_steps_at_one_instant_count_unless_a_better_source_was_running(make: Make) -> None:
    person = await make.person()
    at = local(1, 8, 30)
    await person.push(steps(at, at, 40, "phone"))
    assert (await get_day(person, "2024-05-01"))["count"] == 40
    await person.push(steps(local(1, 8), local(1, 9), 600))
    assert (await get_day(person, "2024-05-01"))["count"] == 600


async def test_midnight_at_the_edge_of_the_world_belongs_to_the_day_it_begins(make: Make) -> None:
    person = await make.person()
    evening = steps(local(1, 23, offset=18), local(2, offset=18), 70)
    midnight = steps(local(2, offset=18), local(2, offset=18), 5, "phone")
    await person.push(evening, midnight)
    assert (await get_day(person, "2024-05-02"))["count"] == 5
    assert (await get_day(person, "2024-05-01"))["count"] == 70


async def test_a_year_long_record_counts_on_each_of_its_days(make: Make) -> None:
    person = await make.person()
    await person.push(steps("2024-01-01T00:00:00+09:00", "2024-12-31T00:00:00+09:00", 36500))
    assert (await get_day(person, "2024-07-07"))["count"] == 100


async def test_distance_is_merged_like_steps_and_told_in_meters(make: Make) -> None:
    person = await make.person()
    record = {**steps(local(1, 8), local(1, 9), 0), "type": "distance", "meters": 1000.1}
    del record["count"]
    phone = {**record, "origin": {"app": "jp.example.walk", "device": {"type": "phone"}}}
    later = {**phone, "start": local(1, 8, 20), "end": local(1, 9, 20), "meters": 100.0}
    await person.push(record, later)
    told = await get_day(person, "2024-05-01", "distance")
    assert told["meters"] == 1033.433333
    assert [(each["meters"], each["counted"]) for each in told["by_source"]] == [
        (1000.1, 1000.1),
        (100.0, 33.333333),
    ]


async def test_rounded_parts_add_up_to_the_rounded_total(make: Make) -> None:
    person = await make.person()
    third = {"end": local(2, 1), "count": 1}
    await person.push(
        *(
            {**steps(local(1, 22), local(2, 1), 1, kind), **third, "start": local(1, hour)}
            for kind, hour in (("watch", 23), ("ring", 22), ("phone", 21))
        )
    )
    for told in await list_days(person, "2024-05-01", "2024-05-02"):
        assert sum(each["counted"] for each in told["by_source"]) == told["count"]
