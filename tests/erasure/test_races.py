"""Leaving while something else is going on: it comes wholly before, or it is refused."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import cast

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from tests.care.sql import run_sql
from tests.erasure.traces import Life, confirm_token, deactivate, list_rows, live, traces
from tests.make import APP_USER, TOKEN_EXCHANGE, Caller, Make
from vitalkeep.erasure.deactivate import delete_rows

ROUNDS = 16
SEEDS = range(5)
"""More of them find more, at two seconds each."""
PHONES, PUSHES = 20, 10


async def at_once(*answers: Awaitable[httpx.Response]) -> list[httpx.Response]:
    """All answers, of requests that are made at the same time."""
    return list(await asyncio.gather(*answers))


def statuses(answers: list[httpx.Response]) -> set[int]:
    """The statuses among the answers."""
    return {answer.status_code for answer in answers}


async def test_deactivations_at_once_are_one_erasure_with_one_certificate(
    make: Make, app: FastAPI
) -> None:
    together = 0
    for _ in range(5):
        person = (await live(make)).person
        tokens = [await confirm_token(person) for _ in range(2)] * 2
        answers = await at_once(*(deactivate(person, token) for token in tokens))
        assert statuses(answers) <= {200, 401}
        done = [answer.json() for answer in answers if answer.status_code == 200]
        together += len(done) > 1
        assert all(each == done[0] for each in done)
        found = await make.client.get(f"/v1/erasures/{done[0]['erasure_id']}")
        assert found.json()["certificate"] == done[0]["certificate"]
        assert await traces(app, [person.id]) == set()
    assert together


async def test_a_push_at_the_same_time_is_acknowledged_before_or_refused(
    make: Make, app: FastAPI
) -> None:
    client = await make.app()
    for turn in range(ROUNDS):
        person = await make.person(client)
        token = await confirm_token(person)
        pushes = [
            person.post("/v1/me/records", {"records": [make.record(), make.record("weight")]})
            for _ in range(4)
        ]
        pushes.insert(turn % 5, deactivate(person, token))
        answers = await at_once(*pushes)
        done = answers.pop(turn % 5)
        assert done.status_code == 200, done.text
        assert statuses(answers) <= {200, 401}
        acknowledged = sum(answer.status_code == 200 for answer in answers)
        deleted = done.json()["certificate"]["statement"]["rows_deleted"]
        assert deleted["records"] == 2 * acknowledged
        assert await traces(app, [person.id]) == set()


async def push_in_a_row(
    make: Make, person: Caller, seed: random.Random, told: Callable[[], None]
) -> list[int]:
    """The statuses of one phone's small pushes, each after the answer to the one before."""
    answers = []
    for _ in range(PUSHES):
        for _ in range(seed.randrange(4)):
            await asyncio.sleep(0)
        answer = await person.post("/v1/me/records", {"records": [make.record()]})
        answers.append(answer.status_code)
        if answer.status_code == 200:
            told()
    return answers


async def test_of_200_pushes_each_is_acknowledged_before_the_end_or_refused_and_none_is_left(
    make: Make, app: FastAPI
) -> None:
    client = await make.app()
    neighbour = (await live(make, client)).person
    before = await list_rows(app, neighbour.id)
    assert all(before.values())
    for number in SEEDS:
        seed, person = random.Random(number), await make.person(client)  # noqa: S311 - no secret
        token, enough = await confirm_token(person), asyncio.Semaphore(0)
        phones = [
            asyncio.create_task(push_in_a_row(make, person, seed, enough.release))
            for _ in range(PHONES)
        ]
        for _ in range(seed.randrange(1, PHONES * PUSHES // 2)):
            await enough.acquire()
        done = await deactivate(person, token)
        assert done.status_code == 200, done.text
        pushed = await asyncio.gather(*phones)
        acknowledged = sum(answers.count(200) for answers in pushed)
        assert 0 < acknowledged < PHONES * PUSHES
        for answers in pushed:
            accepted = answers.count(200)
            assert set(answers[:accepted]) <= {200}, "acknowledged after a refusal"
            assert set(answers[accepted:]) <= {401, 410}
        deleted = done.json()["certificate"]["statement"]["rows_deleted"]
        assert deleted["records"] == acknowledged
        assert await traces(app, [person.id]) == set()
    assert await list_rows(app, neighbour.id) == before


async def test_a_push_that_waits_for_a_deactivation_is_refused(make: Make, app: FastAPI) -> None:
    person = await make.person()
    async with app.state.engine.connect() as connection:
        gate = "UPDATE persons SET state = 'erasing' WHERE person_id = :id"
        await connection.execute(text(gate), {"id": person.id})
        push = asyncio.create_task(person.post("/v1/me/records", {"records": [make.record()]}))
        await asyncio.sleep(0.3)
        assert not push.done()
        await delete_rows(connection, person.id)
        await connection.commit()
    assert (await push).status_code == 401


async def test_consents_and_withdrawals_at_the_same_time_leave_nothing(
    make: Make, app: FastAPI
) -> None:
    client, nurse = await make.app(), await make.staff()
    for _ in range(ROUNDS // 2):
        life = await live(make, client, nurse)
        token = await confirm_token(life.person)
        code = await make.invitation(life.nurse, ["sleep.read"])
        agreed = {"scopes": ["sleep.read"]}
        done, *answers = await at_once(
            deactivate(life.person, token),
            life.person.post(f"/v1/me/invitations/{code}/acceptance", agreed),
            life.person.post(f"/v1/me/consents/{life.consent_ids[0]}/withdrawal", {}),
            life.person.request("PATCH", "/v1/me", json={"time_zone": "UTC"}),
        )
        assert done.status_code == 200
        assert statuses(answers) <= {200, 201, 401}
        assert await traces(app, [life.person.id]) == set()


async def renew(make: Make, life: Life) -> httpx.Response:
    """New tokens for the person's refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": life.refresh_token}
    return await make.client.post("/oauth/token", auth=life.app.auth, data=form)


async def sign_in(make: Make, life: Life) -> httpx.Response:
    """Tokens for whoever has the person's external id now."""
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": APP_USER}
    form["subject_token"] = life.person.external_id
    return await make.client.post("/oauth/token", auth=life.app.auth, data=form)


async def test_tokens_given_at_the_same_time_lead_nowhere(make: Make, app: FastAPI) -> None:
    client, nurse = await make.app(), await make.staff()
    for turn in range(ROUNDS):
        life = await live(make, client, nurse)
        token = await confirm_token(life.person)
        requests = [renew(make, life), sign_in(make, life), sign_in(make, life)]
        requests.insert(turn % 4, deactivate(life.person, token))
        answers = await at_once(*requests)
        assert answers.pop(turn % 4).status_code == 200
        assert statuses(answers) <= {200, 401}
        assert await traces(app, [life.person.id]) == set()
        for answer in answers:
            if answer.status_code == 200:
                given = cast(str, answer.json()["access_token"])
                life.person.token = given
                old = make.claims(given)["sub"] == str(life.person.id)
                assert (await life.person.get("/v1/me")).status_code == (401 if old else 200)


async def test_a_nurses_read_at_the_same_time_leaves_no_event(make: Make, app: FastAPI) -> None:
    client, nurse = await make.app(), await make.staff()
    for turn in range(ROUNDS):
        life = await live(make, client, nurse)
        token = await confirm_token(life.person)
        path = f"/v1/cases/{life.case_id}/records"
        requests = [life.nurse.get(path) for _ in range(3)]
        requests.insert(turn % 4, deactivate(life.person, token))
        answers = await at_once(*requests)
        done = answers.pop(turn % 4)
        assert done.status_code == 200
        assert statuses(answers) <= {200, 404}
        events = done.json()["certificate"]["statement"]["rows_deleted"]["access_events"]
        # A read that found the gate closed may have been entered as denied before the end.
        read = sum(answer.status_code == 200 for answer in answers)
        assert 0 <= events - 2 - 2 * read <= 2 * (len(answers) - read)
        assert await traces(app, life.ids) == set()


async def test_a_read_that_waits_for_a_deactivation_finds_no_case(make: Make, app: FastAPI) -> None:
    life = await live(make)
    async with app.state.engine.connect() as connection:
        gate = "UPDATE persons SET state = 'erasing' WHERE person_id = :id"
        await connection.execute(text(gate), {"id": life.person.id})
        read = asyncio.create_task(life.nurse.get(f"/v1/cases/{life.case_id}/records"))
        await asyncio.sleep(0.3)
        assert not read.done()
        await delete_rows(connection, life.person.id)
        await connection.commit()
    assert (await read).status_code == 404
    rows = "SELECT 1 FROM access_events WHERE person_id = :id"
    assert await run_sql(app, rows, id=life.person.id) == []
