"""Connections as they are stored: finding them, their types, and what opens their tokens."""

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.keys import Keyring
from vitalkeep.base.sealing import PersonKey
from vitalkeep.connectors.models import Connection, ConnectionType
from vitalkeep.connectors.oauth import Tokens
from vitalkeep.persons.access import CALLER, PersonCaller, open_key

ConnectionRow: TypeAlias = Row[Connection]
"""All columns of one connection."""
TypeRow: TypeAlias = Row[ConnectionType]
"""All columns of one type of a connection."""


async def find_caller(
    connection: AsyncConnection, keyring: Keyring, person_id: UUID, client_id: UUID, via: int
) -> PersonCaller | None:
    """The person as one of their apps, though they are not calling; None once they have left."""
    row = (await connection.execute(CALLER, {"person_id": person_id})).first()
    if row is None or row.state != "active":
        return None
    key = open_key(keyring, person_id, row.epoch, row.wrapped_key)
    return PersonCaller(person_id, client_id, key, row.time_zone, row.locale, via)


def is_one(
    table: type[Connection | ConnectionType], person_id: UUID, provider: str, client_id: UUID
) -> ColumnElement[bool]:
    """The rows of one connection."""
    return and_(
        table.person_id == person_id, table.provider == provider, table.client_id == client_id
    )


async def find_connection(
    connection: AsyncConnection, person: PersonCaller, provider: str
) -> ConnectionRow | None:
    """The calling app's connection to a provider."""
    query = select(Connection).where(
        is_one(Connection, person.person_id, provider, person.client_id)
    )
    return (await connection.execute(query)).first()


async def list_connections(
    connection: AsyncConnection, person: PersonCaller
) -> Sequence[ConnectionRow]:
    """The calling app's connections, by provider."""
    query = select(Connection).where(
        Connection.person_id == person.person_id, Connection.client_id == person.client_id
    )
    return (await connection.execute(query.order_by(Connection.provider))).all()


async def list_types(
    connection: AsyncConnection, person: PersonCaller, provider: str
) -> Sequence[TypeRow]:
    """The types of the calling app's connection, those that failed least first."""
    query = select(ConnectionType).where(
        is_one(ConnectionType, person.person_id, provider, person.client_id)
    )
    ordered = query.order_by(ConnectionType.failures, ConnectionType.type)
    return (await connection.execute(ordered)).all()


def seal_tokens(key: PersonKey, provider: str, client_id: UUID, tokens: Tokens) -> bytes:
    """Tokens as they are stored."""
    return key.seal(tokens.to_json(), *_place(provider, client_id))


def open_tokens(key: PersonKey, row: ConnectionRow) -> Tokens | None:
    """The tokens of a connection; None once they are destroyed. Raises SealBroken."""
    if row.sealed_tokens is None:
        return None
    return Tokens.from_json(key.open(row.sealed_tokens, *_place(row.provider, row.client_id)))


def _place(provider: str, client_id: UUID) -> tuple[bytes, ...]:
    return b"connections", provider.encode(), client_id.bytes
