"""How connections stand as a whole, for operators: numbers, nobody's id."""

from typing import TypedDict

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.connectors.models import Connection, ConnectionType
from vitalkeep.datatypes.registry import BY_NUMBER


class Standing(TypedDict):
    """How many connections are alike; without `type` the connections themselves."""

    provider: str
    type: str | None
    state: str
    problem: str | None
    count: int


async def count_connections(connection: AsyncConnection) -> list[Standing]:
    """Connections by provider, state and problem, then their types."""
    whole = select(Connection.provider, Connection.state, Connection.problem, func.count())
    types = select(
        ConnectionType.provider,
        ConnectionType.type,
        ConnectionType.granted,
        ConnectionType.problem,
        func.count(),
    )
    standing: list[Standing] = [
        {"provider": row[0], "type": None, "state": row[1], "problem": row[2], "count": row[3]}
        for row in await connection.execute(
            whole.group_by(*list(whole.selected_columns)[:3]).order_by(Connection.provider)
        )
    ]
    standing += [
        {
            "provider": row[0],
            "type": BY_NUMBER[row[1]].name,
            "state": "granted" if row[2] else "not granted",
            "problem": row[3],
            "count": row[4],
        }
        for row in await connection.execute(
            types.group_by(*list(types.selected_columns)[:4]).order_by(
                ConnectionType.provider, ConnectionType.type
            )
        )
    ]
    return standing


async def count_due(connection: AsyncConnection) -> int:
    """How many connections wait for the worker."""
    query = select(func.count()).select_from(Connection).where(Connection.due_at <= clock.now())
    return await connection.scalar(query) or 0
