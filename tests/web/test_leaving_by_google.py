"""Leaving after signing in with Google, whose side is played here."""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import respx
from fastapi import FastAPI
from pydantic import SecretStr

from tests.care.sql import run_sql
from tests.make import TOKEN_EXCHANGE, Make
from tests.persons.fake_google import STRANGERS_KEY, certificates, id_token
from tests.web.browsing import Browser, Page, browser, other_settings, read_page
from vitalkeep.base.keys import base64url
from vitalkeep.base.settings import Settings
from vitalkeep.persons.google import GoogleCertificates
from vitalkeep.persons.oauth import TokenEndpoint
from vitalkeep.web.texts import text

OURS, PHONE = "server.apps.googleusercontent.com", "phone.apps.googleusercontent.com"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"


@dataclass
class Google:
    """Google's addresses: what they answer, and how a browser comes back from there."""

    router: respx.MockRouter
    token: respx.Route
    subject: str

    def come_back(self, sent: httpx.Response, **changes: str) -> str:
        """The address to which Google sends the browser; its token answers for `subject`."""
        asked = dict(parse_qsl(urlsplit(sent.headers["location"]).query))
        self.answer(id_token(OURS, self.subject, claims={"nonce": asked["nonce"]}))
        back = {"code": "4/abc", "state": asked["state"], **changes}
        return f"{asked['redirect_uri']}?{httpx.QueryParams(back)}"

    def answer(self, token: object) -> None:
        self.token.mock(return_value=httpx.Response(200, json={"id_token": token}))


@pytest.fixture
def google(app: FastAPI, settings: Settings) -> Iterator[Google]:
    """The deployment has a client at Google, which answers."""
    before = app.state.token_endpoint
    secret = SecretStr("of-the-server")
    with (
        other_settings(app, google_client_id=OURS, google_client_secret=secret) as changed,
        respx.mock(assert_all_called=False) as router,
    ):
        certs = GoogleCertificates(settings.google_certs_url)
        app.state.token_endpoint = TokenEndpoint(app.state.keyring, changed, certs)
        router.get(settings.google_certs_url).mock(return_value=certificates())
        token = router.post(settings.google_token_url)
        yield Google(router, token, secrets.token_hex(10))
    app.state.token_endpoint = before


async def sign_up(make: Make, google: Google) -> str:
    """The person of this Google account signs in on their phone; the person's id."""
    app = await make.app(google_client_ids=[PHONE])
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token_type": ID_TOKEN,
        "subject_token": id_token(PHONE, google.subject),
        "client_id": str(app.id),
    }
    answer = await make.client.post("/oauth/token", data=form)
    return str(make.claims(answer.json()["access_token"])["sub"])


async def set_out(visitor: Browser, language: str = "en") -> httpx.Response:
    """The answer that sends the browser to Google, by the button of the public page."""
    page = await visitor.open(f"/client/deactivate?lang={language}")
    return await visitor.get(page.links[text("way_google_button", page.language)])


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_a_google_account_leads_to_its_person_and_out(
    app: FastAPI, make: Make, google: Google, language: str
) -> None:
    person_id = await sign_up(make, google)
    async with browser(app) as visitor:
        sent = await set_out(visitor, language)
        assert sent.status_code == 303
        to = urlsplit(sent.headers["location"])
        assert f"{to.scheme}://{to.netloc}{to.path}" == app.state.settings.google_authorize_url
        asked = dict(parse_qsl(to.query))
        assert (asked["scope"], asked["response_type"], asked["client_id"]) == (
            "openid",
            "code",
            OURS,
        )
        assert asked["code_challenge_method"] == "S256"
        account = await visitor.open(google.come_back(sent))
        assert account.language == language
        given = dict(parse_qsl(google.token.calls.last.request.content.decode()))
        challenge = base64url(hashlib.sha256(given["code_verifier"].encode()).digest())
        assert challenge == asked["code_challenge"]
        assert given["client_secret"] == "of-the-server"
        assert given["redirect_uri"] == asked["redirect_uri"]
        assert visitor.cookies.keys() == {"vitalkeep_session"}
        done = await visitor.send(account.forms[0], agreed="yes")
        assert done.title == text("erased_title", account.language)
        assert visitor.cookies == {}
    gone = "SELECT 1 FROM persons WHERE person_id = :id"
    assert await run_sql(app, gone, id=person_id) == []


async def test_an_unknown_account_is_told_so_and_nothing_is_created(
    app: FastAPI, google: Google
) -> None:
    before = await run_sql(app, "SELECT count(*) FROM sign_ins")
    async with browser(app) as visitor:
        page = await visitor.open(google.come_back(await set_out(visitor)), 404)
        assert page.title == text("problem_nobody_known_title", "en")
        assert "vitalkeep_session" not in visitor.cookies
    assert await run_sql(app, "SELECT count(*) FROM sign_ins") == before


async def refused(visitor: Browser, address: str, status: int = 403) -> Page:
    """The page of a sign-in that came to nothing."""
    answer = await visitor.get(address)
    assert answer.status_code == status, answer.text
    assert "vitalkeep_session" not in visitor.cookies
    return read_page(answer)


async def test_an_answer_counts_only_for_the_sign_in_that_this_browser_began(
    app: FastAPI, make: Make, google: Google
) -> None:
    await sign_up(make, google)
    async with browser(app) as visitor, browser(app) as victim:
        sent = await set_out(visitor)
        good = google.come_back(sent)
        await refused(victim, good)
        await set_out(victim)
        await refused(victim, good)
        for wrong in ({"state": "x"}, {"state": ""}, {"code": ""}):
            await refused(visitor, google.come_back(sent, **wrong))
        await refused(visitor, f"{good}&state=x")
        assert not google.token.called
        cancelled = await refused(visitor, google.come_back(sent, error="access_denied"))
        assert cancelled.title == text("problem_sign_in_cancelled_title", "en")
        await visitor.open(good)


async def test_a_token_of_another_sign_in_app_or_key_is_refused(
    app: FastAPI, make: Make, google: Google
) -> None:
    await sign_up(make, google)
    async with browser(app) as visitor:
        sent = await set_out(visitor)
        back = google.come_back(sent)
        nonce = {"nonce": dict(parse_qsl(urlsplit(sent.headers["location"]).query))["nonce"]}
        subject = google.subject
        for token in (
            id_token(OURS, subject),
            id_token(OURS, subject, claims={"nonce": "of another"}),
            id_token(PHONE, subject, claims=nonce),
            id_token(OURS, subject, key=STRANGERS_KEY, claims=nonce),
        ):
            google.answer(token)
            page = await refused(visitor, back)
            assert page.title == text("problem_sign_in_broken_title", "en")


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (httpx.ConnectTimeout("slow"), 503),
        (httpx.Response(500), 503),
        (httpx.Response(200, text="?"), 503),
        (httpx.Response(200, json={"id_token": None}), 503),
        (httpx.Response(401, json={"error": "invalid_client"}), 503),
        (httpx.Response(400, json={"error": "invalid_grant"}), 403),
    ],
    ids=["timeout", "500", "text", "empty", "client", "code"],
)
async def test_while_google_fails_the_page_says_that_nothing_was_deleted(
    app: FastAPI, google: Google, trouble: httpx.Response | Exception, status: int
) -> None:
    async with browser(app) as visitor:
        back = google.come_back(await set_out(visitor))
        google.token.mock(side_effect=[trouble])
        page = await refused(visitor, back, status)
    assert page.language == "en"
    assert "nothing was deleted" in page.text.lower()


async def test_without_a_client_at_google_the_page_offers_the_other_way(app: FastAPI) -> None:
    async with browser(app) as visitor:
        page = await visitor.open("/client/deactivate?lang=en")
        assert text("way_google_absent", "en") in page.text
        await visitor.open("/client/deactivate/google", 404)
        await visitor.open("/client/deactivate/google/callback?code=1&state=", 403)
