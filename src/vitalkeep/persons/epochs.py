"""Which master key wraps new data keys. The database says so, since it alone can say it to all.

A transaction that wraps a key holds its epoch's row (FOR KEY SHARE, as the foreign key of
`person_keys` does anyway), so an epoch can't be retired under it; new ones take the newest epoch,
so nobody waits for long. A number is registered once, and a retired one never comes back.
"""

from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.keys import Keyring, KeyringError
from vitalkeep.persons.models import Epoch

CURRENT: Final = text(
    "SELECT epoch FROM epochs WHERE wraps = (SELECT max(wraps) FROM epochs) FOR KEY SHARE"
)
TRIES: Final = 5


async def hold_current_epoch(connection: AsyncConnection, keyring: Keyring) -> int:
    """The epoch to wrap under; it isn't retired before the transaction ends.

    A database that knows no epoch yet takes the keyring's newest.
    """
    for _ in range(TRIES):
        current: int | None = await connection.scalar(CURRENT)
        if current is not None:
            return current
        # None is known yet, or the one that was seen has just been retired for a newer.
        await register_epoch(connection, keyring.epoch)
    raise KeyringError("no epoch is open to wrap keys under: run `vitalkeep keys rotate`")


async def register_epoch(connection: AsyncConnection, epoch: int) -> None:
    """Has new keys wrapped under this epoch, unless it was registered before."""
    new = postgresql.insert(Epoch).values(epoch=epoch, wraps=epoch, made_at=clock.now())
    await connection.execute(new.on_conflict_do_nothing(index_elements=[Epoch.epoch]))


async def newest_epoch(connection: AsyncConnection) -> int:
    """The newest epoch that may have wrapped anything up to now; 0 if there is none."""
    return await connection.scalar(select(func.max(Epoch.epoch))) or 0
