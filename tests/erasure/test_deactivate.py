"""Leaving: everything of the person goes, in one transaction, and nothing of anybody else."""

import secrets
from collections import defaultdict
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from tests.authorization.cells import CELLS
from tests.authorization.town import ACTORS
from tests.care.sql import refusal, run_sql
from tests.erasure.traces import Life, confirm_token, deactivate, left, list_rows, live, traces
from tests.make import Make
from vitalkeep.base.db import tables_of_a_person
from vitalkeep.erasure.deactivate import ErasureIncomplete
from vitalkeep.erasure.journal import finish_begun
from vitalkeep.persons.tokens import AccessClaims, issue


async def refresh(make: Make, life: Life) -> int:
    """The status that the person's refresh token gets."""
    form = {"grant_type": "refresh_token", "refresh_token": life.refresh_token}
    return (await make.client.post("/oauth/token", auth=life.app.auth, data=form)).status_code


async def test_nothing_of_the_person_is_left_in_any_column_of_any_table(
    make: Make, app: FastAPI
) -> None:
    life = await live(make)
    assert len(await traces(app, life.ids)) >= len(tables_of_a_person())
    await left(life.person)
    assert await traces(app, life.ids, life.person.external_id) == set()


async def test_the_certificate_counts_exactly_the_rows_there_were(make: Make, app: FastAPI) -> None:
    life = await live(make)
    before = {table: len(rows) for table, rows in (await list_rows(app, life.person.id)).items()}
    assert all(before.values()), "a table of a person is not filled by this test"
    statement = (await left(life.person))["certificate"]["statement"]
    assert statement["rows_deleted"] == before
    assert statement["rows_left"] == 0


async def test_not_a_byte_of_anybody_else_changes(make: Make, app: FastAPI) -> None:
    life = await live(make)
    neighbour = await live(make, app=life.app, nurse=life.nurse)
    before = await list_rows(app, neighbour.person.id)
    assert all(before.values())
    await left(life.person)
    assert await list_rows(app, neighbour.person.id) == before
    records = (await neighbour.person.get("/v1/me/records")).json()["records"]
    assert {UUID(record["id"]) for record in records} == set(neighbour.record_ids)
    assert await refresh(make, neighbour) == 200


async def test_every_old_token_is_refused_from_then_on(make: Make) -> None:
    life = await live(make)
    second = (await make.sign_in(life.app, life.person.external_id))["access_token"]
    first = life.person.token
    await left(life.person)
    for token in (first, second):
        life.person.token = token
        answers = [
            await life.person.get("/v1/me"),
            await life.person.get("/v1/me/records"),
            await life.person.get("/v1/me/deactivation"),
            await life.person.post("/v1/me/records", {"records": [make.record()]}),
        ]
        assert [refusal(answer)[0] for answer in answers] == [401] * 4
    assert await refresh(make, life) == 401


async def test_no_old_token_opens_any_route_of_a_person(make: Make) -> None:
    life = await live(make)
    again = await make.sign_in(life.app, life.person.external_id)
    other, state = await make.app(), make.fastapi.state
    elsewhere = await make.sign_in(other, life.person.external_id)
    there = AccessClaims(life.person.id, other.id, "person", 0)
    await left(life.person)
    routes = [route for route, rows in CELLS.items() if is_a_persons(rows[0].split())]
    assert len(routes) > 30
    old = [life.person.token, again["access_token"], again["refresh_token"], life.refresh_token]
    old.append(issue(state.keyring, state.settings, there))
    headers = [{"Authorization": f"Bearer {token}"} for token in (*old, "")]
    opened = []
    for route in routes:
        method, _, path = route.partition(" ")
        named = path.format_map(IDS)
        for each in (*headers, {}, {"Cookie": f"access_token={life.person.token}"}):
            answer = await make.client.request(method, named, headers=each)
            if answer.status_code != 401:
                opened.append((route, answer.status_code))
    assert opened == []
    assert await refresh(make, life) == 401
    # In another app whoever is called so is another person, who has not left.
    life.person.token = elsewhere["access_token"]
    assert (await life.person.get("/v1/me")).status_code == 200


def is_a_persons(cells: list[str]) -> bool:
    """Whether a person gets further on the route than nobody and than who has left."""
    nobody, person, gone = (cells[ACTORS.index(name)] for name in ("anonymous", "person", "erased"))
    return person not in ("401", "403") and nobody == gone == "401"


IDS: defaultdict[str, object] = defaultdict(uuid4, dialect="health-connect")


async def test_the_nurses_case_is_gone(make: Make) -> None:
    life = await live(make)
    await left(life.person)
    assert (await life.nurse.get("/v1/cases")).json() == {"cases": []}
    for path in (f"/v1/cases/{life.case_id}", f"/v1/cases/{life.case_id}/records"):
        assert (await life.nurse.get(path)).status_code == 404


async def test_who_signs_in_again_is_somebody_new_and_empty(make: Make) -> None:
    life = await live(make)
    await left(life.person)
    token = (await make.sign_in(life.app, life.person.external_id))["access_token"]
    assert UUID(make.claims(token)["sub"]) != life.person.id
    life.person.token = token
    for path, key in (
        ("/v1/me/records", "records"),
        ("/v1/me/changes", "changes"),
        ("/v1/me/consents?state=all", "consents"),
        ("/v1/me/consent-events", "events"),
        ("/v1/me/cases", "cases"),
        ("/v1/me/access-log", "entries"),
    ):
        assert (await life.person.get(path)).json()[key] == []
    assert await life.person.statuses(make.record()) == ["consent_missing"]


async def test_a_second_deactivation_is_not_signed_in_and_does_not_touch_the_newcomer(
    make: Make,
) -> None:
    life = await live(make)
    token = await confirm_token(life.person)
    assert (await deactivate(life.person, token)).status_code == 200
    assert refusal(await deactivate(life.person, token))[0] == 401
    life.person.token = (await make.sign_in(life.app, life.person.external_id))["access_token"]
    assert refusal(await deactivate(life.person, token))[1]["code"] == "confirm_token_invalid"
    assert (await life.person.get("/v1/me")).status_code == 200


async def test_a_row_that_would_stay_keeps_the_rest_behind_a_closed_gate_until_it_goes(
    make: Make, app: FastAPI
) -> None:
    life = await live(make)
    before = await list_rows(app, life.person.id)
    name = f"put_back_{secrets.token_hex(4)}"
    await run_sql(
        app,
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608
        "INSERT INTO sign_ins (digest, person_id) VALUES (OLD.digest, OLD.person_id); "
        "RETURN NULL; END $$",
    )
    await run_sql(
        app,
        f"CREATE TRIGGER {name} AFTER DELETE ON sign_ins FOR EACH ROW "
        f"WHEN (OLD.person_id = '{life.person.id}') EXECUTE FUNCTION {name}()",
    )
    preview = (await life.person.get("/v1/me/deactivation")).json()
    state = app.state
    try:
        answer = await deactivate(life.person, preview["confirm_token"])
        with pytest.raises(ErasureIncomplete, match="sign_ins"):
            await finish_begun(state.engine, state.keyring, state.settings)
    finally:
        await run_sql(app, f"DROP FUNCTION {name} CASCADE")
    assert refusal(answer)[1]["code"] == "internal_error"
    assert "certificate" not in answer.text
    del before["persons"]
    after = await list_rows(app, life.person.id)
    assert len(after.pop("persons")) == 1
    assert after == before
    assert (await life.person.get("/v1/me")).status_code == 401
    path = f"/v1/erasures/{preview['erasure_id']}"
    begun = (await make.client.get(path)).json()
    assert begun.keys() == {"erasure_id", "stage", "route", "requested_at"}
    assert begun["stage"] == "erasing"
    assert await finish_begun(state.engine, state.keyring, state.settings) == 1
    assert (await make.client.get(path)).json()["stage"] == "erased"
    assert await traces(app, life.ids) == set()
