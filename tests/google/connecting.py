"""A client of the stand-in that does by hand what a connection does."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
from fastapi import FastAPI

from tests.google.catalog import FIT_SCOPES, HEALTH_SCOPES
from tests.google.fit import ROOT as FIT
from tests.google.health import ROOT as HEALTH
from tests.google.world import CLIENT_ID, CLIENT_SECRET, World
from vitalkeep.base.outbound import inside_client

CALLBACK: Final = "https://keep.jp.example/v1/connections/callback"
VERIFIER: Final = "a-verifier-of-the-forty-three-letters-it-takes"
CHALLENGE: Final = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
ALL: Final = (*FIT_SCOPES, *HEALTH_SCOPES)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, **time: float) -> None:
        """Lets time pass."""
        self.at += timedelta(**time)


class Visitor:
    """One client; `token` is the access token it uses."""

    def __init__(self, google: FastAPI) -> None:
        self.http: httpx.AsyncClient = inside_client(google)
        self.world: World = google.state.world
        self.token = ""

    async def authorize(self, *scopes: str, **changed: str | None) -> httpx.Response:
        """The consent screen's answer; None leaves a parameter out."""
        asked: dict[str, str | None] = {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": " ".join(scopes or ALL),
            "state": "somebody",
            "access_type": "offline",
            "prompt": "consent",
            "include_granted_scopes": "true",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changed,
        }
        known = {name: value for name, value in asked.items() if value is not None}
        return await self.http.get("/o/oauth2/v2/auth", params=known)

    async def code(self, *scopes: str, **changed: str | None) -> str:
        """An authorization code."""
        return returned(await self.authorize(*scopes, **changed))["code"]

    async def post_token(self, **form: str) -> httpx.Response:
        """The token endpoint's answer."""
        client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return await self.http.post("/token", data=client | form)

    async def exchange(self, code: str, **changed: str) -> httpx.Response:
        """The answer to a code."""
        form = {"redirect_uri": CALLBACK, "code_verifier": VERIFIER, **changed}
        return await self.post_token(grant_type="authorization_code", code=code, **form)

    async def refresh(self, refresh_token: str) -> httpx.Response:
        """The answer to a refresh token."""
        return await self.post_token(grant_type="refresh_token", refresh_token=refresh_token)

    async def connect(self, *scopes: str) -> dict[str, Any]:
        """From the consent screen to an access token, which is used from now on."""
        answer = await self.exchange(await self.code(*scopes))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        self.token = tokens["access_token"]
        return tokens

    async def fit(self, path: str, **query: Any) -> httpx.Response:
        """A GET below Fit's root."""
        return await self.http.get(f"{FIT}{path}", params=query, headers=self.headers)

    async def dataset(self, source: str, span: tuple[int, int], **query: Any) -> httpx.Response:
        """A page of a dataset."""
        return await self.fit(
            f"/dataSources/{quote(source, safe='')}/datasets/{span[0]}-{span[1]}", **query
        )

    async def aggregate(self, **body: Any) -> httpx.Response:
        """Buckets."""
        url = f"{FIT}/dataset:aggregate"
        return await self.http.post(url, json=body, headers=self.headers)

    async def health(self, path: str, **query: Any) -> httpx.Response:
        """A GET below Google Health's root."""
        return await self.http.get(f"{HEALTH}{path}", params=query, headers=self.headers)

    async def list_points(self, kebab: str, **query: Any) -> list[dict[str, Any]]:
        """One page of a type's points."""
        answer = await self.health(f"/dataTypes/{kebab}/dataPoints", **query)
        assert answer.status_code == 200, answer.text
        points: list[dict[str, Any]] = answer.json().get("dataPoints", [])
        return points

    @property
    def headers(self) -> dict[str, str]:
        """With the token."""
        return {"Authorization": f"Bearer {self.token}"}


def returned(answer: httpx.Response) -> dict[str, str]:
    """What came back with the redirect to the callback."""
    assert answer.status_code == 302, answer.text
    target = urlsplit(answer.headers["location"])
    assert f"{target.scheme}://{target.netloc}{target.path}" == CALLBACK
    return dict(parse_qsl(target.query))
