"""Asking a person for a grant at Google, and what comes of it when Google sends them back."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

import orjson
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import FieldError, InvalidRequest, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.session import speak_for
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.agreeing import choose_policy, to_grant
from vitalkeep.connectors.granted import keep_connection, take_scopes
from vitalkeep.connectors.identities import scopes_for
from vitalkeep.connectors.models import PendingAuthorization
from vitalkeep.connectors.moving import begin_move, list_carried
from vitalkeep.connectors.oauth import Tokens, authorization_url, require_configured
from vitalkeep.connectors.providers import BY_PLATFORM, Provider
from vitalkeep.connectors.stored import find_caller, find_connection, open_tokens
from vitalkeep.consents.ledger import enter_refusal, give
from vitalkeep.consents.policies import PolicyRef, get_policy
from vitalkeep.consents.requests import BY_PERSON
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.models import Client

WITHIN: Final = timedelta(minutes=10)
"""How long a person may take at Google."""
NOT_WAITING: Final = "Nothing waits for this authorization any more: start it again in the app."

Result = Literal["connected", "partial", "refused", "failed"]


@dataclass(frozen=True, slots=True, repr=False)
class Pending:
    """A person who came back from Google: what they were asked for, and where they go next."""

    person: PersonCaller
    provider: Provider
    types: tuple[str, ...]
    redirect_uri: str
    verifier: str
    policy: PolicyRef

    @property
    def asked(self) -> list[str]:
        """The scope URLs that Google was asked for."""
        return self.provider.list_scopes(self.types)


async def begin(
    connection: AsyncConnection,
    settings: Settings,
    person: PersonCaller,
    provider: Provider,
    types: Sequence[str],
    redirect_uri: str,
) -> str:
    """The URL at Google where the person agrees, for ten minutes and once.

    Raises Conflict where Google is not set up, InvalidRequest for types that the provider does not
    have or no policy covers, and for a redirect_uri that is not registered for the app.
    """
    require_configured(settings)
    wanted = require_supported(provider, types)
    await _require_registered(connection, person.client_id, redirect_uri)
    policy = await choose_policy(connection, person, wanted)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    content = orjson.dumps(
        [wanted, redirect_uri, verifier, [policy.id, policy.version, policy.locale]]
    )
    digest, now = digest_of(state), clock.now()
    await take_gate(connection, person.person_id)
    await connection.execute(
        delete(PendingAuthorization).where(
            PendingAuthorization.person_id == person.person_id,
            PendingAuthorization.expires_at <= now,
        )
    )
    await connection.execute(
        insert(PendingAuthorization).values(
            state_digest=digest,
            person_id=person.person_id,
            client_id=person.client_id,
            provider=provider.platform,
            expires_at=now + WITHIN,
            sealed=person.key.seal(content, *_place(digest)),
        )
    )
    scopes = [*provider.list_scopes(wanted), *scopes_for(settings, provider)]
    return authorization_url(settings, scopes, state, verifier)


def require_supported(provider: Provider, types: Sequence[str]) -> list[str]:
    """The types, each once. Raises InvalidRequest that points at those the provider lacks."""
    errors: list[FieldError] = [
        {"pointer": f"/types/{position}", "code": "type_not_available"}
        for position, name in enumerate(types)
        if name not in provider.supported
    ]
    if errors:
        known = ", ".join(sorted(provider.supported))
        raise InvalidRequest(f"{provider.name} has only: {known}.", errors=errors)
    return list(dict.fromkeys(types))


async def _require_registered(
    connection: AsyncConnection, client_id: UUID, redirect_uri: str
) -> None:
    query = select(Client.redirect_uris).where(Client.client_id == client_id)
    if redirect_uri not in (await connection.scalar(query) or ()):
        raise InvalidRequest(
            "The redirect_uri is not registered for this app; the operator registers it.",
            errors=[{"pointer": "/redirect_uri", "code": "redirect_uri_not_registered"}],
        )


async def take_pending(connection: AsyncConnection, keyring: Keyring, state: str) -> Pending:
    """What waits for this state, which can't be used again. Raises NotFound.

    Speaks for its person from here on. Nothing waits for somebody who has left.
    """
    digest = digest_of(state)
    gone = delete(PendingAuthorization).where(PendingAuthorization.state_digest == digest)
    row = (await connection.execute(gone.returning(PendingAuthorization))).first()
    if row is None or row.expires_at <= clock.now():
        raise NotFound(NOT_WAITING)
    provider = BY_PLATFORM[row.provider]
    await speak_for(connection, person_id=row.person_id)
    person = await find_caller(connection, keyring, row.person_id, row.client_id, provider.via)
    if person is None:
        raise NotFound(NOT_WAITING)
    opened = orjson.loads(person.key.open(row.sealed, *_place(digest)))
    types, redirect_uri, verifier, (policy_id, version, locale) = opened
    policy = PolicyRef(id=policy_id, version=version, locale=locale)
    return Pending(person, provider, tuple(types), redirect_uri, verifier, policy)


async def enter_grant(connection: AsyncConnection, pending: Pending, tokens: Tokens) -> Result:
    """Enters what Google really granted: consents, refusals, and the connection to pull from.

    Raises Unauthenticated when the person has left meanwhile.
    """
    person, provider = pending.person, pending.provider
    await speak_for(connection, person_id=person.person_id)
    await take_gate(connection, person.person_id)
    scopes = {name: provider.read_scope(name) for name in pending.types}
    granted = {name: scope for name, scope in scopes.items() if scope in tokens.scopes}
    policy = await get_policy(connection, pending.policy)
    evidence = [scope for scope in dict.fromkeys(scopes.values()) if scope in tokens.scopes]
    grant = to_grant(person, policy, granted, evidence)
    for scope in dict.fromkeys(scopes[name] for name in scopes if name not in granted):
        await enter_refusal(connection, person, grant, scope, BY_PERSON)
    if not granted:
        return "refused"
    row = await find_connection(connection, person, provider.platform)
    kept = with_refresh_token(tokens, None if row is None else open_tokens(person.key, row))
    if kept is None:
        return "failed"
    carried = await list_carried(connection, person, provider)
    await give(connection, person, replace(grant, anew=carried & set(grant.scopes)))
    await keep_connection(connection, person, provider, kept, scopes.keys())
    await take_scopes(connection, person, provider, kept.scopes)
    await begin_move(connection, person, provider)
    return "connected" if len(granted) == len(scopes) else "partial"


def with_refresh_token(tokens: Tokens, known: Tokens | None) -> Tokens | None:
    """The tokens, with the refresh token known so far if Google gave no other; None without any."""
    if tokens.refresh_token:
        return tokens
    if known is None:
        return None
    return Tokens(known.refresh_token, tokens.access_token, tokens.expires_at, tokens.scopes)


async def enter_denial(connection: AsyncConnection, pending: Pending) -> None:
    """Enters that the person declined everything. Raises Unauthenticated when they have left."""
    person = pending.person
    await speak_for(connection, person_id=person.person_id)
    await take_gate(connection, person.person_id)
    policy = await get_policy(connection, pending.policy)
    grant = to_grant(person, policy, {}, [])
    for scope in pending.asked:
        await enter_refusal(connection, person, grant, scope, BY_PERSON)


def digest_of(state: str) -> bytes:
    """Under which a state is found; the state itself is nowhere."""
    return hashlib.sha256(state.encode()).digest()


def _place(digest: bytes) -> tuple[bytes, ...]:
    return b"pending_authorizations", digest
