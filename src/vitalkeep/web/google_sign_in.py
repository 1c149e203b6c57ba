"""Signing in with Google for leaving: authorization code with PKCE, state and nonce.

Source: OpenID Connect Core 1.0 section 3.1; RFC 7636; RFC 9700 section 2.1.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import DependencyUnavailable, InvalidGrant
from vitalkeep.base.keys import Keyring, base64url
from vitalkeep.base.logs import get_log
from vitalkeep.base.outbound import outbound_client
from vitalkeep.base.settings import Settings
from vitalkeep.persons.google import GoogleCertificates, GoogleIdentity
from vitalkeep.persons.models import Person
from vitalkeep.persons.sign_in import find_person_id
from vitalkeep.web.refusals import NobodyKnown, NoGoogle, SignInBroken, SignInCancelled

CALLBACK: Final = "/client/deactivate/google/callback"
AWAY: Final = "Google doesn't answer."


@dataclass(frozen=True, slots=True)
class Started:
    """Where the browser goes, and what it has to bring back (sealed) for the answer to count."""

    url: str
    note: dict[str, object]


def is_configured(settings: Settings) -> bool:
    """Whether the deployment has an OAuth client of its own at Google."""
    return bool(settings.google_client_id and settings.google_client_secret)


def callback_url(settings: Settings) -> str:
    """What has to be registered at Google as an authorized redirect URI."""
    return settings.public_url.rstrip("/") + CALLBACK


def start(settings: Settings) -> Started:
    """A new sign-in. Raises NoGoogle if it is not set up."""
    if not is_configured(settings):
        raise NoGoogle
    verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
    challenge = base64url(hashlib.sha256(verifier.encode()).digest())
    asked = {
        "response_type": "code",
        "client_id": settings.google_client_id,
        "redirect_uri": callback_url(settings),
        "scope": "openid",
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "prompt": "select_account",
    }
    note: dict[str, object] = {"state": state, "nonce": nonce, "verifier": verifier}
    return Started(f"{settings.google_authorize_url}?{urlencode(asked)}", note)


async def identify(
    settings: Settings,
    certificates: GoogleCertificates,
    note: Mapping[str, object] | None,
    answer: Mapping[str, str],
) -> GoogleIdentity:
    """Whom Google named in answer to the sign-in that `note` is of. Holds no connection.

    Raises SignInBroken, SignInCancelled, NoGoogle, DependencyUnavailable.
    """
    state = str((note or {}).get("state", ""))
    if not state or not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise SignInBroken
    if answer.get("error") == "access_denied":
        raise SignInCancelled
    if note is None or not answer.get("code"):
        raise SignInBroken
    token = await exchange_code(settings, answer["code"], str(note["verifier"]))
    try:
        return await certificates.identity(
            token, [settings.google_client_id or ""], nonce=str(note["nonce"])
        )
    except InvalidGrant:
        raise SignInBroken from None


async def exchange_code(settings: Settings, code: str, verifier: str) -> str:
    """The ID token for a code. Raises SignInBroken, NoGoogle, DependencyUnavailable."""
    secret = settings.google_client_secret
    if settings.google_client_id is None or secret is None:
        raise NoGoogle
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": settings.google_client_id,
        "client_secret": secret.get_secret_value(),
        "redirect_uri": callback_url(settings),
        "code_verifier": verifier,
    }
    try:
        async with outbound_client() as client:
            reply = await client.post(settings.google_token_url, data=form)
    except (httpx.HTTPError, httpx.InvalidURL):
        raise DependencyUnavailable(AWAY) from None
    if reply.status_code == httpx.codes.BAD_REQUEST:
        raise SignInBroken
    if reply.status_code != httpx.codes.OK:
        get_log().warning("google_sign_in_failed", status=reply.status_code)
    return _read_id_token(reply)


def _read_id_token(reply: httpx.Response) -> str:
    try:
        body = reply.json() if reply.status_code == httpx.codes.OK else None
    except ValueError:
        body = None
    token = body.get("id_token") if isinstance(body, dict) else None
    if not isinstance(token, str):
        raise DependencyUnavailable(AWAY)
    return token


async def find_person(
    connection: AsyncConnection, keyring: Keyring, identity: GoogleIdentity
) -> tuple[UUID, int]:
    """Id and epoch of the person who signs in with this Google account; nobody is created.

    Raises NobodyKnown.
    """
    digest = keyring.digest("sign-in", identity.issuer, identity.subject)
    person_id = await find_person_id(connection, digest)
    query = select(Person.person_id, Person.token_epoch)
    mine = (Person.person_id == person_id, Person.state == "active")
    row = (await connection.execute(query.where(*mine))).first()
    if row is None:
        raise NobodyKnown
    return row.person_id, row.token_epoch
