"""Google's authorization server: where to send a person, and exchanging and revoking tokens.

Source: developers.google.com/identity/protocols/oauth2/web-server; RFC 6749, RFC 7636.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

import httpx
import orjson

from vitalkeep.base import clock
from vitalkeep.base.errors import Conflict
from vitalkeep.base.outbound import outbound_client
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.faults import GoogleFault, read_wait

CALLBACK: Final = "/v1/connections/callback"
MAX_TOKEN_CHARS: Final = 4096
LONGEST_LIFE_S: Final = 86_400


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What Google gave for one grant; `scopes` are those that were really granted."""

    refresh_token: str
    access_token: str
    expires_at: datetime
    scopes: tuple[str, ...]

    def to_json(self) -> bytes:
        """For sealing."""
        return orjson.dumps(
            [self.refresh_token, self.access_token, self.expires_at.isoformat(), self.scopes]
        )

    @classmethod
    def from_json(cls, opened: bytes) -> "Tokens":
        """What was sealed."""
        refresh, access, expires_at, scopes = orjson.loads(opened)
        return cls(refresh, access, datetime.fromisoformat(expires_at), tuple(scopes))


def require_configured(settings: Settings) -> None:
    """Raises Conflict where the operator has not set up Google."""
    if not settings.google_client_id or settings.google_client_secret is None:
        raise Conflict(
            "This server is not set up to connect to Google: its operator has to set "
            "VITALKEEP_GOOGLE_CLIENT_ID and VITALKEEP_GOOGLE_CLIENT_SECRET."
        )


def callback_url(settings: Settings) -> str:
    """Where Google sends people back to; it has to be registered in the Google Cloud project."""
    return settings.public_url.rstrip("/") + CALLBACK


def authorization_url(settings: Settings, scopes: Sequence[str], state: str, verifier: str) -> str:
    """Where the person agrees. A refresh token comes only with `offline` and `consent`."""
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": settings.google_client_id,
        "redirect_uri": callback_url(settings),
        "response_type": "code",
        "scope": " ".join(scopes),
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "true",
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    separator = "&" if "?" in settings.google_authorize_url else "?"
    return settings.google_authorize_url + separator + urlencode(query)


async def exchange(settings: Settings, code: str, verifier: str, asked: Sequence[str]) -> Tokens:
    """Tokens for a code; without `scope` in the answer all that was asked is granted (RFC 6749
    section 5.1). Google may leave out the refresh token: it is empty then. Raises GoogleFault.
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": callback_url(settings),
    }
    return _read_tokens(await _post(settings, form), "", tuple(asked))


async def refresh(settings: Settings, tokens: Tokens) -> Tokens:
    """A fresh access token. Raises GoogleFault, `authorization_ended` when the grant is gone."""
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}
    return _read_tokens(await _post(settings, form), tokens.refresh_token, tokens.scopes)


async def revoke(settings: Settings, tokens: Tokens) -> Literal["revoked", "already_revoked"]:
    """Takes back the whole grant: every scope of this person for the project.

    A grant that Google doesn't know any more is as good as revoked. Raises GoogleFault.
    """
    try:
        async with outbound_client() as client:
            form = {"token": tokens.refresh_token}
            reply = await client.post(settings.google_revoke_url, data=form)
    except (httpx.HTTPError, httpx.InvalidURL):
        raise GoogleFault("google_unavailable") from None
    if reply.status_code == httpx.codes.OK:
        return "revoked"
    if reply.status_code == httpx.codes.BAD_REQUEST:
        return "already_revoked"
    raise GoogleFault("google_unavailable", read_wait(reply))


async def _post(settings: Settings, form: dict[str, str]) -> dict[str, object]:
    """The answer of the token endpoint. Raises GoogleFault."""
    secret = settings.google_client_secret
    client = {
        "client_id": settings.google_client_id or "",
        "client_secret": secret.get_secret_value() if secret else "",
    }
    try:
        async with outbound_client() as http:
            reply = await http.post(settings.google_token_url, data={**client, **form})
        body = reply.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
        raise GoogleFault("google_unavailable") from None
    if reply.status_code == httpx.codes.OK and isinstance(body, dict):
        return body
    error = body.get("error") if isinstance(body, dict) else None
    if reply.status_code == httpx.codes.BAD_REQUEST and error == "invalid_grant":
        raise GoogleFault("authorization_ended")
    if reply.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise GoogleFault("rate_limited", read_wait(reply))
    refused = 400 <= reply.status_code < 500
    raise GoogleFault("google_refused" if refused else "google_unavailable", read_wait(reply))


def _read_tokens(body: dict[str, object], kept: str, scopes: tuple[str, ...]) -> Tokens:
    access, renewed = body.get("access_token"), body.get("refresh_token", kept)
    life, granted = body.get("expires_in"), body.get("scope")
    for token in (access, renewed):
        if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARS:
            raise GoogleFault("google_refused")
    if not access or type(life) is not int or not life > 0:
        raise GoogleFault("google_refused")
    expires_at = clock.now() + timedelta(seconds=min(life, LONGEST_LIFE_S))
    listed = tuple(granted.split()) if isinstance(granted, str) else scopes
    return Tokens(str(renewed), str(access), expires_at, listed)
