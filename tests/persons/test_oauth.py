"""The grants of an app's backend, and what the token endpoint refuses."""

import asyncio
import secrets
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.make import APP_USER, TOKEN_EXCHANGE, App, Caller, Make
from tests.persons.waiting import until_somebody_waits
from vitalkeep.base.settings import Settings
from vitalkeep.persons.sign_in import sign_in

ORPHANS = text(
    "SELECT count(*) FROM persons p LEFT JOIN sign_ins s USING (person_id) "
    "LEFT JOIN person_keys k USING (person_id) WHERE s.digest IS NULL OR k.epoch IS NULL"
)


async def exchange(client: httpx.AsyncClient, app: App, user: str) -> httpx.Response:
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token_type": APP_USER,
        "subject_token": user,
    }
    return await client.post("/oauth/token", auth=app.auth, data=form)


def assert_refused(answer: httpx.Response, status: int, error: str) -> dict[str, Any]:
    """A problem document that an OAuth client understands too."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["error"]) == (status, error)
    assert problem["error_description"] == problem["detail"]
    return problem


async def test_client_credentials_give_an_app_a_token_of_its_own(
    client: httpx.AsyncClient, make: Make, settings: Settings
) -> None:
    app = await make.app()
    answer = await client.post(
        "/oauth/token", auth=app.auth, data={"grant_type": "client_credentials"}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert {**body, "access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "expires_in": 900, "scope": "app",
    }  # fmt: skip
    claims = make.claims(body["access_token"])
    assert (claims["sub"], claims["client_id"]) == (str(app.id), str(app.id))
    assert (claims["role"], claims["iss"]) == ("app", settings.public_url)
    assert (claims["aud"], claims["exp"] - claims["iat"]) == (settings.audience, 900)


async def test_a_user_becomes_a_person_on_first_use_and_is_found_again(
    client: httpx.AsyncClient, make: Make
) -> None:
    app = await make.app()
    answers = [(await exchange(client, app, "user-7")).json() for _ in range(2)]
    claims = [make.claims(answer["access_token"]) for answer in answers]
    assert claims[0]["sub"] == claims[1]["sub"]
    assert claims[0]["jti"] != claims[1]["jti"]
    for answer, claim in zip(answers, claims, strict=True):
        assert (answer["scope"], claim["role"]) == ("person", "person")
        assert claim["client_id"] == str(app.id)
        assert answer["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
        person = Caller(client, UUID(claim["sub"]), answer["access_token"])
        assert (await person.get("/v1/me")).status_code == 200
    assert answers[0]["refresh_token"] != answers[1]["refresh_token"]


async def test_the_same_user_id_at_two_apps_is_two_persons(
    client: httpx.AsyncClient, make: Make
) -> None:
    found = set()
    for app in (await make.app(), await make.app()):
        answer = (await exchange(client, app, "user-7")).json()
        found.add(make.claims(answer["access_token"])["sub"])
    assert len(found) == 2


async def test_many_first_uses_at_once_end_as_one_person(
    app: FastAPI, client: httpx.AsyncClient, make: Make
) -> None:
    for _ in range(5):
        sender, user = await make.app(), secrets.token_hex(8)
        answers = await asyncio.gather(*(exchange(client, sender, user) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({make.claims(answer.json()["access_token"])["sub"] for answer in answers}) == 1
    async with app.state.engine.connect() as connection:
        assert await connection.scalar(ORPHANS) == 0


@pytest.mark.parametrize("first_is_kept", [True, False])
async def test_a_first_use_waits_for_another_one_and_takes_its_person_if_it_was_stored(
    app: FastAPI, client: httpx.AsyncClient, make: Make, *, first_is_kept: bool
) -> None:
    sender, user, state = await make.app(), secrets.token_hex(8), app.state
    async with state.engine.connect() as connection:
        transaction = await connection.begin()
        person_id, _ = await sign_in(
            connection, state.keyring, state.settings, str(sender.id), user
        )
        second = asyncio.create_task(exchange(client, sender, user))
        await until_somebody_waits(app)
        await (transaction.commit() if first_is_kept else transaction.rollback())
    answer = await second
    assert answer.status_code == 200
    found = make.claims(answer.json()["access_token"])["sub"]
    assert (found == str(person_id)) is first_is_kept


@pytest.mark.parametrize("user", ["山田 さくら", "a" * 256, "x\x00y", " ", "a+b%20&=c"])
async def test_a_user_id_may_be_any_text(client: httpx.AsyncClient, make: Make, user: str) -> None:
    app = await make.app()
    first, again = await exchange(client, app, user), await exchange(client, app, user)
    other = await exchange(client, app, user[:-1] + "z")
    subjects = [make.claims(each.json()["access_token"])["sub"] for each in (first, again, other)]
    assert (subjects[0] == subjects[1], subjects[0] == subjects[2]) == (True, False)


async def test_a_user_id_of_more_than_256_characters_is_refused(
    client: httpx.AsyncClient, make: Make
) -> None:
    answer = await exchange(client, await make.app(), "a" * 257)
    assert_refused(answer, 400, "invalid_request")
    assert "aaa" not in answer.text


WRONG_FORMS: list[tuple[dict[str, object], str]] = [
    ({}, "invalid_request"),
    ({"grant_type": ""}, "invalid_request"),
    ({"grant_type": "password", "username": "u", "password": "p"}, "unsupported_grant_type"),
    ({"grant_type": "Client_Credentials"}, "unsupported_grant_type"),
    ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
    ({"grant_type": "refresh_token"}, "invalid_request"),
    ({"grant_type": "refresh_token", "refresh_token": ""}, "invalid_request"),
    ({"grant_type": TOKEN_EXCHANGE}, "invalid_request"),
    ({"grant_type": TOKEN_EXCHANGE, "subject_token": "u"}, "invalid_request"),
    ({"grant_type": TOKEN_EXCHANGE, "subject_token_type": APP_USER}, "invalid_request"),
    (
        {"grant_type": TOKEN_EXCHANGE, "subject_token_type": APP_USER, "subject_token": ""},
        "invalid_request",
    ),
    (
        {"grant_type": TOKEN_EXCHANGE, "subject_token_type": "x", "subject_token": "u"},
        "invalid_request",
    ),
    ({"grant_type": ["client_credentials", "client_credentials"]}, "invalid_request"),
    (
        {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token_type": APP_USER,
            "subject_token": ["me", "somebody else"],
        },
        "invalid_request",
    ),
    ({"grant_type": "client_credentials", **{f"x{n}": "" for n in range(20)}}, "invalid_request"),
]


@pytest.mark.parametrize(("form", "error"), WRONG_FORMS)
async def test_a_form_that_is_not_right_is_refused_with_its_oauth_error(
    client: httpx.AsyncClient, make: Make, form: dict[str, Any], error: str
) -> None:
    app = await make.app()
    answer = await client.post("/oauth/token", auth=app.auth, data=form)
    assert assert_refused(answer, 400, error)["code"] == "invalid_request"


@pytest.mark.parametrize(
    "body", [b"grant_type=%ff", b"grant_type=\xff", b"grant_type=%ED%A0%80", b'{"grant_type": 1}']
)
async def test_a_body_that_is_no_form_is_refused(
    client: httpx.AsyncClient, make: Make, body: bytes
) -> None:
    app = await make.app()
    answer = await client.post("/oauth/token", auth=app.auth, content=body)
    assert_refused(answer, 400, "invalid_request")


async def test_an_endless_form_is_refused(client: httpx.AsyncClient, make: Make) -> None:
    app = await make.app()
    answer = await client.post("/oauth/token", auth=app.auth, content=b"a=" + b"x" * 65_536)
    assert (answer.status_code, answer.json()["code"]) == (413, "batch_too_large")
    assert answer.json()["detail"] == "Send at most 64 KiB here."
