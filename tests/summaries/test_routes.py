"""The routes: what they ask for, what they refuse, and in which order they answer."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.care.sql import run_sql
from tests.erasure.traces import left
from tests.make import Make
from tests.records.stored import get_json, problem_code
from tests.summaries.days import list_days, local, steps, view_of
from tests.test_openapi import require_answer, require_valid
from vitalkeep.base import clock
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.records.query import Window
from vitalkeep.summaries.compute import compute_days

Json = dict[str, Any]


async def test_days_come_by_date_and_the_name_of_the_type(make: Make) -> None:
    person = await make.person()
    await person.push(
        steps(local(2, 8), local(2, 9), 1),
        make.record("weight", time=local(1, 8)),
        make.record("blood_glucose", time=local(2, 8)),
        steps(local(1, 8), local(1, 9), 1),
    )
    told = await list_days(person, "2024-05-01", "2024-05-02")
    assert [(day["date"], day["type"]) for day in told] == [
        ("2024-05-01", "steps"),
        ("2024-05-01", "weight"),
        ("2024-05-02", "blood_glucose"),
        ("2024-05-02", "steps"),
    ]
    both = await list_days(person, "2024-05-02", "2024-05-02", type=["steps", "weight"])
    assert both == [told[3]]


async def test_every_type_s_days_are_as_described(make: Make, app: FastAPI) -> None:
    person = await make.person()
    await person.push(*(make.record(name) for name in BY_NAME))
    answer = await get_json(person, "/v1/me/days")
    assert {day["type"] for day in answer["days"]} == set(BY_NAME)
    require_answer(app.openapi(), "GET /v1/me/days", 200, answer)
    page = app.openapi()["components"]["schemas"]["DayPage"]
    require_valid(app.openapi(), page, page["example"])


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Midway"])
async def test_without_dates_the_last_30_days_of_the_person_s_zone_are_told(
    make: Make, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    person, now = await make.person(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    await person.request("PATCH", "/v1/me", json={"time_zone": zone})
    today = now.astimezone(ZoneInfo(zone)).date()
    dates = [today - timedelta(days=ago) for ago in (30, 29, 1, 0, -1)]
    # In their own offset they were had on these dates, wherever the person is.
    weights = [make.record("weight", time=f"{day}T00:00:00+14:00") for day in dates]
    assert await person.statuses(*weights) == ["created"] * 5
    days = (await get_json(person, "/v1/me/days"))["days"]
    assert [day["date"] for day in days] == [str(day) for day in dates[1:4]]


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2024-05-02", "to": "2024-05-01"},
        {"from": "2023-01-01", "to": "2024-02-05"},
        {"from": "2023-01-01"},
        {"from": "9000-01-01"},
        {"from": "2024-05-01T00:00:00Z"},
        {"from": "2024-02-30"},
        {"from": "1714521600"},
        {"from": "0000-01-01"},
        {"to": "0001-01-01"},
        {"to": "9999-12-31"},
        {"to": "２０２４-05-01"},
        {"to": ""},
        {"type": "pulse"},
        {"since": "2024-05-01"},
    ],
    ids=str,
)
async def test_what_is_no_period_or_type_is_refused(make: Make, query: dict[str, str]) -> None:
    person = await make.person()
    answer = await person.get("/v1/me/days", **query)
    assert problem_code(answer, 422) == "invalid_request"


@pytest.mark.parametrize(
    ("first", "last"),
    [("2023-01-01", "2024-02-04"), ("0002-01-01", "0002-01-02"), ("9998-12-01", "9998-12-31")],
)
async def test_400_days_anywhere_are_answered(make: Make, first: str, last: str) -> None:
    assert await list_days(await make.person(), first, last, type="steps") == []


async def test_days_on_which_nothing_can_lie_are_not_kept(make: Make, app: FastAPI) -> None:
    person = await make.person()
    for first, last in (("1998-12-01", "1999-12-30"), ("8000-01-01", "8000-12-31")):
        assert await list_days(person, first, last) == []
    kept = "SELECT count(*) FROM day_summaries WHERE person_id = :id"
    assert (await run_sql(app, kept, id=person.id))[0][0] == 0


async def test_the_order_of_sources_is_kept_and_answered(make: Make, app: FastAPI) -> None:
    person, path = await make.person(), "/v1/me/source-priority"
    assert await get_json(person, path) == {"sources": []}
    order: dict[str, list[Json]] = {
        "sources": [
            {"app": "jp.example.walk", "device_type": "phone"},
            {"app": "jp.example.歩く"},
            {"device_type": "ring"},
        ]
    }
    for some in (order["sources"], order["sources"][:1], []):
        chosen = {"sources": some}
        answer = await person.request("PUT", path, json=chosen)
        assert (answer.status_code, answer.json()) == (200, chosen)
        require_answer(app.openapi(), f"PUT {path}", 200, answer.json())
        assert await get_json(person, path) == chosen


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sources": None},
        {"sources": [{}]},
        {"sources": [{"app": None}]},
        {"sources": [{"app": ""}]},
        {"sources": [{"app": "a\x00b"}]},
        {"sources": [{"device_type": "toaster"}]},
        {"sources": [{"app": "a", "model": "b"}]},
        {"sources": [{"app": "a"}] * 101},
        {"sources": [], "more": 1},
    ],
    ids=lambda body: str(body)[:40],
)
async def test_what_is_no_order_is_refused_and_changes_nothing(make: Make, body: Json) -> None:
    person, path = await make.person(), "/v1/me/source-priority"
    chosen = {"sources": [{"device_type": "ring"}]}
    await person.request("PUT", path, json=chosen)
    assert problem_code(await person.request("PUT", path, json=body), 422) == "invalid_request"
    assert await get_json(person, path) == chosen


async def test_days_and_order_are_the_person_s_alone(make: Make) -> None:
    nurse, person, other = await make.staff(), await make.person(), await make.person()
    await person.push(steps(local(1, 8), local(1, 9), 700))
    await person.request("PUT", "/v1/me/source-priority", json={"sources": [{"app": "a"}]})
    assert await list_days(other, "2024-05-01", "2024-05-01") == []
    assert await get_json(other, "/v1/me/source-priority") == {"sources": []}
    for path in ("/v1/me/days", "/v1/me/source-priority"):
        assert problem_code(await nurse.get(path), 403) == "forbidden"
        assert problem_code(await make.client.get(path), 401) == "unauthenticated"


async def test_leaving_leaves_no_day_and_no_order(make: Make, app: FastAPI) -> None:
    person = await make.person()
    await person.push(steps(local(1, 8), local(1, 9), 700))
    await list_days(person, "2024-05-01", "2024-05-01")
    await person.request("PUT", "/v1/me/source-priority", json={"sources": [{"app": "a"}]})
    certificate = (await left(person))["certificate"]
    deleted = certificate["statement"]["rows_deleted"]
    assert (deleted["day_summaries"], deleted["source_priorities"]) == (10, 1)
    for table in ("day_summaries", "source_priorities"):
        query = f"SELECT count(*) FROM {table} WHERE person_id = :id"  # noqa: S608
        assert (await run_sql(app, query, id=person.id))[0][0] == 0
    assert problem_code(await person.get("/v1/me/days"), 401) == "unauthenticated"


async def test_for_others_only_records_that_start_in_their_window_count(make: Make) -> None:
    person = await make.person()
    await person.push(*(steps(local(day, 8), local(day, 9), 100 * day) for day in (1, 2, 3)))
    number, view = BY_NAME["steps"].number, await view_of(make, person)
    window = Window(
        number,
        datetime.fromisoformat(local(2, 8)),
        datetime.fromisoformat(local(3, 8)),
    )
    async with make.fastapi.state.engine.begin() as connection:
        await connection.execute(text("SELECT 1"))
        days = await compute_days(connection, view, window, date(2024, 5, 1), date(2024, 5, 3))
    assert {day: orjson.loads(told)["count"] for day, told in days.items()} == {
        date(2024, 5, 2): 200
    }
