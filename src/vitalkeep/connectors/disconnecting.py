"""Ending a connection: here at once, at Google when the last type of a person's goes.

Google has one grant for all scopes of the project: revoking it ends every connection of the person.
So nothing is revoked while another one stands; types that remain just are not asked for any more.
"""

from collections.abc import Collection

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import NotFound
from vitalkeep.connectors.granted import change_connection
from vitalkeep.connectors.identities import forget
from vitalkeep.connectors.models import Connection, ConnectionType
from vitalkeep.connectors.providers import Provider
from vitalkeep.connectors.stored import ConnectionRow, find_connection, is_one, list_types
from vitalkeep.consents.models import STANDING
from vitalkeep.consents.platforms import rests_on
from vitalkeep.consents.stored import list_rows
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.withdrawal import end

STORED_DATA = "delete"
"""What becomes of what the withdrawn consents let in: as with a withdrawal that says nothing."""


async def disconnect(
    connection: AsyncConnection,
    person: PersonCaller,
    provider: Provider,
    types: Collection[str] | None,
) -> None:
    """Ends these types of the calling app's connection, or all of them.

    Consents that rest on Google's grant are withdrawn, and what they let in is deleted; one that
    was given otherwise, as for the same app on a phone, stays. Raises NotFound.
    """
    await take_gate(connection, person.person_id)
    row = await find_connection(connection, person, provider.platform)
    if row is None or row.state == "disconnecting":
        raise NotFound("There is no such connection.")
    known = {each.type for each in await list_types(connection, person, provider.platform)}
    leaving = known if types is None else known & {BY_NAME[name].number for name in types}
    await _withdraw(connection, person, provider, leaving)
    this = is_one(ConnectionType, person.person_id, provider.platform, person.client_id)
    await connection.execute(delete(ConnectionType).where(this, ConnectionType.type.in_(leaving)))
    if leaving == known:
        await _close(connection, person, provider, row)


async def _withdraw(
    connection: AsyncConnection, person: PersonCaller, provider: Provider, types: Collection[int]
) -> None:
    for row in await list_rows(connection, person):
        collects = row.action == "collect" and row.recipient_id == person.client_id
        if not collects or row.type not in types or row.state not in (*STANDING, "narrowed"):
            continue
        if rests_on(person, row, provider.platform):
            await end(connection, person, row, STORED_DATA)


async def _close(
    connection: AsyncConnection, person: PersonCaller, provider: Provider, row: ConnectionRow
) -> None:
    """Forgets the connection, once the grant is revoked at Google if it was the person's last."""
    await forget(connection, person, provider)
    others = select(func.count()).where(
        Connection.person_id == person.person_id,
        Connection.state == "active",
        (Connection.provider != row.provider) | (Connection.client_id != row.client_id),
    )
    if row.sealed_tokens is None or await connection.scalar(others):
        this = is_one(Connection, person.person_id, row.provider, row.client_id)
        await connection.execute(delete(Connection).where(this))
        return
    now = clock.now()
    await change_connection(
        connection,
        person,
        provider.platform,
        state="disconnecting",
        due_at=now,
        ended_at=now,
        lease=None,
        failures=0,
        problem=None,
    )
