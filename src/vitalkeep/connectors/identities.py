"""Whose notifications are whose: Google Health's id of an account, kept as a keyed digest only.

It is asked for after a pull, where notifications are set up. A Google that does not tell it keeps
nothing from being pulled: that connection just gets no notifications.
Source: developers.google.com/health/api: users.getIdentity.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.keys import Keyring
from vitalkeep.base.logs import get_log
from vitalkeep.base.outbound import outbound_client
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.calling import Account
from vitalkeep.connectors.faults import GoogleFault
from vitalkeep.connectors.granted import change_connection
from vitalkeep.connectors.models import GoogleIdentity
from vitalkeep.connectors.notifications import MAX_ID_CHARS
from vitalkeep.connectors.oauth import Tokens
from vitalkeep.connectors.providers import GOOGLE_HEALTH, Provider
from vitalkeep.connectors.stored import find_connection, open_tokens
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate

SCOPE: Final = "https://www.googleapis.com/auth/googlehealth.profile.readonly"
"""Asked for beside the types' own: by reports Google tells the id to nobody without it."""
ASK_AGAIN: Final = timedelta(days=1)
PASSING: Final = {"google_unavailable", "rate_limited", "token_refused"}
"""Faults after which it is asked for with the next pull."""


class Owner(NamedTuple):
    """A connection that a notification is for."""

    person_id: UUID
    client_id: UUID


def scopes_for(settings: Settings, provider: Provider) -> list[str]:
    """Scopes that notifications need beside those of the types."""
    return [SCOPE] if _is_notified(settings, provider) else []


def _is_notified(settings: Settings, provider: Provider) -> bool:
    return provider is GOOGLE_HEALTH and settings.google_health_webhook_secret is not None


def digest_of(keyring: Keyring, user_id: str) -> bytes:
    """Under which an account is found; its id is nowhere."""
    return keyring.digest("google-health-user", user_id)


async def find_owners(
    connection: AsyncConnection, digests: Collection[bytes]
) -> dict[bytes, list[Owner]]:
    """The connections of each account that is known; one may be connected by several apps."""
    query = select(GoogleIdentity).where(GoogleIdentity.digest.in_(digests))
    found: dict[bytes, list[Owner]] = {}
    for row in (await connection.execute(query)).all():
        found.setdefault(row.digest, []).append(Owner(row.person_id, row.client_id))
    return found


async def forget(connection: AsyncConnection, person: PersonCaller, provider: Provider) -> None:
    """Forgets whose account the calling app's connection is of. The caller holds the gate."""
    if provider is GOOGLE_HEALTH:
        await connection.execute(delete(GoogleIdentity).where(_of(person)))


async def identify(
    engine: AsyncEngine,
    settings: Settings,
    keyring: Keyring,
    person: PersonCaller,
    provider: Provider,
) -> None:
    """Learns whose account the connection is of, unless that is known or was refused today.

    Raises Unauthenticated.
    """
    if not _is_notified(settings, provider):
        return
    async with bound_transaction(engine, person_id=person.person_id) as connection:
        asked = await _find_unknown(connection, person)
    if asked is None:
        return
    tokens, connected_at = asked
    user_id, passing = await _ask(settings, tokens)
    if user_id is None and passing:
        return
    async with bound_transaction(engine, person_id=person.person_id) as connection:
        await take_gate(connection, person.person_id)
        row = await find_connection(connection, person, provider.platform)
        if row is None or row.state != "active" or row.connected_at != connected_at:
            return  # it may be another account by now
        now = clock.now()
        await change_connection(connection, person, provider.platform, identified_at=now)
        await forget(connection, person, provider)
        if user_id is not None:
            digest = digest_of(keyring, user_id)
            values = {"person_id": person.person_id, "client_id": person.client_id}
            await connection.execute(insert(GoogleIdentity).values(digest=digest, **values))


async def _find_unknown(
    connection: AsyncConnection, person: PersonCaller
) -> tuple[Tokens, datetime] | None:
    """The tokens of a connection that has to be asked for, and when it was connected."""
    row = await find_connection(connection, person, GOOGLE_HEALTH.platform)
    if row is None or row.state != "active" or row.failures:
        return None
    now = clock.now()
    known = select(exists().where(_of(person)))
    if row.identified_at is not None and (
        row.identified_at > now - ASK_AGAIN or await connection.scalar(known)
    ):
        return None
    tokens = open_tokens(person.key, row)
    return None if tokens is None or tokens.expires_at <= now else (tokens, row.connected_at)


async def _ask(settings: Settings, tokens: Tokens) -> tuple[str | None, bool]:
    """The id of the account, or None and whether that may pass by itself."""

    async def renew() -> str:
        raise GoogleFault("token_refused")

    url = f"{settings.google_health_url.rstrip('/')}/v4/users/me/identity"
    try:
        async with outbound_client() as client:
            body = await Account(client, tokens.access_token, renew).get(url, {})
    except GoogleFault as fault:
        get_log().warning("identity_refused", provider=GOOGLE_HEALTH.name, code=fault.code)
        return None, fault.code in PASSING
    user_id = body.get("healthUserId")
    good = isinstance(user_id, str) and 0 < len(user_id) <= MAX_ID_CHARS
    return (str(user_id) if good else None), False


def _of(person: PersonCaller) -> ColumnElement[bool]:
    return and_(
        GoogleIdentity.person_id == person.person_id,
        GoogleIdentity.client_id == person.client_id,
    )
