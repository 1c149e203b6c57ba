"""The persons' wrapped keys in the keyring's backup: written by each rotation, put back after a
database was restored from before it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base.db import driver, transaction
from vitalkeep.base.key_table import WrappedKey
from vitalkeep.base.keys import Keyring, KeyringError
from vitalkeep.erasure.models import Erasure
from vitalkeep.persons.epochs import register_epoch
from vitalkeep.persons.models import Person, PersonKeyRow

BATCH: Final = 1000
FIRST: Final = UUID(int=0)
RESTORE: Final = """
UPDATE person_keys k SET wrapped_key = u.wrapped_key, epoch = u.epoch
FROM unnest($1::uuid[], $2::int[], $3::bytea[]) AS u (person_id, epoch, wrapped_key)
WHERE k.person_id = u.person_id AND k.epoch < u.epoch
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: keys of how many persons, and how many have a key that nothing opens."""

    epoch: int
    restored: int
    unreadable: int


async def list_keys(
    connection: AsyncConnection, behind: UUID, *, before: int | None = None
) -> list[WrappedKey]:
    """A page of persons' wrapped keys by id, of epochs before one or of all."""
    query = select(PersonKeyRow.person_id, PersonKeyRow.epoch, PersonKeyRow.wrapped_key)
    query = query.where(PersonKeyRow.person_id > behind)
    if before is not None:
        query = query.where(PersonKeyRow.epoch < before)
    rows = await connection.execute(query.order_by(PersonKeyRow.person_id).limit(BATCH))
    return [(row.person_id, row.epoch, row.wrapped_key) for row in rows]


async def back_up(
    engine: AsyncEngine, keyring: Keyring, epoch: int, alive: Callable[[], Awaitable[object]]
) -> int:
    """Writes the key table to the keyring's backup, durable on return; of how many persons."""
    behind = FIRST
    with keyring.write_backup(epoch) as backup:
        while True:
            async with transaction(engine) as connection:
                keys = await list_keys(connection, behind)
            backup.add(keys)
            if len(keys) < BATCH:
                return backup.persons
            behind = keys[-1][0]
            await alive()


async def require_same_database(engine: AsyncEngine, keyring: Keyring) -> None:
    """Raises KeyringError if the keyring's backup is of another database, or of a newer state.

    Whoever is in the backup is in the database, or has left since it was begun. A rotation on any
    other database would destroy keys that it knows nothing of.
    """
    backup = keyring.find_backup()
    if backup is None:
        return
    missing = 0
    async with transaction(engine) as connection:
        for keys in keyring.read_backup():
            persons = [person_id for person_id, _, _ in keys]
            here = select(func.count()).where(Person.person_id.in_(persons))
            missing += len(persons) - (await connection.scalar(here) or 0)
        gone_at = func.greatest(Erasure.erased_at, Erasure.replayed_at)
        since = select(func.count()).where(gone_at >= backup.written_at)
        left = await connection.scalar(since.select_from(Erasure)) or 0
    if missing > left:
        raise KeyringError(
            f"{missing} of the {backup.persons} persons in the keyring's backup are not in this "
            f"database, and {left} have left since: the keyring belongs to another database, or "
            "the database was restored from before the backup (see `vitalkeep keys restore`)"
        )


async def restore_keys(engine: AsyncEngine, keyring: Keyring) -> Restored:
    """Puts the backup's keys into a database that was restored from an older state.

    For the operator, with the server stopped. Who left before the backup stays unreadable; who
    is in the database and not in the backup keeps the key that is there. Raises KeyringError.
    """
    backup = keyring.find_backup()
    if backup is None:
        raise KeyringError(f"{keyring.name} has no backup of persons' keys")
    keyring.refresh()
    restored = 0
    async with transaction(engine) as connection:
        for epoch in keyring.epochs():
            await register_epoch(connection, epoch)
        raw = await driver(connection)
        for keys in keyring.read_backup():
            persons, epochs, wrapped = (list(part) for part in zip(*keys, strict=True))
            said = await raw.execute(RESTORE, persons, epochs, wrapped)
            restored += int(said.split()[-1])
        lost = select(func.count()).where(PersonKeyRow.epoch.not_in(keyring.epochs()))
        unreadable = await connection.scalar(lost) or 0
    return Restored(keyring.epoch, restored, unreadable)
