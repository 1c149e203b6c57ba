"""Sleep: on the date of waking, partial sessions of one source folded, time awake taken off."""

from typing import Any

from tests.make import Make
from tests.summaries.days import get_day, list_days, local

Json = dict[str, Any]
RING = {"app": "jp.example.sleep", "device": {"type": "ring"}}
PHONE = {"app": "jp.example.sleep", "device": {"type": "phone"}}
HOUR = 3600


def night(
    start: str, end: str, *stages: tuple[str, str, str], origin: Json = RING, **more: object
) -> Json:
    """A session and its stages."""
    listed = [{"start": begun, "end": ended, "stage": name} for begun, ended, name in stages]
    return {"type": "sleep", "start": start, "end": end, "stages": listed, "origin": origin, **more}


async def test_a_night_belongs_to_the_date_of_waking_by_its_end_s_offset(make: Make) -> None:
    person = await make.person()
    await person.push(night(local(1, 23), local(2, 7)))
    told = await list_days(person, "2024-05-01", "2024-05-02")
    assert told == [
        {
            "date": "2024-05-02",
            "type": "sleep",
            "asleep_s": 8 * HOUR,
            "stages_s": {},
            "start": "2024-05-01T23:00:00+09:00",
            "end": "2024-05-02T07:00:00+09:00",
        }
    ]
    flight = await make.person()
    await flight.push(night("2024-05-01T20:00:00+09:00", "2024-05-01T07:00:00-08:00"))
    assert (await get_day(flight, "2024-05-01", "sleep"))["asleep_s"] == 4 * HOUR


async def test_time_awake_or_out_of_bed_is_not_sleep_and_time_in_no_stage_is(make: Make) -> None:
    person = await make.person()
    cuts = [local(2, hour) for hour in range(9)]
    names = ("awake", "out_of_bed", "awake_in_bed", "light", "deep", "rem", "unknown")
    stages = zip(cuts, cuts[1:], names, strict=False)
    await person.push(night(local(1, 23), local(2, 8), *stages))
    told = await get_day(person, "2024-05-02", "sleep")
    assert told["asleep_s"] == 6 * HOUR
    assert told["stages_s"] == dict.fromkeys(names, HOUR)


async def test_a_night_that_grows_in_overlapping_sessions_is_one_night(make: Make) -> None:
    person = await make.person()
    for until in (1, 4, 7):
        await person.push(
            night(local(1, 22), local(2, until), (local(1, 22), local(2, until), "light"))
        )
    contained = night(local(2, 2), local(2, 3), (local(2, 2), local(2, 3), "deep"))
    await person.push(contained)
    told = await get_day(person, "2024-05-02", "sleep")
    assert told["asleep_s"] == 9 * HOUR
    assert told["stages_s"] == {"deep": HOUR, "light": 8 * HOUR}
    assert told["start"] == local(1, 22)


async def test_sessions_that_nearly_touch_are_one_night_and_a_nap_is_another_sleep(
    make: Make,
) -> None:
    person = await make.person()
    await person.push(
        night(local(1, 21), local(1, 23, 30)),
        night(local(2, 0, 29), local(2, 6)),
        night(local(2, 14), local(2, 15)),
        night(local(2, 20), local(2, 22)),
    )
    days = await list_days(person, "2024-05-01", "2024-05-03")
    assert [day["date"] for day in days] == ["2024-05-02"]
    assert days[0]["asleep_s"] == (2.5 + 5 + 31 / 60 + 1 + 2) * HOUR
    assert (days[0]["start"], days[0]["end"]) == (local(1, 21), local(2, 22))


async def test_an_hour_between_two_sessions_parts_them(make: Make) -> None:
    person = await make.person()
    await person.push(night(local(1, 21), local(1, 23, 30)), night(local(2, 0, 30), local(2, 6)))
    days = await list_days(person, "2024-05-01", "2024-05-03")
    assert [(day["date"], day["asleep_s"]) for day in days] == [
        ("2024-05-01", 2.5 * HOUR),
        ("2024-05-02", 5.5 * HOUR),
    ]


async def test_sessions_without_end_are_folded_no_further_than_a_day(make: Make) -> None:
    person = await make.person()
    await person.push(*(night(local(1, 0, 90 * n), local(1, 1, 90 * n)) for n in range(20)))
    days = await list_days(person, "2024-05-01", "2024-05-03")
    # Only the first would have to reach a session that starts 24 hours after it.
    assert [(day["date"], day["asleep_s"]) for day in days] == [
        ("2024-05-01", HOUR),
        ("2024-05-02", 19 * HOUR),
    ]


async def test_sessions_of_two_sources_are_both_kept_and_their_common_time_counts_once(
    make: Make,
) -> None:
    person = await make.person()
    stage = local(1, 22), local(2, 8), "light"
    await person.push(
        night(local(1, 23), local(2, 7), (local(2, 3), local(2, 4), "awake")),
        night(local(1, 22), local(2, 8), stage, origin=PHONE),
    )
    told = await get_day(person, "2024-05-02", "sleep")
    assert told["asleep_s"] == 9 * HOUR
    assert told["stages_s"] == {"awake": HOUR, "light": 2 * HOUR}
    assert (told["start"], told["end"]) == (local(1, 22), local(2, 8))


async def test_a_session_of_unknown_offset_wakes_in_the_person_s_zone(make: Make) -> None:
    person = await make.person()
    await person.push(night("2024-05-01T08:00:00Z", "2024-05-01T15:30:00Z"))
    told = await get_day(person, "2024-05-02", "sleep")
    assert told["end"] == "2024-05-01T15:30:00Z"


async def test_a_session_of_more_than_two_days_is_a_forgotten_recording(make: Make) -> None:
    person = await make.person()
    await person.push(night(local(1, 22), local(3, 22, 1)), night(local(2, 23), local(3, 7)))
    days = await list_days(person, "2024-05-01", "2024-05-05")
    assert [(day["date"], day["asleep_s"]) for day in days] == [("2024-05-03", 8 * HOUR)]
