"""Grants that a person gave at other providers: revoked before the rows go, each with its outcome.

Google has one grant for all scopes of the project, so that one revocation ends both providers'; a
second account has a grant of its own, and every token is handed back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.base.db import bound_transaction
from vitalkeep.base.keys import Keyring
from vitalkeep.base.logs import get_log
from vitalkeep.base.sealing import PersonKey, SealBroken
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.faults import GoogleFault
from vitalkeep.connectors.models import Connection
from vitalkeep.connectors.oauth import Tokens, revoke
from vitalkeep.connectors.stored import ConnectionRow, open_tokens
from vitalkeep.persons.access import open_key
from vitalkeep.persons.models import PersonKeyRow

UpstreamOutcome: TypeAlias = Literal["not_connected", "revoked", "already_revoked", "failed"]

TRIES: Final = 3
PAUSE_S: Final = 0.2
"""With the client's own time limits a provider that is away takes a person 15 seconds."""


@dataclass(frozen=True, slots=True)
class Leaver:
    """Whose grants are to be revoked, and what that takes."""

    engine: AsyncEngine
    keyring: Keyring
    settings: Settings
    person_id: UUID


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a person can have given a grant.

    `revoke` is called outside any transaction with the person's gate closed, and again if the
    process dies meanwhile. It bounds its own time and tries, and answers `failed` instead of
    raising: what it raises stops the erasure until the worker's next run.
    """

    name: str
    revoke: Callable[[Leaver], Awaitable[UpstreamOutcome]]


def at_google(platform: str) -> Provider:
    """One of Google's services."""

    async def revoke_all(leaver: Leaver) -> UpstreamOutcome:
        outcomes = {
            await hand_back(leaver.settings, tokens)
            for tokens in await list_tokens(leaver, platform)
        }
        for worst in ("failed", "revoked", "already_revoked"):
            if worst in outcomes:
                return worst
        return "not_connected"

    return Provider(platform, revoke_all)


PROVIDERS: Final = (at_google("google_fit"), at_google("google_health"))


async def list_tokens(leaver: Leaver, platform: str) -> list[Tokens | None]:
    """The tokens of the person's connections to a provider, whichever app made them.

    None for those that nobody can open any more: damaged, or their master key destroyed. Raises
    KeyringError for a key that can't be had now.
    """
    person_id, keyring = leaver.person_id, leaver.keyring
    keys = select(PersonKeyRow.epoch, PersonKeyRow.wrapped_key)
    rows = select(Connection).where(
        Connection.person_id == person_id,
        Connection.provider == platform,
        Connection.sealed_tokens.is_not(None),
    )
    async with bound_transaction(leaver.engine, person_id=person_id) as connection:
        found = (await connection.execute(rows)).all()
        wrapped = (
            await connection.execute(keys.where(PersonKeyRow.person_id == person_id))
        ).first()
    if not found:
        return []
    keyring.refresh()
    if wrapped is None or wrapped.epoch not in keyring.epochs():
        return [None]
    key = open_key(keyring, person_id, wrapped.epoch, wrapped.wrapped_key)
    return [_open(key, row) for row in found]


def _open(key: PersonKey, row: ConnectionRow) -> Tokens | None:
    try:
        return open_tokens(key, row)
    except SealBroken:
        return None  # nobody is kept from leaving by a row that was damaged


async def hand_back(settings: Settings, tokens: Tokens | None) -> UpstreamOutcome:
    """Revokes one grant, in a few tries."""
    if tokens is None:
        return "failed"
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        try:
            return await revoke(settings, tokens)
        except GoogleFault as fault:
            get_log().warning("revoke_failed", code=fault.code)
    return "failed"


async def revoke_grants(
    engine: AsyncEngine, keyring: Keyring, settings: Settings, person_id: UUID
) -> dict[str, UpstreamOutcome]:
    """What became of the person's grant at each provider.

    A grant that the revocation before it has taken along is as revoked as that one.
    """
    leaver = Leaver(engine, keyring, settings, person_id)
    outcomes: dict[str, UpstreamOutcome] = {}
    for each in PROVIDERS:
        outcome = await each.revoke(leaver)
        taken_along = outcome == "already_revoked" and "revoked" in outcomes.values()
        outcomes[each.name] = "revoked" if taken_along else outcome
    return outcomes
