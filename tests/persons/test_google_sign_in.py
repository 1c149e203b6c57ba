"""Signing in with a Google ID token, as a person and as staff."""

import secrets
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest
import respx
from fastapi import FastAPI
from sqlalchemy import text

from tests.make import TOKEN_EXCHANGE, App, Caller, Make
from tests.persons.fake_google import STRANGERS_KEY, certificates, id_token
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.settings import Settings
from vitalkeep.persons.google import GoogleCertificates
from vitalkeep.persons.oauth import TokenEndpoint
from vitalkeep.persons.organizations import add_staff

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
PHONE, WEB = "phone.apps.googleusercontent.com", "web.apps.googleusercontent.com"


@pytest.fixture
def google(app: FastAPI, settings: Settings, keyring: DirectoryKeyring) -> Iterator[respx.Route]:
    """Google's address; the application has kept no certificates from an earlier test."""
    url, before = settings.google_certs_url, app.state.token_endpoint
    app.state.token_endpoint = TokenEndpoint(keyring, settings, GoogleCertificates(url))
    with respx.mock(assert_all_called=False) as router:
        yield router.get(url).mock(return_value=certificates())
    app.state.token_endpoint = before


async def exchange(client: httpx.AsyncClient, app: App, token: str, **more: str) -> httpx.Response:
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token_type": ID_TOKEN,
        "subject_token": token,
        "client_id": str(app.id),
        **more,
    }
    return await client.post("/oauth/token", data=form)


async def staff_with_email(make: Make, email: str) -> UUID:
    organization_id, state = await make.organization(), make.fastapi.state
    async with state.engine.begin() as connection:
        return await add_staff(connection, state.keyring, organization_id, email, "nurse")


async def suspend(make: Make, staff_id: UUID) -> None:
    change = text("UPDATE staff SET state = 'suspended' WHERE staff_id = :staff_id")
    async with make.fastapi.state.engine.begin() as connection:
        await connection.execute(change, {"staff_id": staff_id})


def assert_bad_grant(answer: httpx.Response) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" in answer.headers
    assert (answer.json()["error"], answer.json()["code"]) == ("invalid_grant", "unauthenticated")


async def test_an_id_token_signs_a_person_in_and_finds_them_again(
    client: httpx.AsyncClient, make: Make, google: respx.Route
) -> None:
    app, subject = await make.app(google_client_ids=[PHONE, WEB]), secrets.token_hex(10)
    found = set()
    for audience in (PHONE, WEB):
        answer = await exchange(client, app, id_token(audience, subject))
        assert (answer.status_code, answer.json()["scope"]) == (200, "person")
        token = answer.json()["access_token"]
        claims = make.claims(token)
        found.add(claims["sub"])
        assert (claims["role"], claims["client_id"]) == ("person", str(app.id))
        assert (await Caller(client, UUID(claims["sub"]), token).get("/v1/me")).status_code == 200
    assert len(found) == 1
    assert google.call_count == 1
    other = await exchange(client, app, id_token(PHONE, secrets.token_hex(10)))
    assert make.claims(other.json()["access_token"])["sub"] not in found


async def test_a_google_account_is_nobody_elses_user_id(
    client: httpx.AsyncClient, make: Make, google: respx.Route
) -> None:
    app, subject = await make.app(google_client_ids=[PHONE]), secrets.token_hex(10)
    by_google = (await exchange(client, app, id_token(PHONE, subject))).json()
    by_app = await make.sign_in(app, subject)
    assert len({make.claims(each["access_token"])["sub"] for each in (by_google, by_app)}) == 2
    assert google.called


async def test_a_phone_can_renew_a_google_sign_in_without_a_secret(
    client: httpx.AsyncClient, make: Make, google: respx.Route
) -> None:
    app = await make.app(google_client_ids=[PHONE])
    signed_in = (await exchange(client, app, id_token(PHONE, secrets.token_hex(10)))).json()
    form = {
        "grant_type": "refresh_token",
        "refresh_token": signed_in["refresh_token"],
        "client_id": str(app.id),
    }
    renewed = await client.post("/oauth/token", data=form)
    assert renewed.status_code == 200
    subjects = {make.claims(each["access_token"])["sub"] for each in (signed_in, renewed.json())}
    assert len(subjects) == 1
    assert google.call_count == 1


async def test_a_token_for_another_app_or_by_another_key_is_refused(
    client: httpx.AsyncClient, make: Make, google: respx.Route
) -> None:
    app, subject = await make.app(google_client_ids=[PHONE]), secrets.token_hex(10)
    forged = id_token(PHONE, subject, key=STRANGERS_KEY)
    for token in (id_token(WEB, subject), forged, "no.id.token", id_token(PHONE, subject)[:-3]):
        assert_bad_grant(await exchange(client, app, token))
    no_google = await make.app()
    assert_bad_grant(await exchange(client, no_google, id_token(PHONE, subject)))
    assert google.called


@pytest.mark.parametrize("trouble", [httpx.ConnectTimeout("slow"), httpx.Response(500)], ids=str)
async def test_while_google_is_away_a_sign_in_is_unavailable_and_not_wrong(
    client: httpx.AsyncClient,
    make: Make,
    google: respx.Route,
    trouble: httpx.Response | Exception,
) -> None:
    google.mock(side_effect=[trouble])
    app = await make.app(google_client_ids=[PHONE])
    answer = await exchange(client, app, id_token(PHONE, "sub"))
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0


async def test_a_verified_address_of_a_staff_member_signs_them_in_as_staff(
    client: httpx.AsyncClient, make: Make, google: respx.Route
) -> None:
    app = await make.app(google_client_ids=[PHONE])
    email = f"{secrets.token_hex(6)}@Clinic.Example"
    staff_id = await staff_with_email(make, email)
    token = id_token(PHONE, "nurse", claims={"email": email.upper(), "email_verified": True})
    answer = await exchange(client, app, token, audience="staff")
    assert (answer.status_code, answer.json()["scope"]) == (200, "staff")
    claims = make.claims(answer.json()["access_token"])
    assert (claims["role"], claims["sub"]) == ("staff", str(staff_id))
    nurse = Caller(client, staff_id, answer.json()["access_token"])
    assert (await nurse.get("/v1/cases")).status_code == 200
    assert google.called


async def test_without_the_audience_a_staff_member_signs_in_as_a_person(
    client: httpx.AsyncClient, make: Make, google: respx.Route
) -> None:
    app = await make.app(google_client_ids=[PHONE])
    email = f"{secrets.token_hex(6)}@clinic.example"
    staff_id = await staff_with_email(make, email)
    token = id_token(PHONE, secrets.token_hex(8), claims={"email": email, "email_verified": True})
    claims = make.claims((await exchange(client, app, token)).json()["access_token"])
    assert claims["role"] == "person"
    assert claims["sub"] != str(staff_id)
    assert google.called


async def test_an_address_that_is_unknown_unverified_or_suspended_is_no_staff_member(
    client: httpx.AsyncClient, make: Make, google: respx.Route
) -> None:
    app = await make.app(google_client_ids=[PHONE])
    email = f"{secrets.token_hex(6)}@clinic.example"
    staff_id = await staff_with_email(make, email)

    async def answer(**claims: str | bool) -> httpx.Response:
        token = id_token(PHONE, "n", claims=claims)
        return await exchange(client, app, token, audience="staff")

    assert (await answer(email=email, email_verified=True)).status_code == 200
    refused = [
        await answer(email="x" + email, email_verified=True),
        await answer(email=email, email_verified=False),
        await answer(email=email),
        await answer(),
    ]
    await suspend(make, staff_id)
    refused.append(await answer(email=email, email_verified=True))
    for each in refused:
        assert_bad_grant(each)
    assert google.called


async def test_a_suspended_staff_member_is_signed_out_and_renews_nothing(
    client: httpx.AsyncClient, make: Make, google: respx.Route
) -> None:
    app = await make.app(google_client_ids=[PHONE])
    email = f"{secrets.token_hex(6)}@clinic.example"
    staff_id = await staff_with_email(make, email)
    token = id_token(PHONE, "n", claims={"email": email, "email_verified": True})
    tokens = (await exchange(client, app, token, audience="staff")).json()
    form = {"grant_type": "refresh_token", "client_id": str(app.id)}
    renewed = await client.post(
        "/oauth/token", data={**form, "refresh_token": tokens["refresh_token"]}
    )
    assert (renewed.status_code, renewed.json()["scope"]) == (200, "staff")
    nurse = Caller(client, staff_id, renewed.json()["access_token"])
    assert (await nurse.get("/v1/cases")).status_code == 200
    await suspend(make, staff_id)
    answer = await nurse.get("/v1/cases")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    next_one = {**form, "refresh_token": renewed.json()["refresh_token"]}
    assert_bad_grant(await client.post("/oauth/token", data=next_one))
    assert google.called


async def test_no_outside_identity_is_stored_in_clear(
    client: httpx.AsyncClient, make: Make, google: respx.Route
) -> None:
    app = await make.app(google_client_ids=[PHONE])
    subject, user = f"google-{secrets.token_hex(8)}", f"user-{secrets.token_hex(8)}"
    email = f"{secrets.token_hex(6)}@clinic.example"
    await staff_with_email(make, email)
    token = id_token(PHONE, subject, claims={"email": email, "email_verified": True})
    answer = await exchange(client, app, token)
    refresh = answer.json()["refresh_token"]
    await make.sign_in(app, user)
    tables = ("sign_ins", "staff", "persons", "person_keys", "refresh_families")
    stored = ""
    async with make.fastapi.state.engine.connect() as connection:
        for table in tables:
            rows = await connection.scalars(text(f"SELECT t::text FROM {table} t"))  # noqa: S608
            stored += "".join(map(str, rows))
    digest = make.fastapi.state.keyring.digest("sign-in", "https://accounts.google.com", subject)
    assert digest.hex() in stored
    for identity in (subject, user, email, refresh):
        assert identity not in stored
        assert identity.encode().hex() not in stored
    assert google.called


async def test_no_database_connection_is_held_while_google_is_asked(
    client: httpx.AsyncClient, app: FastAPI, google: respx.Route, make: Make
) -> None:
    held = []

    def answer(_request: httpx.Request) -> httpx.Response:
        held.append(app.state.engine.pool.checkedout())
        return certificates()

    google.mock(side_effect=answer)
    registered = await make.app(google_client_ids=[PHONE])
    token = id_token(PHONE, secrets.token_hex(8))
    assert (await exchange(client, registered, token)).status_code == 200
    assert held == [0]
