"""The end of master keys, and what it means for those who have left: `erased` becomes `shredded`.

An erasure is shredded when every epoch up to its own is destroyed: one of them wrapped the person's
key, and no copy of that opens any more.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.elements import ColumnElement

from vitalkeep.base import clock
from vitalkeep.base.db import transaction
from vitalkeep.base.keys import Keyring
from vitalkeep.erasure.certificate import Certificate, issue_second
from vitalkeep.erasure.models import Erasure
from vitalkeep.erasure.settling import from_text
from vitalkeep.persons.models import Epoch

BATCH: Final = 500


async def destroy_retired(
    engine: AsyncEngine, keyring: Keyring, told: Callable[[], None] = lambda: None
) -> tuple[list[int], dict[int, datetime], int]:
    """Destroys the master keys of retired epochs: which are gone, which when, how many shredded.

    Only those before the newest backup of the key table, which has to be whole. The caller holds
    the rotation's lease. Raises KeyringError.
    """
    backup = keyring.find_backup()
    gone: list[int] = []
    waiting: dict[int, datetime] = {}
    for epoch in [] if backup is None else await list_retired(engine, before=backup.epoch):
        gone_at = keyring.destroy(epoch)
        told()
        if gone_at is not None:
            waiting[epoch] = gone_at
            continue
        async with transaction(engine) as connection:
            ended = update(Epoch).where(Epoch.epoch == epoch, Epoch.wraps.is_(None))
            await connection.execute(ended.values(destroyed_at=clock.now()))
        gone.append(epoch)
    return gone, waiting, await shred(engine, keyring)


async def list_retired(engine: AsyncEngine, *, before: int) -> list[int]:
    """Epochs that wrap nothing any more and whose master key may still be there, oldest first."""
    retired = Epoch.wraps.is_(None), Epoch.destroyed_at.is_(None), Epoch.epoch < before
    async with transaction(engine) as connection:
        query = select(Epoch.epoch).where(*retired).order_by(Epoch.epoch)
        return list(await connection.scalars(query))


async def shred(engine: AsyncEngine, keyring: Keyring) -> int:
    """Gives erasures whose epochs are all destroyed their second certificate; how many."""
    shredded = 0
    while True:
        async with transaction(engine) as connection:
            shredded += (done := await shred_batch(connection, keyring))
        if done < BATCH:
            return shredded


def is_due() -> ColumnElement[bool]:
    """Of an erasure: its epoch is destroyed, and so is every one before."""
    up_to_it = Epoch.epoch <= Erasure.epoch
    return exists().where(Epoch.epoch == Erasure.epoch) & ~exists().where(
        up_to_it, Epoch.destroyed_at.is_(None)
    )


async def shred_batch(connection: AsyncConnection, keyring: Keyring) -> int:
    """Some of the erasures that are due; how many."""
    query = select(Erasure.erasure_id, Erasure.epoch, Erasure.certificate, Erasure.outcomes)
    query = query.where(Erasure.stage == "erased", is_due()).limit(BATCH)
    rows = (await connection.execute(query)).all()
    for row in rows:
        now = clock.now()
        first = Certificate.model_validate_json(row.certificate)
        told = from_text(row.outcomes) if row.outcomes else None
        second = issue_second(keyring, first, epoch=row.epoch, shredded_at=now, recipients=told)
        this = update(Erasure).where(Erasure.erasure_id == row.erasure_id)
        signed = second.model_dump_json(exclude_none=True)
        await connection.execute(
            this.values(stage="shredded", shredded_at=now, shredded_certificate=signed)
        )
    return len(rows)


async def is_wanted(engine: AsyncEngine, epoch: int, since: datetime) -> bool:
    """Whether somebody who left before a moment waits for an epoch, or a later one, to go."""
    waits = Erasure.stage == "erased", Erasure.epoch >= epoch, Erasure.erased_at <= since
    async with transaction(engine) as connection:
        return bool(await connection.scalar(select(exists().where(*waits))))
