"""Which token opens which route, and for how long."""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.make import Caller, Make
from vitalkeep.base import clock

# A relative reads by the routes of staff.
SHARED = re.compile(r"(GET /v1/cases|[A-Z]+ /v1/cases/\{case_id\}(/records|/days|/closure)?)")


def protected_routes(app: FastAPI) -> Iterator[tuple[str, str, set[str]]]:
    """Method, path with its places filled, and the roles of each route that takes a token."""
    for path, operations in app.openapi()["paths"].items():
        if not path.startswith(("/v1/me", "/v1/cases", "/v1/organization")):
            continue
        filled = path.replace("{dialect}", "health-connect").replace("{code}", "a-code")
        while "{" in filled:
            before, _, after = filled.partition("{")
            filled = f"{before}{uuid4()}{after.partition('}')[2]}"
        for method in map(str.upper, operations):
            roles = {"person"} if path.startswith("/v1/me") else {"staff"}
            both = SHARED.fullmatch(f"{method} {path}")
            yield method, filled, {"person", "staff"} if both else roles


async def app_token(client: httpx.AsyncClient, make: Make) -> str:
    app = await make.app()
    form = {"grant_type": "client_credentials"}
    answer = await client.post("/oauth/token", auth=app.auth, data=form)
    return str(answer.json()["access_token"])


def assert_unauthenticated(answer: httpx.Response, code: str = "unauthenticated") -> None:
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (answer.json()["code"], answer.json()["status"]) == (code, 401)


async def test_every_route_is_for_its_roles_and_nobody_else(
    app: FastAPI, client: httpx.AsyncClient, make: Make
) -> None:
    tokens = {
        "app": await app_token(client, make),
        "person": (await make.person(collects=False)).token,
        "staff": (await make.staff()).token,
    }
    routes = list(protected_routes(app))
    assert len(routes) > 15
    assert sum(len(roles) == 2 for _, _, roles in routes) == 5
    for method, path, roles in routes:
        assert_unauthenticated(await client.request(method, path))
        for other in tokens.keys() - roles:
            answer = await Caller(client, uuid4(), tokens[other]).request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
        for role in roles:
            answer = await Caller(client, uuid4(), tokens[role]).request(method, path)
            assert answer.status_code != 401, (method, path)
            assert "takes tokens with the role" not in answer.text, (method, path)


@pytest.mark.parametrize(
    "header",
    [b"", b"Bearer", b"Bearer ", b"Bearer x", b"Bearer a.b.c", b"Basic YTpi", b"Bearer \xff",
     b"Bearer " + b"A" * 9000, b"bearer ..", b"Bearer null"],
    ids=len,
)  # fmt: skip
async def test_what_is_no_token_is_refused(client: httpx.AsyncClient, header: bytes) -> None:
    headers = [(b"Authorization", header)]
    assert_unauthenticated(await client.get("/v1/me", headers=headers))
    assert_unauthenticated(await client.get("/v1/cases", headers=headers))


async def test_a_token_anywhere_but_in_its_header_is_none(make: Make) -> None:
    person = await make.person(collects=False)
    for place in (
        await make.client.get("/v1/me", params={"access_token": person.token}),
        await make.client.get("/v1/me", headers={"Cookie": f"access_token={person.token}"}),
    ):
        assert_unauthenticated(place)


async def test_a_token_lives_fifteen_minutes(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    person, nurse = await make.person(collects=False), await make.staff()
    begun = clock.now()
    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(minutes=14, seconds=30))
    assert (await person.get("/v1/me")).status_code == 200
    assert (await nurse.get("/v1/cases")).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(minutes=15, seconds=1))
    assert_unauthenticated(await person.get("/v1/me"), "token_expired")
    assert_unauthenticated(await nurse.get("/v1/cases"), "token_expired")


@pytest.mark.parametrize("by", [1, -1])
async def test_a_token_of_another_epoch_is_refused(make: Make, by: int) -> None:
    person, nurse = await make.person(collects=False), await make.staff()
    async with make.fastapi.state.engine.begin() as connection:
        for table, column, caller in (
            ("persons", "person_id", person),
            ("staff", "staff_id", nurse),
        ):
            bump = f"UPDATE {table} SET token_epoch = token_epoch + :by WHERE {column} = :id"  # noqa: S608
            await connection.execute(text(bump), {"by": by, "id": caller.id})
    assert_unauthenticated(await person.get("/v1/me"))
    assert_unauthenticated(await nurse.get("/v1/cases"))


async def test_a_suspended_staff_member_is_refused(make: Make) -> None:
    nurse, colleague = await make.staff(), await make.staff()
    suspend = text("UPDATE staff SET state = 'suspended' WHERE staff_id = :id")
    async with make.fastapi.state.engine.begin() as connection:
        await connection.execute(suspend, {"id": nurse.id})
    assert_unauthenticated(await nurse.get("/v1/cases"))
    assert (await colleague.get("/v1/cases")).status_code == 200


async def test_a_person_who_is_leaving_or_gone_is_refused(make: Make) -> None:
    person, gone = await make.person(), await make.person()
    leave = text("UPDATE persons SET state = 'erasing' WHERE person_id = :id")
    delete = text("DELETE FROM persons WHERE person_id = :id")
    async with make.fastapi.state.engine.begin() as connection:
        await connection.execute(leave, {"id": person.id})
        await connection.execute(delete, {"id": gone.id})
        await connection.execute(
            text("DELETE FROM sign_ins WHERE person_id = :id"), {"id": gone.id}
        )
    for caller in (person, gone):
        assert_unauthenticated(await caller.get("/v1/me"))
        assert_unauthenticated(await caller.post("/v1/me/records", {"records": []}))


async def test_no_answer_may_be_kept_by_a_cache(make: Make) -> None:
    person, client = await make.person(), make.client
    app = person.app
    assert app is not None
    credentials = {"grant_type": "client_credentials"}
    answers = [
        await person.get("/v1/me"),
        await person.get("/v1/me/records"),
        await person.post("/v1/me/records", {"records": [make.record()]}),
        await person.post("/v1/me/records", {"records": 1}),
        await person.request("POST", "/v1/me/records", content=b"{"),
        await person.get(f"/v1/me/consents/{uuid4()}"),
        await person.get("/v1/cases/invitations"),
        await person.get("/v1/nowhere"),
        await person.request("PUT", "/v1/me"),
        await client.get("/v1/me"),
        await client.get("/v1/policies"),
        await client.get(f"/v1/erasures/{uuid4()}"),
        await client.post("/oauth/token", auth=app.auth, data=credentials),
        await client.post("/oauth/token"),
        await client.post("/oauth/revoke", auth=app.auth, data={"token": "x"}),
        await client.get("/oauth/token"),
        await client.post("/oauth/token", auth=app.auth, data={"grant_type": "x"}),
        await client.post(
            "/oauth/token",
            auth=app.auth,
            data={"grant_type": "refresh_token", "refresh_token": "x"},
        ),
    ]
    assert {answer.status_code for answer in answers} == {200, 400, 401, 403, 404, 405, 422}
    for answer in answers:
        kept = answer.headers.get_list("cache-control")
        assert kept == ["no-store"], (str(answer.request.url), answer.status_code)


async def test_two_persons_of_one_app_see_their_own_account(make: Make) -> None:
    app = await make.app()
    first, second = await make.person(app), await make.person(app)
    assert isinstance(first.id, UUID)
    assert (await first.request("PATCH", "/v1/me", json={"locale": "en"})).status_code == 200
    assert (await first.get("/v1/me")).json()["locale"] == "en"
    assert (await second.get("/v1/me")).json()["locale"] == "ja"
