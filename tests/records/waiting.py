"""Seeing, in the database, that somebody waits at a person's gate."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from tests.make import Make

WAITING = text(
    "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'"
    " AND datname = current_database() ORDER BY pid"
)


async def waiters(make: Make, count: int = 1) -> list[int]:
    """The backends that wait for a lock, as soon as there are `count` of them."""
    async with asyncio.timeout(20):
        async with make.fastapi.state.engine.connect() as connection:
            found: list[int] = []
            while len(found) < count:
                found = list((await connection.scalars(WAITING)).all())
                # pg_stat_activity stands still within a transaction.
                await connection.rollback()
    return found


@asynccontextmanager
async def refusing_commits(make: Make, person_id: object, action: str) -> AsyncIterator[None]:
    """While it is open, `action` (PL/pgSQL) runs when a transaction commits the person's records.

    It stands for everything that can go wrong after the last statement has succeeded.
    """
    engine = make.fastapi.state.engine
    function = f"""
        CREATE FUNCTION refuse_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN {action}; PERFORM pg_sleep(5); RETURN NULL; END $$"""
    trigger = f"""
        CREATE CONSTRAINT TRIGGER refuse_commit AFTER INSERT ON records
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.person_id = '{person_id}')
        EXECUTE FUNCTION refuse_commit()"""
    async with engine.begin() as connection:
        await connection.execute(text(function))
        await connection.execute(text(trigger))
    try:
        yield
    finally:
        async with engine.begin() as connection:
            await connection.execute(text("DROP FUNCTION refuse_commit CASCADE"))
