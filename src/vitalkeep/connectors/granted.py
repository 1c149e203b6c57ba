"""What Google grants now: kept with the connection, and narrowing consents that rest on it."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.connectors.models import Connection, ConnectionType
from vitalkeep.connectors.oauth import Tokens
from vitalkeep.connectors.providers import Provider
from vitalkeep.connectors.stored import find_connection, is_one, list_types, seal_tokens
from vitalkeep.consents.platforms import take_grants
from vitalkeep.datatypes.registry import BY_NAME, BY_NUMBER
from vitalkeep.persons.access import PersonCaller


async def keep_connection(
    connection: AsyncConnection,
    person: PersonCaller,
    provider: Provider,
    tokens: Tokens,
    asked: Iterable[str],
) -> None:
    """The connection with these tokens, due at once, and a row for each type that was asked for.

    A type that was pulled before goes on from where it was. The caller holds the gate.
    """
    now = clock.now()
    anew: dict[str, object] = {
        "connected_at": now,
        "due_at": now,
        "pull_at": None,
        "identified_at": None,
        "ended_at": None,
        "lease": None,
        "failures": 0,
        "state": "active",
        "problem": None,
        "sealed_tokens": seal_tokens(person.key, provider.platform, person.client_id, tokens),
    }
    whose = {
        "person_id": person.person_id,
        "provider": provider.platform,
        "client_id": person.client_id,
    }
    if await find_connection(connection, person, provider.platform) is None:
        await connection.execute(insert(Connection).values(**whose, **anew))
    else:
        this = is_one(Connection, person.person_id, provider.platform, person.client_id)
        await connection.execute(update(Connection).where(this).values(**anew))
        these = is_one(ConnectionType, person.person_id, provider.platform, person.client_id)
        at_once = update(ConnectionType).where(these)
        await connection.execute(at_once.values(problem=None, failures=0, retry_at=None))
    rows = [{**whose, "type": BY_NAME[name].number, "granted": False} for name in asked]
    key = ["person_id", "provider", "client_id", "type"]
    kept = upsert(ConnectionType).values(rows).on_conflict_do_nothing(index_elements=key)
    await connection.execute(kept)


async def take_scopes(
    connection: AsyncConnection, person: PersonCaller, provider: Provider, scopes: Collection[str]
) -> None:
    """Enters which types of the connection Google grants with these scopes.

    Consents that rest on a grant which is gone end as narrowed; none is widened. The caller holds
    the gate.
    """
    await take_grants(connection, person, provider.platform, scopes)
    for row in await list_types(connection, person, provider.platform):
        granted = provider.read_scope(BY_NUMBER[row.type].name) in scopes
        problem = None if granted else "scope_missing"
        if row.granted != granted or (not granted and row.problem != problem):
            await change_type(
                connection,
                person,
                provider.platform,
                row.type,
                granted=granted,
                problem=problem,
                failures=0,
                retry_at=None,
            )


async def change_type(
    connection: AsyncConnection,
    person: PersonCaller,
    provider: str,
    number: int,
    **columns: object,
) -> None:
    """Changes columns of one type of the calling app's connection."""
    this = is_one(ConnectionType, person.person_id, provider, person.client_id)
    await connection.execute(
        update(ConnectionType).where(this, ConnectionType.type == number).values(**columns)
    )


async def change_connection(
    connection: AsyncConnection,
    person: PersonCaller,
    provider: str,
    *,
    under: UUID | None = None,
    **columns: object,
) -> bool:
    """Changes columns of the calling app's connection; if a lease is named, only `under` that one.

    False if it is not there, or somebody else's to change.
    """
    this = is_one(Connection, person.person_id, provider, person.client_id)
    statement = update(Connection).where(this).values(**columns)
    if under is not None:
        statement = statement.where(Connection.lease == under)
    return (await connection.execute(statement)).rowcount == 1
