"""Provision records: one a recipient, day and purpose, of what was given."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi import FastAPI

from tests.care.sql import refusal, run_sql
from tests.make import Caller, Make

PATH = "/v1/me/provision-records"


async def records(person: Caller, **query: object) -> list[dict[str, Any]]:
    answer = await person.get(PATH, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["provision_records"]
    return found


async def move(app: FastAPI, person: Caller, at: datetime) -> None:
    """Has all looks so far happened at this moment, if they have not been moved yet."""
    await run_sql(
        app,
        "UPDATE access_events SET at = :at WHERE person_id = :id AND at > '2026-11-01'",
        at=at,
        id=person.id,
    )


async def test_what_was_given_is_rolled_up_and_what_was_not_is_left_out(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    await person.push(make.record("steps"), make.record("steps"), make.record("weight"))
    accepted = await make.case(nurse, person, ["steps.read", "weight.read", "sleep.read"])
    path = f"/v1/cases/{accepted['case']['id']}/records"
    for _ in range(2):
        assert (await nurse.get(path)).status_code == 200
    assert (await nurse.get(path, type="blood_glucose")).status_code == 403
    (record,) = whole = await records(person)
    day = {"from": record["date"], "to": record["date"]}
    assert await records(person, **day) == whole
    consents = {each["scope"]: each["id"] for each in accepted["consents"]}
    del record["date"]
    assert sorted(record.pop("consent_ids")) == sorted(
        [consents["steps.read"], consents["weight.read"]]
    )
    assert record == {
        "recipient": {**accepted["case"]["organization"], "kind": "guidance_provider"},
        "types": ["steps", "weight"],
        "purpose": "guidance",
        "count": 6,
    }


async def test_a_day_is_the_person_s_own_and_a_page_goes_on_where_the_last_ended(
    make: Make, app: FastAPI
) -> None:
    nurse, other, person = await make.staff(), await make.staff(), await make.person()
    await person.push(make.record("steps"))
    paths = {}
    for staff in (nurse, other):
        case = (await make.case(staff, person, ["steps.read"]))["case"]
        paths[staff.id] = f"/v1/cases/{case['id']}/records"
    # 23:30 and 00:30 in Tokyo.
    for staff, at in (
        (nurse, datetime(2026, 10, 1, 14, 30, tzinfo=UTC)),
        (nurse, datetime(2026, 10, 1, 15, 30, tzinfo=UTC)),
        (other, datetime(2026, 10, 1, 16, 30, tzinfo=UTC)),
    ):
        await staff.get(paths[staff.id])
        await move(app, person, at)
    whole = await records(person)
    assert [each["date"] for each in whole] == ["2026-10-02", "2026-10-02", "2026-10-01"]
    assert await records(person, **{"from": "2026-10-02"}) == whole[:2]
    assert await records(person, to="2026-10-01") == whole[2:]
    paged: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 1}
    while True:
        page = (await person.get(PATH, **query)).json()
        paged += page["provision_records"]
        if "next_cursor" not in page:
            break
        query["cursor"] = page["next_cursor"]
    assert paged == whole


@pytest.mark.parametrize("query", [{"from": "x"}, {"limit": 0}, {"when": "now"}])
async def test_a_wrong_question_is_refused(make: Make, query: dict[str, Any]) -> None:
    assert refusal(await (await make.person()).get(PATH, **query))[0] == 422


async def test_nobody_else_sees_them_and_they_go_with_the_person(make: Make) -> None:
    nurse, person, other = await make.staff(), await make.person(), await make.person()
    await person.push(make.record("steps"), make.record("steps"))
    case = (await make.case(nurse, person, ["steps.read"]))["case"]
    await nurse.get(f"/v1/cases/{case['id']}/records")
    assert len(await records(person)) == 1
    assert await records(other) == []
    assert refusal(await nurse.get(PATH))[1]["code"] == "forbidden"
    assert refusal(await other.get(PATH, cursor="x"))[1]["code"] == "invalid_cursor"
