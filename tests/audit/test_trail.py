"""The trail: a read by somebody else and its event are one thing, and only the person sees it."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from fastapi import FastAPI

from tests.care.sql import refusal, run_sql
from tests.make import Caller, Make
from vitalkeep.base import clock


async def entries(person: Caller, **query: object) -> list[dict[str, Any]]:
    """The person's access log."""
    answer = await person.get("/v1/me/access-log", **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


async def test_a_read_leaves_one_entry_for_each_type_with_all_that_the_person_should_know(
    make: Make,
) -> None:
    nurse, person = await make.staff(role="registered_dietitian"), await make.person()
    await person.push(make.record("steps"), make.record("steps"), make.record("weight"))
    accepted = await make.case(nurse, person, ["steps.read", "weight.read", "sleep.read"])
    since, until = clock.now() - timedelta(days=3), clock.now()
    begun = clock.now()
    answer = await nurse.get(
        f"/v1/cases/{accepted['case']['id']}/records",
        **{"from": since.isoformat(), "to": until.isoformat()},
    )
    assert answer.status_code == 200
    consents = {each["scope"]: each["id"] for each in accepted["consents"]}
    log = await entries(person)
    for entry in log:
        at = datetime.fromisoformat(entry.pop("at"))
        assert begun <= at <= clock.now()
        assert datetime.fromisoformat(entry.pop("from")) == since
        assert datetime.fromisoformat(entry.pop("to")) == until
    assert sorted(log, key=lambda entry: str(entry["type"])) == [
        {
            "organization": accepted["case"]["organization"],
            "role": "registered_dietitian",
            "data": "records",
            "type": name,
            "purpose": "guidance",
            "outcome": "given",
            "case_id": accepted["case"]["id"],
            "consent_id": consents[f"{name}.read"],
            "count": count,
        }
        for name, count in (("sleep", 0), ("steps", 2), ("weight", 1))
    ]


async def test_a_read_of_one_type_leaves_one_entry_without_a_period(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    case = (await make.case(nurse, person, ["steps.read", "weight.read"]))["case"]
    await nurse.get(f"/v1/cases/{case['id']}/records", type="weight")
    (entry,) = await entries(person)
    assert (entry["type"], entry["count"]) == ("weight", 0)
    assert not {"from", "to"} & entry.keys()


async def test_a_read_that_cannot_be_written_down_gives_nothing(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await make.person()
    pushed = await person.push(make.record("steps"))
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    name = f"refuses_{secrets.token_hex(4)}"
    # A constraint can't be given a parameter; the id is one that the server made.
    await run_sql(
        app, f"ALTER TABLE access_events ADD CONSTRAINT {name} CHECK (case_id <> '{case_id}')"
    )
    try:
        answer = await nurse.get(f"/v1/cases/{case_id}/records")
    finally:
        await run_sql(app, f"ALTER TABLE access_events DROP CONSTRAINT {name}")
    status, document = refusal(answer)
    assert (status, document["code"]) == (500, "internal_error")
    assert pushed["results"][0]["id"] not in answer.text
    assert "records" not in document
    assert await entries(person) == []
    assert (await nurse.get(f"/v1/cases/{case_id}/records")).status_code == 200
    assert len(await entries(person)) == 1


async def test_malformed_reads_and_ones_own_leave_no_entry(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    await person.push(make.record("steps"))
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    path = f"/v1/cases/{case_id}/records"
    refused = [
        await nurse.get(path, cursor="x"),
        await nurse.get(path, limit=0),
        await person.get(path),
        await make.client.get(path),
    ]
    assert [answer.status_code for answer in refused] == [400, 422, 404, 401]
    assert (await person.get("/v1/me/records")).status_code == 200
    assert await entries(person) == []


async def test_entries_come_newest_first_and_page_by_page_without_a_gap(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read", "weight.read"]))["case"]["id"]
    order = ["steps", "weight", "weight", "steps", "weight"]
    for name in order:
        await nurse.get(f"/v1/cases/{case_id}/records", type=name)
    await nurse.get(f"/v1/cases/{case_id}/records")
    whole = await entries(person)
    assert [entry["type"] for entry in whole[2:]] == order[::-1]
    assert {entry["type"] for entry in whole[:2]} == {"steps", "weight"}
    assert [entry["at"] for entry in whole] == sorted((e["at"] for e in whole), reverse=True)
    paged: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = (await person.get("/v1/me/access-log", **query)).json()
        paged += page["entries"]
        if "next_cursor" not in page:
            break
        query["cursor"] = page["next_cursor"]
    assert paged == whole
    assert len(page["entries"]) == 1


async def test_a_cursor_of_the_log_fits_nobody_elses_and_no_other_list(make: Make) -> None:
    nurse, person, other = await make.staff(), await make.person(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read", "weight.read"]))["case"]["id"]
    await nurse.get(f"/v1/cases/{case_id}/records")
    cursor = (await person.get("/v1/me/access-log", limit=1)).json()["next_cursor"]
    await person.push(make.record(), make.record())
    of_records = (await person.get("/v1/me/records", limit=1)).json()["next_cursor"]
    answers = [
        await other.get("/v1/me/access-log", cursor=cursor),
        await person.get("/v1/me/records", cursor=cursor),
        await person.get("/v1/me/access-log", cursor=of_records),
        await person.get("/v1/me/access-log", cursor="x"),
    ]
    assert [refusal(answer)[1]["code"] for answer in answers] == ["invalid_cursor"] * 4


async def test_each_page_that_is_read_is_written_down(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    await person.push(*(make.record("weight") for _ in range(3)))
    path = f"/v1/cases/{(await make.case(nurse, person, ['weight.read']))['case']['id']}/records"
    first = (await nurse.get(path, limit=2)).json()
    await nurse.get(path, limit=2, cursor=first["next_cursor"])
    assert [entry["count"] for entry in await entries(person)] == [1, 2]


async def test_nobody_sees_the_log_of_somebody_else(make: Make) -> None:
    nurse, person, other = await make.staff(), await make.person(), await make.person()
    for each in (person, other):
        case_id = (await make.case(nurse, each, ["steps.read"]))["case"]["id"]
        await nurse.get(f"/v1/cases/{case_id}/records")
    cases = [(await entries(each))[0]["case_id"] for each in (person, other)]
    assert len(set(cases)) == 2
    assert [len(await entries(each)) for each in (person, other)] == [1, 1]
    assert (await nurse.get("/v1/me/access-log")).status_code == 403
    assert (await make.client.get("/v1/me/access-log")).status_code == 401


async def test_an_entry_does_not_name_the_staff_member_but_the_row_does(
    make: Make, app: FastAPI
) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    await nurse.get(f"/v1/cases/{case_id}/records")
    (row,) = await run_sql(
        app, "SELECT staff_id FROM access_events WHERE person_id = :id", id=person.id
    )
    assert row.staff_id == nurse.id
    assert str(nurse.id) not in str(await entries(person))


async def test_no_event_holds_a_value(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await make.person()
    await person.push(make.record("weight", kilograms=67.89125))
    case = await make.case(nurse, person, ["weight.read"], label="さくら")
    path = f"/v1/cases/{case['case']['id']}/records"
    assert "67.89125" in (await nurse.get(path)).text
    (row,) = await run_sql(
        app, "SELECT to_jsonb(e)::text FROM access_events e WHERE person_id = :id", id=person.id
    )
    columns = await run_sql(
        app,
        "SELECT data_type FROM information_schema.columns WHERE table_name = 'access_events'",
    )
    assert "67.89" not in row[0]
    assert "さくら" not in row[0]
    kinds = {"uuid", "timestamp with time zone", "integer", "smallint", "text"}
    assert {column.data_type for column in columns} == kinds
