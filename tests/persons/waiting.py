"""Waiting for a request to hang on a lock, so that a race is played out and not hoped for."""

import asyncio

from fastapi import FastAPI
from sqlalchemy import text

WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def until_somebody_waits(app: FastAPI) -> None:
    """Returns when a transaction waits for another's lock; raises TimeoutError after 10 s."""
    async with asyncio.timeout(10), app.state.engine.connect() as connection:
        while not await connection.scalar(WAITING):
            await asyncio.sleep(0.01)
