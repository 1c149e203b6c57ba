"""Proving which app asks for a token, and how its secret is kept."""

import base64
import hashlib
import re
import secrets
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from fastapi import FastAPI
from sqlalchemy import text

from tests.make import APP_USER, TOKEN_EXCHANGE, Make
from vitalkeep.persons.clients import hash_secret, secret_matches

CREDENTIALS = {"grant_type": "client_credentials"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def assert_unknown(answer: httpx.Response) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert (answer.json()["error"], answer.json()["code"]) == ("invalid_client", "unauthenticated")


async def test_a_wrong_secret_and_an_unknown_client_get_the_same_refusal(
    client: httpx.AsyncClient, make: Make
) -> None:
    app, other = await make.app(), await make.app()
    wrong = [
        (str(app.id), "wrong"), (str(app.id), ""), (str(app.id), app.secret + "x"),
        (str(app.id), app.secret.swapcase()), (str(app.id), other.secret),
        (str(uuid4()), app.secret), ("", app.secret), ("not-an-id", app.secret),
        (app.secret, str(app.id)), (str(app.id), "\x00"),
    ]  # fmt: skip
    answers = [await client.post("/oauth/token", auth=auth, data=CREDENTIALS) for auth in wrong]
    for answer in answers:
        assert_unknown(answer)
        assert {**answer.json(), "instance": ""} == {**answers[0].json(), "instance": ""}
    right = await client.post("/oauth/token", auth=app.auth, data=CREDENTIALS)
    assert right.status_code == 200


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic ", "Basic ???", "Basic é", "Basic bm9jb2xvbg==", "Bearer abc", "Digest x",
     "Basic /w==", "Basic YTpi\t", "basic YTpi"],
)  # fmt: skip
async def test_an_authorization_header_that_says_nothing_is_refused(
    client: httpx.AsyncClient, header: str
) -> None:
    headers = {"Authorization": header.encode("latin-1")}
    raw = [(name.encode(), value) for name, value in headers.items()]
    assert_unknown(await client.post("/oauth/token", headers=raw, data=CREDENTIALS))


async def test_the_credentials_may_be_percent_encoded_and_the_scheme_in_any_case(
    client: httpx.AsyncClient, make: Make
) -> None:
    app = await make.app()
    encoded = "".join(f"%{ord(each):02X}" for each in app.secret)
    headers = basic(f"{app.id}:{encoded}")
    headers["Authorization"] = headers["Authorization"].replace("Basic", "bAsIc")
    answer = await client.post("/oauth/token", headers=headers, data=CREDENTIALS)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
async def test_without_any_client_nothing_is_answered(client: httpx.AsyncClient, path: str) -> None:
    for form in ({}, {"client_id": ""}, {"client_id": str(uuid4())}, {"client_id": "\x00"}):
        data = {**CREDENTIALS, "token": "x", **form}
        assert_unknown(await client.post(path, data=data))


@pytest.mark.parametrize(
    "grant",
    [
        CREDENTIALS,
        {"grant_type": TOKEN_EXCHANGE, "subject_token_type": APP_USER, "subject_token": "user-7"},
    ],
)
async def test_what_an_apps_backend_may_its_id_alone_may_not(
    client: httpx.AsyncClient, make: Make, grant: dict[str, str]
) -> None:
    app = await make.app()
    form = {**grant, "client_id": str(app.id)}
    assert_unknown(await client.post("/oauth/token", data=form))
    with_secret_in_the_form = {**form, "client_secret": app.secret}
    assert_unknown(await client.post("/oauth/token", data=with_secret_in_the_form))
    assert (await client.post("/oauth/token", auth=app.auth, data=form)).status_code == 200


async def test_of_a_secret_only_a_salted_hash_is_stored(app: FastAPI, make: Make) -> None:
    registered = await make.app()
    row = text("SELECT c::text FROM clients c WHERE client_id = :client_id")
    async with app.state.engine.connect() as connection:
        stored = str(await connection.scalar(row, {"client_id": registered.id}))
    raw = registered.secret.encode()
    assert re.search(r"sha256\$[0-9a-f]{32}\$[0-9a-f]{64}", stored)
    assert len(base64.urlsafe_b64decode(registered.secret + "=")) == 32, "what nobody guesses"
    for trace in (registered.secret, raw.hex(), hashlib.sha256(raw).hexdigest()):
        assert trace not in stored


def test_a_secret_has_another_hash_each_time_and_matches_both() -> None:
    hashes = [hash_secret("a secret") for _ in range(2)]
    assert hashes[0] != hashes[1]
    assert [secret_matches("a secret", each) for each in hashes] == [True, True]
    assert not secret_matches("another secret", hashes[0])


def test_a_secret_that_was_hashed_with_argon2_once_is_still_good() -> None:
    secret = secrets.token_urlsafe(32)
    kdf = Argon2id(salt=b"0123456789abcdef", length=32, iterations=1, lanes=1, memory_cost=64)
    stored = kdf.derive_phc_encoded(secret.encode())
    assert secret_matches(secret, stored)
    assert not secret_matches(secret[:-1], stored)
