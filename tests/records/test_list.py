from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from tests.make import Caller, Make
from tests.records.stored import delete_as_the_person, get_json, list_all, problem_code
from vitalkeep.base import clock
from vitalkeep.base.db import driver
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.records import query

FIRST = datetime(2024, 5, 1, tzinfo=UTC)
LIST = "/v1/me/records"


def at(hour: float) -> str:
    return (FIRST + timedelta(hours=hour)).isoformat()


async def person_with_days(make: Make) -> Caller:
    """Weights at each full hour from 0 to 5, and steps from each half hour, an hour long."""
    person = await make.person()
    weights = [make.record("weight", time=at(hour), kilograms=50.0 + hour) for hour in range(6)]
    steps = [
        make.record("steps", start=at(hour + 0.5), end=at(hour + 1.5), count=hour)
        for hour in range(6)
    ]
    await person.push(*steps[::-1], *weights)
    return person


def hours(records: list[dict[str, Any]]) -> list[float]:
    moments = [datetime.fromisoformat(each.get("time") or each["start"]) for each in records]
    return [(moment - FIRST) / timedelta(hours=1) for moment in moments]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 11, 12, 13, 1000])
async def test_pages_concatenate_to_the_whole_in_the_order_of_starts(
    make: Make, limit: int
) -> None:
    person = await person_with_days(make)
    records = await list_all(person, limit)
    assert hours(records) == [number / 2 for number in range(12)]


async def test_records_of_one_start_are_paged_without_loss_or_repetition(make: Make) -> None:
    person = await make.person()
    await person.push(*(make.record("weight", time=at(1)) for _ in range(7)))
    await person.push(*(make.record("body_fat", time=at(1)) for _ in range(4)))
    whole = await list_all(person)
    assert len({each["id"] for each in whole}) == 11
    for limit in (1, 2, 4, 10):
        assert await list_all(person, limit) == whole


async def test_the_last_page_has_no_cursor_even_when_it_is_full(make: Make) -> None:
    person = await person_with_days(make)
    assert (await get_json(person, LIST, limit=12)).keys() == {"records"}
    assert (await get_json(person, LIST, limit=11)).keys() == {"records", "next_cursor"}
    assert await get_json(await make.person(), LIST) == {"records": []}


async def test_types_may_repeat_and_none_means_all(make: Make) -> None:
    person = await person_with_days(make)
    assert hours(await list_all(person, type="weight")) == [0, 1, 2, 3, 4, 5]
    both = await list_all(person, 5, type=["weight", "steps", "weight"])
    assert both == await list_all(person)
    assert await list_all(person, type=["sleep"]) == []


async def test_the_period_includes_its_start_and_not_its_end(make: Make) -> None:
    person = await person_with_days(make)
    for since, until, expected in [
        (1, 2, [1, 1.5]),
        (1, 1, []),
        (2, 1, []),
        (4.5, None, [4.5, 5, 5.5]),
        (None, 0.5, [0]),
        (-1, 0, []),
    ]:
        period = {"from": since, "to": until}
        wanted: dict[str, Any] = {
            name: at(hour) for name, hour in period.items() if hour is not None
        }
        assert hours(await list_all(person, 2, **wanted)) == expected


async def test_a_bound_is_an_instant_at_whatever_offset_it_is_told(make: Make) -> None:
    person = await person_with_days(make)
    wanted: dict[str, Any] = {
        "from": "2024-05-01T10:00:00+09:00",
        "to": "2024-05-01T03:00:00.000001Z",
    }
    assert hours(await list_all(person, type="weight", **wanted)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("period", "count"),
    [
        ({"from": "0001-01-01T00:00:00+18:00"}, 12),
        ({"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59-18:00"}, 12),
        ({"to": "0001-01-01T00:00:00+09:00"}, 0),
        ({"from": "9999-12-31T23:59:59-09:00"}, 0),
    ],
)
async def test_bounds_at_the_ends_of_the_calendar_are_bounds(
    make: Make, period: dict[str, str], count: int
) -> None:
    person = await person_with_days(make)
    assert len((await get_json(person, LIST, **period))["records"]) == count


@pytest.mark.parametrize(
    "params",
    [
        {"type": "mood"},
        {"type": ["weight", "mood"]},
        {"type": ""},
        {"limit": 0},
        {"limit": 1001},
        {"limit": -1},
        {"limit": "many"},
        {"from": "2024-05-01"},
        {"from": "2024-05-01T00:00:00"},
        {"to": "yesterday"},
        {"since": "2024-05-01T00:00:00Z"},
        {"Type": "weight"},
        {"offset": 3},
    ],
    ids=str,
)
async def test_a_query_that_is_not_understood_is_refused(
    make: Make, params: dict[str, Any]
) -> None:
    person = await make.person()
    answer = await person.get(LIST, **params)
    assert problem_code(answer, 422) == "invalid_request"
    assert "mood" not in answer.text
    assert answer.json()["errors"]


async def test_a_cursor_that_was_not_handed_out_for_this_list_is_refused(make: Make) -> None:
    person, other = await person_with_days(make), await person_with_days(make)
    cursor = (await get_json(person, LIST, limit=3))["next_cursor"]
    changes = (await get_json(person, "/v1/me/changes", limit=3))["next_cursor"]
    refused = [
        (await get_json(other, LIST, limit=3))["next_cursor"],
        changes,
        cursor[:-1],
        cursor + "A",
        cursor + "=",
        cursor[:10] + "*" + cursor[10:],
        "x",
        "",
        "あ",
    ]
    for place in range(0, len(cursor), 7):
        changed = "B" if cursor[place] == "A" else "A"
        refused.append(cursor[:place] + changed + cursor[place + 1 :])
    for each in refused:
        answer = await person.get(LIST, cursor=each)
        assert problem_code(answer, 400) == "invalid_cursor", each
    assert len((await get_json(person, LIST, cursor=cursor))["records"]) == 9


async def test_a_cursor_goes_on_where_it_stood_though_records_came_before_it(make: Make) -> None:
    person = await person_with_days(make)
    page = await get_json(person, LIST, limit=3)
    await person.push(make.record("weight", time=at(0.25)), make.record("weight", time=at(1.25)))
    rest = await get_json(person, LIST, cursor=page["next_cursor"])
    assert hours(rest["records"])[:3] == [1.25, 1.5, 2]


async def test_one_record_is_answered_by_its_id(make: Make) -> None:
    person = await person_with_days(make)
    for record in await list_all(person):
        assert await get_json(person, f"{LIST}/{record['id']}") == record


async def test_foreign_unknown_and_deleted_records_can_not_be_told_apart(make: Make) -> None:
    app = await make.app()
    person, other = await make.person(app), await make.person(app)
    mine, gone = (
        each["id"] for each in (await person.push(make.record(), make.record("weight")))["results"]
    )
    await delete_as_the_person(make, person, gone)
    documents = []
    for caller, record_id in ((other, mine), (person, uuid4()), (person, gone)):
        answer = await caller.get(f"{LIST}/{record_id}")
        assert problem_code(answer, 404) == "not_found"
        document = answer.json()
        document.pop("instance")
        documents.append(document)
    assert documents[0] == documents[1] == documents[2]
    assert [each["id"] for each in await list_all(person)] == [mine]


async def test_an_id_that_is_none_is_refused(make: Make) -> None:
    person = await make.person()
    answer = await person.get(f"{LIST}/planted-77")
    assert problem_code(answer, 422) == "invalid_request"
    assert "planted-77" not in answer.text


async def test_nobody_lists_without_a_persons_token(make: Make) -> None:
    assert (await make.client.get(LIST)).status_code == 401
    nurse = await make.staff()
    for path in (LIST, f"{LIST}/{uuid4()}", "/v1/me/changes"):
        assert (await nurse.get(path)).status_code == 403


async def test_a_page_reads_of_each_type_what_it_may_have_and_not_all_that_is_left(
    make: Make, app: FastAPI
) -> None:
    person = await make.person()
    start = clock.now() - timedelta(days=9)
    for kind in ("weight", "body_fat"):
        times = ((start + timedelta(minutes=number)).isoformat() for number in range(100))
        await person.push(*(make.record(kind, time=time) for time in times))
    numbers = [BY_NAME[name].number for name in ("weight", "body_fat")]
    ever = [query.FOREVER_AGO] * 2, [query.FAR_AHEAD] * 2
    async with app.state.engine.begin() as connection:
        session = await driver(connection)
        # As in a table that is not as small as this.
        await session.execute("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        explained = await session.fetchval(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + query.PAGE.format(""),
            *(person.id, numbers, *ever, query.FOREVER_AGO, query.NO_ID, 11, *ever),
        )
    (scan,) = list_scans(explained[0]["Plan"])
    assert scan["Index Name"] == "ix_records_person_id_type_start_time"
    # An incremental sort takes its input in groups of 32.
    assert scan["Actual Rows"] * scan["Actual Loops"] <= 2 * 33


def list_scans(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes of a plan that read records."""
    below = [scan for each in plan.get("Plans", []) for scan in list_scans(each)]
    return [*([plan] if plan.get("Relation Name") == "records" else []), *below]
