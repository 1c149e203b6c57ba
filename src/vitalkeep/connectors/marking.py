"""Asking everybody to move on: for operators, who see numbers and nobody's id."""

from collections.abc import Callable
from typing import Final, TypedDict
from uuid import UUID

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction, transaction
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.connectors.models import Connection
from vitalkeep.connectors.providers import GOOGLE_FIT
from vitalkeep.connectors.stored import is_one
from vitalkeep.persons.gate import take_gate

PAGE: Final = 500
AT_FIT: Final = (Connection.provider == GOOGLE_FIT.platform) & (Connection.state != "disconnecting")
UNMARKED: Final = AT_FIT & Connection.move_asked_at.is_(None)


class Marked(TypedDict):
    """Connections to Google Fit: all, those that are asked to move now, and those that were."""

    connections: int
    marked: int
    marked_before: int


async def mark_to_move(
    engine: AsyncEngine, *, dry_run: bool, advance: Callable[[int, int], None]
) -> Marked:
    """Has every person who has connected Google Fit asked to connect Google Health instead.

    Each in a transaction of their own; who was asked before is passed over, so it can be run again.
    With `dry_run` nothing is written, and `marked` are those that would be. `advance` is told how
    many of how many are done.
    """
    async with transaction(engine) as connection:
        every = select(func.count()).select_from(Connection)
        total = await connection.scalar(every.where(AT_FIT)) or 0
        waiting = await connection.scalar(every.where(UNMARKED)) or 0
    marked = 0
    after: tuple[UUID, UUID] | None = None
    while not dry_run and (page := await _list_unmarked(engine, after)):
        for person_id, client_id in page:
            marked += await _mark(engine, person_id, client_id)
            advance(marked, waiting)
        after = page[-1]
    return {
        "connections": total,
        "marked": waiting if dry_run else marked,
        "marked_before": total - waiting,
    }


async def _list_unmarked(
    engine: AsyncEngine, after: tuple[UUID, UUID] | None
) -> list[tuple[UUID, UUID]]:
    key = tuple_(Connection.person_id, Connection.client_id)
    query = select(Connection.person_id, Connection.client_id).where(UNMARKED)
    if after is not None:
        query = query.where(key > after)
    async with transaction(engine) as connection:
        rows = await connection.execute(query.order_by(*key).limit(PAGE))
        return [(row[0], row[1]) for row in rows]


async def _mark(engine: AsyncEngine, person_id: UUID, client_id: UUID) -> int:
    """1, or 0 for somebody who has left meanwhile."""
    this = is_one(Connection, person_id, GOOGLE_FIT.platform, client_id)
    marking = update(Connection).where(this, Connection.move_asked_at.is_(None))
    async with bound_transaction(engine, person_id=person_id) as connection:
        try:
            await take_gate(connection, person_id)
        except Unauthenticated:
            return 0
        done = await connection.execute(marking.values(move_asked_at=clock.now()))
        return done.rowcount
