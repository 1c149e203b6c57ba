"""Family watching when one of the two leaves: nothing stays, nothing waits, nothing leads on."""

import asyncio
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import text

from tests.care.test_family import acceptance, pair, watched, watches
from tests.erasure.traces import left, traces
from tests.make import Make

GATE = text("SELECT FROM persons WHERE person_id = :id FOR UPDATE")


async def test_a_relative_who_leaves_is_shown_as_having_closed(make: Make, app: FastAPI) -> None:
    daughter, mother = await pair(make)
    case = (await make.watching(daughter, mother, ["steps.read"], relative_label="花子"))["case"]
    pending = await make.watch(daughter, ["weight.read"])
    await left(daughter)
    assert await traces(app, [daughter.id]) == set()
    (seen,) = await watched(mother)
    assert (seen["state"], seen["closed_by"], seen["scopes"]) == ("closed", "relative", [])
    assert seen["relative"]["label"] == "花子"
    assert (await mother.get(f"/v1/me/invitations/{pending}")).status_code == 404
    # The consents are still the person's to end.
    assert (await mother.post(f"/v1/me/cases/{case['id']}/closure")).status_code == 200
    consents = (await mother.get("/v1/me/consents")).json()["consents"]
    assert {each["purpose"] for each in consents} == {"storage"}


async def test_a_watched_person_who_leaves_leaves_nothing_behind(make: Make, app: FastAPI) -> None:
    daughter, mother = await pair(make)
    case = (await make.watching(daughter, mother, ["steps.read"]))["case"]
    await left(mother)
    assert await traces(app, [mother.id, UUID(case["id"])]) == set()
    assert await watches(daughter) == []
    assert (await daughter.post(f"/v1/cases/{case['id']}/closure")).status_code == 404


async def test_accepting_takes_no_lock_of_the_relatives(make: Make, app: FastAPI) -> None:
    daughter, mother = await pair(make)
    code = await make.watch(daughter, ["steps.read"])
    async with app.state.engine.connect() as connection:
        await connection.execute(GATE, {"id": daughter.id})
        answer = await mother.post(acceptance(code), {"scopes": ["steps.read"]})
        assert answer.status_code == 201
        case_id = answer.json()["case"]["id"]
        assert len(await watches(daughter)) == 1
        assert (await daughter.post(f"/v1/cases/{case_id}/closure")).status_code == 200


async def test_accepting_while_the_relative_leaves_opens_nothing_or_a_case_that_leads_nowhere(
    make: Make, app: FastAPI
) -> None:
    for _ in range(5):
        daughter, mother = await pair(make)
        code = await make.watch(daughter, ["steps.read"])
        back = await make.watch(mother, ["steps.read"])
        agreed = {"scopes": ["steps.read"]}
        token = (await daughter.get("/v1/me/deactivation")).json()["confirm_token"]
        gone, accepted, crossed = await asyncio.gather(
            daughter.post("/v1/me/deactivation", {"confirm_token": token}),
            mother.post(acceptance(code), agreed),
            daughter.post(acceptance(back), agreed),
        )
        assert gone.status_code == 200
        assert accepted.status_code in {201, 404}
        assert crossed.status_code in {201, 401}
        assert {case["state"] for case in await watched(mother)} <= {"closed"}
        assert await traces(app, [daughter.id]) == set()
        assert await watches(mother) == []
