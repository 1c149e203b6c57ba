"""A read and a withdrawal at the same time: one comes wholly before the other."""

import asyncio

from fastapi import FastAPI
from sqlalchemy import text

from tests.make import Make

WITHDRAW = text(
    "UPDATE consents SET state = 'withdrawn' WHERE person_id = :id AND purpose = 'guidance'"
)
GATE = text("SELECT FROM persons WHERE person_id = :id FOR UPDATE")


async def test_a_read_that_meets_a_withdrawal_waits_for_it_and_is_refused(
    make: Make, app: FastAPI
) -> None:
    nurse, person = await make.staff(), await make.person()
    await person.push(make.record())
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    async with app.state.engine.connect() as connection:
        await connection.execute(GATE, {"id": person.id})
        await connection.execute(WITHDRAW, {"id": person.id})
        read = asyncio.create_task(nurse.get(f"/v1/cases/{case_id}/records"))
        await asyncio.sleep(0.3)
        assert not read.done()
        await connection.commit()
    answer = await read
    assert answer.status_code == 404
    (entry,) = (await person.get("/v1/me/access-log")).json()["entries"]
    assert (entry["outcome"], entry["reason"]) == ("denied", "no_consent")


async def test_what_is_pushed_after_a_withdrawals_answer_is_in_no_read(make: Make) -> None:
    nurse = await make.staff()
    for _ in range(5):
        person = await make.person()
        await person.push(make.record())
        case = await make.case(nurse, person, ["steps.read"])
        path = f"/v1/cases/{case['case']['id']}/records"
        reads = [asyncio.create_task(nurse.get(path)) for _ in range(3)]
        consent = case["consents"][0]["id"]
        withdrawal = await person.post(f"/v1/me/consents/{consent}/withdrawal", {})
        assert withdrawal.status_code == 200
        later = (await person.push(make.record()))["results"][0]["id"]
        for answer in await asyncio.gather(*reads):
            assert answer.status_code in {200, 404}
            assert later not in answer.text
        assert (await nurse.get(path)).status_code == 404


async def test_reads_and_pushes_at_once_all_succeed(make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    answers = await asyncio.gather(
        *(nurse.get(f"/v1/cases/{case_id}/records") for _ in range(10)),
        *(person.post("/v1/me/records", {"records": [make.record()]}) for _ in range(10)),
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len((await person.get("/v1/me/access-log")).json()["entries"]) == 10
