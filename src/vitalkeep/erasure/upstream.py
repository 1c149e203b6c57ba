"""Grants that a person gave at other providers: revoked before the rows go, each with its outcome.

No room holds such grants yet, so nobody is connected. Whoever adds a provider puts its step here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.base.keys import Keyring

UpstreamOutcome: TypeAlias = Literal["not_connected", "revoked", "already_revoked", "failed"]


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a person can have given a grant.

    `revoke` is called outside any transaction with the person's gate closed, and again if the
    process dies meanwhile. It bounds its own time and tries, and answers `failed` instead of
    raising: what it raises stops the erasure until the worker's next run.
    """

    name: str
    revoke: Callable[[AsyncEngine, Keyring, UUID], Awaitable[UpstreamOutcome]]


async def hold_no_grant(
    _engine: AsyncEngine, _keyring: Keyring, _person_id: UUID
) -> UpstreamOutcome:
    """For a provider of which nothing is stored."""
    return "not_connected"


PROVIDERS: Final = (Provider("google_fit", hold_no_grant), Provider("google_health", hold_no_grant))


async def revoke_grants(
    engine: AsyncEngine, keyring: Keyring, person_id: UUID
) -> dict[str, UpstreamOutcome]:
    """What became of the person's grant at each provider."""
    return {each.name: await each.revoke(engine, keyring, person_id) for each in PROVIDERS}
