"""Connecting a Google account: what is asked, what is granted, and what comes of it."""

import base64
import hashlib
from datetime import timedelta
from urllib.parse import parse_qsl

import httpx
import pytest
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.connectors.accounts import REDIRECT, Google, fit_scope
from tests.erasure.traces import left
from tests.google.world import CLIENT_ID
from tests.make import Make
from vitalkeep.base import clock


async def test_a_person_agrees_at_google_and_that_is_their_consent(google: Google) -> None:
    person = await google.person()
    query = await google.start(person, "steps", "weight", "body_fat")
    scopes = fit_scope("steps", "weight")
    callback = f"{google.settings.public_url}/v1/connections/callback"
    assert query | {
        "client_id": CLIENT_ID, "redirect_uri": callback, "response_type": "code",
        "scope": scopes, "access_type": "offline", "prompt": "consent",
        "include_granted_scopes": "true", "code_challenge_method": "S256",
    } == query  # fmt: skip
    token = google.grants(scopes)
    back = await google.come_back(state=query["state"], code="one", scope="of the URL")
    assert back.status_code == 303
    assert back.headers["location"] == f"{REDIRECT}&provider=google-fit&result=connected"
    form = dict(parse_qsl(token.calls.last.request.content.decode()))
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == query["code_challenge"]
    assert (form["code"], form["redirect_uri"]) == ("one", callback)
    (seen,) = await google.connections(person)
    assert (seen["provider"], seen["state"], "problem" in seen) == ("google-fit", "active", False)
    assert seen["types"] == {name: {"granted": True} for name in ("steps", "weight", "body_fat")}
    given = (await person.get("/v1/me/consents")).json()["consents"]
    assert {each["scope"] for each in given} == {
        "steps.collect", "weight.collect", "body_fat.collect",
    }  # fmt: skip
    assert {each["source"]["kind"] for each in given} == {"google_oauth"}
    assert given[0]["source"]["evidence"] == scopes.split()
    assert given[0]["purpose"] == "storage"


async def test_tokens_lie_sealed_and_a_state_is_good_once(google: Google, app: FastAPI) -> None:
    person = await google.person()
    google.grants(fit_scope("steps"))
    state = (await google.start(person, "steps"))["state"]
    assert await google.result(state=state, code="one") == "connected"
    assert (await google.come_back(state=state, code="one")).status_code == 404
    rows = await run_sql(app, "SELECT * FROM connections WHERE person_id = :id", id=person.id)
    assert b"refresh-one" not in b"".join(each for each in rows[0] if isinstance(each, bytes))
    assert not await run_sql(
        app, "SELECT FROM pending_authorizations WHERE person_id = :id", id=person.id
    )


async def test_what_google_did_not_grant_is_refused_and_the_rest_is_connected(
    google: Google,
) -> None:
    person = await google.person()
    google.grants(fit_scope("steps"))
    query = await google.start(person, "steps", "weight")
    assert await google.result(state=query["state"], code="one") == "partial"
    given = (await person.get("/v1/me/consents")).json()["consents"]
    assert [each["scope"] for each in given] == ["steps.collect"]
    events = (await person.get("/v1/me/consent-events")).json()["events"]
    assert [(each["event"], each["scope"]) for each in events] == [
        ("refused", fit_scope("weight")),
        ("given", "steps.collect"),
    ]
    (seen,) = await google.connections(person)
    assert seen["types"]["steps"] == {"granted": True}
    assert seen["types"]["weight"]["problem"]["code"] == "scope_missing"


async def test_a_grant_that_comes_back_narrower_ends_what_rested_on_it(google: Google) -> None:
    person = await google.person()
    await google.connected(person, "steps", "weight")
    google.grants(fit_scope("steps", "sleep"), refresh_token=None)
    google.grants(fit_scope("steps", "sleep"))
    query = await google.start(person, "sleep")
    assert await google.result(state=query["state"], code="two") == "connected"
    every = (await person.get("/v1/me/consents", state="all")).json()["consents"]
    assert {each["scope"]: each["state"] for each in every} == {
        "steps.collect": "active", "weight.collect": "narrowed", "sleep.collect": "active",
    }  # fmt: skip
    (seen,) = await google.connections(person)
    assert {name: each["granted"] for name, each in seen["types"].items()} == {
        "steps": True, "weight": False, "sleep": True,
    }  # fmt: skip


async def test_who_declines_connects_nothing_and_the_ledger_says_so(google: Google) -> None:
    person = await google.person()
    query = await google.start(person, "steps")
    assert await google.result(state=query["state"], error="access_denied") == "refused"
    other = await google.start(person, "steps")
    google.grants("openid")
    assert await google.result(state=other["state"], code="one") == "refused"
    assert await google.connections(person) == []
    assert (await person.get("/v1/me/consents")).json()["consents"] == []
    events = (await person.get("/v1/me/consent-events")).json()["events"]
    assert [each["event"] for each in events] == ["refused"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(400, json={"error": "invalid_grant"}),
        httpx.Response(401, json={"error": "invalid_client"}),
        httpx.Response(
            200, json={"access_token": "a", "expires_in": 5, "scope": fit_scope("steps")}
        ),
        httpx.Response(200, json={"access_token": 5}),
        httpx.Response(200, text="<html>"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["code", "client", "no-refresh-token", "no-token", "no-json", "away"],
)
async def test_a_failure_at_google_is_told_to_the_app_and_leaves_nothing(
    google: Google, answer: httpx.Response | Exception
) -> None:
    person = await google.person()
    token = google.web.post(google.settings.google_token_url)
    if isinstance(answer, Exception):
        token.mock(side_effect=answer)
    else:
        token.mock(return_value=answer)
    query = await google.start(person, "steps")
    assert await google.result(state=query["state"], code="one") == "failed"
    assert await google.connections(person) == []
    assert (await person.get("/v1/me/consents")).json()["consents"] == []


@pytest.mark.parametrize(
    ("provider", "change", "pointer", "code"),
    [
        ("google-health", {"types": ["steps", "blood_pressure"]}, "/types/1", "type_not_available"),
        ("google-fit", {"redirect_uri": "https://evil.example/"}, "/redirect_uri",
         "redirect_uri_not_registered"),
        ("google-fit", {"types": []}, "/types", "invalid"),
    ],
)  # fmt: skip
async def test_what_can_not_be_connected_is_said_before_anybody_is_sent_away(
    google: Google, provider: str, change: dict[str, object], pointer: str, code: str
) -> None:
    person = await google.person()
    body = {"types": ["steps"], "redirect_uri": REDIRECT, **change}
    refused = await person.post(f"/v1/me/connections/{provider}", body)
    assert refused.status_code == 422
    assert (refused.json()["errors"][0]["pointer"], refused.json()["errors"][0]["code"]) == (
        pointer, code,
    )  # fmt: skip


async def test_a_server_without_a_google_project_says_so(make: Make) -> None:
    person = await make.person(collects=False)
    body = {"types": ["steps"], "redirect_uri": REDIRECT}
    refused = await person.post("/v1/me/connections/google-fit", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "VITALKEEP_GOOGLE_CLIENT_ID" in refused.json()["detail"]


async def test_an_authorization_ends_after_ten_minutes_and_with_its_person(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, leaver = await google.person(), await google.person()
    late = (await google.start(person, "steps"))["state"]
    gone = (await google.start(leaver, "steps"))["state"]
    await left(leaver)
    assert (await google.come_back(state=gone, code="one")).status_code == 404
    later = clock.now() + timedelta(minutes=10)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (await google.come_back(state=late, code="one")).status_code == 404
    assert (await google.come_back(state="of-nobody", code="one")).status_code == 404


async def test_who_leaves_while_google_answers_has_the_grant_given_back(google: Google) -> None:
    person = await google.person()
    revoked = google.revokes()
    query = await google.start(person, "steps")

    async def leave(_request: httpx.Request) -> httpx.Response:
        await left(person)
        scope = fit_scope("steps")
        body = {"access_token": "a", "refresh_token": "r", "expires_in": 60, "scope": scope}
        return httpx.Response(200, json=body)

    google.web.post(google.settings.google_token_url).mock(side_effect=leave)
    assert await google.result(state=query["state"], code="one") == "failed"
    assert revoked.calls.last.request.content == b"token=r"
