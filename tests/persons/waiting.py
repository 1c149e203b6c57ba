"""Waiting for a request to hang on a lock, so that a race is played out and not hoped for."""

import asyncio

from fastapi import FastAPI
from sqlalchemy import text

WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def until_somebody_waits(app: FastAPI) -> None:
    """Returns when a transaction waits for another's lock; fails after 10 s."""
    async with app.state.engine.connect() as connection:
        for _ in range(1000):
            if await connection.scalar(WAITING):
                return
            await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for a lock")
