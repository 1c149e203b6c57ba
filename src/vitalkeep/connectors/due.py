"""The worker's part: connections that are due, each claimed by one process at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction, transaction
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.keys import Keyring
from vitalkeep.base.logs import fault as logged
from vitalkeep.base.logs import get_log
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.faults import GoogleFault, retry_time
from vitalkeep.connectors.granted import change_connection
from vitalkeep.connectors.identities import identify
from vitalkeep.connectors.models import Connection
from vitalkeep.connectors.moving import finish_move
from vitalkeep.connectors.oauth import revoke
from vitalkeep.connectors.providers import BY_PLATFORM, Provider
from vitalkeep.connectors.pulling import pull
from vitalkeep.connectors.stored import (
    ConnectionRow,
    find_caller,
    find_connection,
    is_one,
    open_tokens,
)
from vitalkeep.connectors.writing import LEASE, LeaseLost, hold
from vitalkeep.persons.access import PersonCaller

REVOKE_WITHIN: Final = timedelta(days=7)
"""After so long a token that Google would not take back is destroyed all the same."""
AT_ONCE: Final = 4
"""Persons who are dealt with side by side: most of the time it is Google that is waited for."""
MOST: Final = 500
"""Connections of one run, so that what falls due meanwhile doesn't wait for all that was due."""


class Whose(NamedTuple):
    """A connection's key."""

    person_id: UUID
    provider: str
    client_id: UUID


async def pull_due(
    engine: AsyncEngine, settings: Settings, open_keys: Callable[[], Keyring]
) -> int:
    """Deals with connections that are due, a person's own one after the other; how many.

    One that fails in a way that was not foreseen holds up no other: it is due again when its lease
    is over. Raises what the last of those raised. The keyring is opened when there is work.
    """
    found = await list_due(engine)
    if not found:
        return 0
    keyring, waiting = open_keys(), iter(found.values())
    outcomes: list[bool | Exception] = []

    async def take_turns() -> None:
        for theirs in waiting:
            outcomes.extend([await try_one(engine, settings, keyring, each) for each in theirs])

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(take_turns())
    failed = [each for each in outcomes if isinstance(each, Exception)]
    if failed:
        raise failed[-1]
    return outcomes.count(True)


async def try_one(
    engine: AsyncEngine, settings: Settings, keyring: Keyring, whose: Whose
) -> bool | Exception:
    """Whether a connection was dealt with, or what was not foreseen."""
    try:
        return await deal_with(engine, settings, keyring, whose)
    except (LeaseLost, Unauthenticated):
        return False  # disconnected, left, or in somebody else's hands meanwhile
    except Exception as error:
        get_log().error("pull_broke", provider=whose.provider, **logged(error))
        return error


async def list_due(engine: AsyncEngine) -> dict[UUID, list[Whose]]:
    """Connections that are due by person, those that have waited longest first."""
    query = (
        select(Connection.person_id, Connection.provider, Connection.client_id)
        .where(Connection.due_at.is_not(None), Connection.due_at <= clock.now())
        .order_by(Connection.due_at)
        .limit(MOST)
    )
    found: dict[UUID, list[Whose]] = defaultdict(list)
    async with transaction(engine) as connection:
        for row in (await connection.execute(query)).all():
            found[row.person_id].append(Whose(*row))
    return found


async def deal_with(
    engine: AsyncEngine, settings: Settings, keyring: Keyring, whose: Whose
) -> bool:
    """Pulls from a connection or takes its grant back; False if another process does.

    Raises LeaseLost, Unauthenticated.
    """
    lease, provider = uuid4(), BY_PLATFORM[whose.provider]
    async with bound_transaction(engine, person_id=whose.person_id) as connection:
        now = clock.now()
        claimed = await connection.execute(
            update(Connection)
            .where(is_one(Connection, *whose), Connection.due_at <= now)
            .values(lease=lease, due_at=now + LEASE)
        )
        if claimed.rowcount != 1:
            return False
        person = await find_caller(
            connection, keyring, whose.person_id, whose.client_id, provider.via
        )
        row = None if person is None else await find_connection(connection, person, whose.provider)
    if person is None or row is None:
        return False
    if row.state == "disconnecting":
        await take_back(engine, settings, person, provider, row, lease)
    else:
        await pull(engine, settings, person, provider, lease)
        await finish_move(engine, settings, person)
        await identify(engine, settings, keyring, person, provider)
    return True


async def take_back(
    engine: AsyncEngine,
    settings: Settings,
    person: PersonCaller,
    provider: Provider,
    row: ConnectionRow,
    lease: UUID,
) -> None:
    """Revokes the grant of a connection that was ended here, and forgets it.

    While Google doesn't answer it is tried again for seven days. Raises LeaseLost, Unauthenticated.
    """
    tokens, failed = open_tokens(person.key, row), None
    try:
        if tokens is not None:
            await revoke(settings, tokens)
    except GoogleFault as fault:
        failed = fault
        get_log().warning("revoke_failed", provider=provider.name, code=fault.code)
    now = clock.now()
    given_up = row.ended_at is not None and row.ended_at + REVOKE_WITHIN <= now
    async with bound_transaction(engine, person_id=person.person_id) as connection:
        await hold(connection, person, provider, lease)
        if failed is None or given_up:
            this = is_one(Connection, person.person_id, row.provider, row.client_id)
            await connection.execute(delete(Connection).where(this))
            return
        failures = row.failures + 1
        await change_connection(
            connection,
            person,
            provider.platform,
            lease=None,
            failures=failures,
            due_at=retry_time(failures, failed.wait, now),
        )
