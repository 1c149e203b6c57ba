"""Days through the door: what the consent covers wholly, from what it covers only, written down."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.care.sql import refusal
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.care.reading_days import covered_days
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.records.query import FAR_AHEAD, FOREVER_AGO, Window

TOKYO = ZoneInfo("Asia/Tokyo")


def at_noon(days_ago: int) -> datetime:
    """Noon in Tokyo, some days ago."""
    today = clock.now().astimezone(TOKYO).replace(hour=12, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days_ago)


def steps(make: Make, days_ago: int, count: int) -> dict[str, Any]:
    """Half an hour of steps from noon on."""
    start = at_noon(days_ago)
    end = start + timedelta(minutes=30)
    return make.record("steps", start=start.isoformat(), end=end.isoformat(), count=count)


async def walker(make: Make) -> Caller:
    """A person with steps on each of the five days before today."""
    person = await make.person()
    await person.push(*(steps(make, ago, 1000 + ago) for ago in range(1, 6)))
    return person


async def days_of(nurse: Caller, case: dict[str, Any], **query: object) -> list[dict[str, Any]]:
    answer = await nurse.get(f"/v1/cases/{case.get('case', case)['id']}/days", **query)
    assert answer.status_code == 200, answer.text
    days: list[dict[str, Any]] = answer.json()["days"]
    return days


async def test_the_nurse_reads_the_days_as_the_person_reads_them(make: Make) -> None:
    nurse, person = await make.staff(), await walker(make)
    await person.push(make.record("weight"), make.record("heart_rate"))
    case = await make.case(nurse, person, ["steps.read", "weight.read"])
    own = (await person.get("/v1/me/days", type=["steps", "weight"])).json()["days"]
    assert len(own) == 6
    assert await days_of(nurse, case) == own
    only = await days_of(nurse, case, type="weight")
    assert only == [day for day in own if day["type"] == "weight"]


async def test_the_person_s_order_of_sources_counts_for_the_nurse_too(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    worn = {"app": "jp.example.walk", "device": {"type": "watch"}}
    carried = {"app": "jp.example.walk", "device": {"type": "phone"}}
    first = {**steps(make, 1, 500), "origin": worn}
    await person.push(first, {**first, "client_id": "other", "origin": carried, "count": 700})
    case = await make.case(nurse, person, ["steps.read"])
    order = {"sources": [{"device_type": "phone"}]}
    assert [day["count"] for day in await days_of(nurse, case)] == [500]
    answer = await person.request("PUT", "/v1/me/source-priority", json=order)
    assert answer.status_code == 200
    assert [day["count"] for day in await days_of(nurse, case)] == [700]


async def test_a_day_is_given_where_the_consent_covers_all_of_it(make: Make) -> None:
    nurse, person = await make.staff(), await walker(make)
    case = await make.case(nurse, person, ["weight.read"])
    await make.consents(
        person,
        ["steps.read"],
        recipient={"kind": "organization", "id": str(nurse.organization_id)},
        purpose="guidance",
        data_from=at_noon(4).isoformat(),
        data_until=at_noon(1).isoformat(),
    )
    # Of the days four and one days ago only a half is covered, though all of their steps are on
    # one side or the other.
    assert [day["count"] for day in await days_of(nurse, case, type="steps")] == [1003, 1002]
    (event, *_) = (await person.get("/v1/me/access-log")).json()["entries"]
    assert event["count"] == 2


async def test_what_the_consent_does_not_cover_is_in_no_covered_day(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    midnight = at_noon(2).replace(hour=0)
    across = make.record(
        "steps",
        start=(midnight - timedelta(minutes=30)).isoformat(),
        end=(midnight + timedelta(minutes=30)).isoformat(),
        count=600,
    )
    await person.push(across, steps(make, 2, 100))
    case = await make.case(nurse, person, ["weight.read"])
    await make.consents(
        person,
        ["steps.read"],
        recipient={"kind": "organization", "id": str(nurse.organization_id)},
        purpose="guidance",
        data_from=midnight.isoformat(),
    )
    own = (await person.get("/v1/me/days", type="steps")).json()["days"]
    assert [day["count"] for day in own] == [300, 400]
    assert [day["count"] for day in await days_of(nurse, case, type="steps")] == [100]


async def test_each_look_at_days_is_written_down_with_its_dates(make: Make) -> None:
    nurse, person = await make.staff(), await walker(make)
    case = await make.case(nurse, person, ["steps.read", "weight.read"])
    first, last = at_noon(3).date(), at_noon(2).date()
    dates = {"from": first.isoformat(), "to": last.isoformat()}
    assert len(await days_of(nurse, case, **dates)) == 2
    entries = (await person.get("/v1/me/access-log")).json()["entries"]
    assert {(each["type"], each["data"], each["count"]) for each in entries} == {
        ("steps", "days", 2),
        ("weight", "days", 0),
    }
    period = {(each["from"], each["to"]) for each in entries}
    bounds = [
        datetime(day.year, day.month, day.day, tzinfo=TOKYO).astimezone(UTC)
        for day in (first, last + timedelta(days=1))
    ]
    assert period == {tuple(f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in bounds)}


async def test_days_are_as_shut_as_records(make: Make) -> None:
    nurse, colleague, person = await make.staff(), await make.staff(), await walker(make)
    case = (await make.case(nurse, person, ["steps.read"]))["case"]
    path = f"/v1/cases/{case['id']}/days"
    assert refusal(await colleague.get(path)) == refusal(
        await colleague.get(path.replace("days", "records"))
    )
    assert refusal(await nurse.get(path, type="weight"))[1]["code"] == "consent_missing"
    assert refusal(await person.get(path))[1]["code"] == "not_found"
    for wrong in ({"type": "mood"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"from": "x"}):
        assert refusal(await nurse.get(path, **wrong))[0] == 422


@pytest.mark.parametrize(
    ("name", "since", "until", "covered"),
    [
        ("steps", None, None, [1, 2, 3, 4, 5]),
        ("steps", datetime(2026, 3, 1, 15, tzinfo=UTC), None, [2, 3, 4, 5]),
        ("steps", datetime(2026, 3, 1, 15, 0, 1, tzinfo=UTC), None, [3, 4, 5]),
        ("steps", None, datetime(2026, 3, 3, 15, tzinfo=UTC), [1, 2, 3]),
        ("steps", None, datetime(2026, 3, 3, 14, 59, tzinfo=UTC), [1, 2]),
        ("sleep", datetime(2026, 3, 1, 15, tzinfo=UTC), None, [3, 4, 5]),
        ("sleep", None, datetime(2026, 3, 3, 15, tzinfo=UTC), [1, 2, 3]),
        ("steps", datetime(2026, 4, 1, tzinfo=UTC), None, []),
        ("steps", None, datetime(2026, 2, 1, tzinfo=UTC), []),
    ],
)
def test_a_day_is_covered_from_midnight_to_midnight_and_sleep_from_the_day_before(
    name: str, since: datetime | None, until: datetime | None, covered: list[int]
) -> None:
    window = Window(BY_NAME[name].number, since or FOREVER_AGO, until or FAR_AHEAD)
    found = covered_days(window, date(2026, 3, 1), date(2026, 3, 5), TOKYO)
    assert [day.day for day in found] == covered
