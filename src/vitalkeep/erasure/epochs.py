"""Rotation of master keys: everybody alive moves to a new epoch, then the old ones are destroyed.

Wrapped keys in old WAL, backups and dead rows are noise from then on. Each step is durable before
the next begins, and a rotation that was cut off anywhere is finished by the next one:

1. a master key is made, then its epoch registered: new persons' keys are wrapped under it;
2. the living persons' keys are wrapped anew, in batches;
3. the older epochs are retired, which the database refuses while a key is wrapped under one;
4. the key table is written to the keyring's backup;
5. the retired master keys are destroyed, which `erasure.shredding` does.

Re-wrapping takes no person's gate: it writes one row, which is there or was deleted with its
person, and no push should wait for it (docs/decisions/0020).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from vitalkeep.base import clock
from vitalkeep.base.db import connect_args, driver, transaction
from vitalkeep.base.key_table import WrappedKey
from vitalkeep.base.keys import Keyring, KeyringError
from vitalkeep.erasure import shredding
from vitalkeep.erasure.key_backup import BATCH, FIRST, back_up, list_keys, require_same_database
from vitalkeep.persons.epochs import hold_current_epoch, register_epoch
from vitalkeep.persons.models import Epoch, PersonKeyRow

TRIES: Final = 10
FOREIGN_KEY_VIOLATION: Final = "23503"

LEASE: Final = text("SELECT name FROM leases WHERE name = 'rotation' FOR UPDATE SKIP LOCKED")
REWRAP: Final = """
UPDATE person_keys k SET wrapped_key = u.wrapped_key, epoch = $1
FROM unnest($2::uuid[], $3::int[], $4::bytea[]) AS u (person_id, epoch, wrapped_key)
WHERE k.person_id = u.person_id AND k.epoch = u.epoch
"""

Alive: TypeAlias = Callable[[], Awaitable[object]]
"""Keeps PostgreSQL from ending the lease as idle; raises if it did."""
Told: TypeAlias = Callable[[str, int, int], None]
"""Is told of each step that is durable: its name, how many persons are done, and of how many."""


class RotationUnderWay(KeyringError):
    """Another process rotates."""


class EpochInUse(KeyringError):
    """A living person's key is still wrapped under an epoch that should go."""


@dataclass(slots=True)
class Rotation:
    """What a rotation did. `waiting`: retired epochs, and when their keys will be gone."""

    epoch: int
    rewrapped: int = 0
    persons: int = 0
    destroyed: list[int] = field(default_factory=list)
    waiting: dict[int, datetime] = field(default_factory=dict)
    shredded: int = 0


def tell_nobody(_step: str, _done: int, _total: int) -> None:
    """For whom a rotation is nothing to watch."""


async def rotate(
    engine: AsyncEngine, keyring: Keyring, told: Told = tell_nobody, *, even_so: bool = False
) -> Rotation:
    """Moves all persons to a new epoch and destroys the older ones, for the operator or the worker.

    Finishes what an earlier rotation left; if somebody has left since that one began, whom only a
    newer epoch can shred, a second rotation follows. `even_so`: also when persons of the keyring's
    backup are missing here. Raises RotationUnderWay, EpochInUse, or KeyringError when a key can't
    be opened or a backup not be written; no key is lost by any.
    """
    begun_at = clock.now()
    async with lease(engine) as alive:
        if not even_so:
            await require_same_database(engine, keyring)
        epoch, resumed = await choose_epoch(engine, keyring)
        done = await move_to(engine, keyring, epoch, told, alive)
        if resumed and await shredding.is_wanted(engine, epoch, begun_at):
            epoch, _ = await choose_epoch(engine, keyring)
            again = await move_to(engine, keyring, epoch, told, alive)
            again.rewrapped += done.rewrapped
            again.destroyed = done.destroyed + again.destroyed
            again.shredded += done.shredded
            done = again
    return done


async def rotate_when_due(engine: AsyncEngine, keyring: Keyring, every: timedelta | None) -> int:
    """Rotates if the newest epoch is old enough, or a rotation was cut off; how many keys moved.

    With `every` None only what an earlier rotation left is finished.
    """
    keyring.refresh()
    async with transaction(engine) as connection:
        newest = await hold_current_epoch(connection, keyring)
        made_at = await connection.scalar(select(Epoch.made_at).where(Epoch.epoch == newest))
        cut_off = await is_cut_off(connection, keyring)
    old = every is not None and made_at is not None and made_at + every <= clock.now()
    try:
        if cut_off or old:
            return (await rotate(engine, keyring)).rewrapped
        async with lease(engine):
            await shredding.destroy_retired(engine, keyring)
    except RotationUnderWay:
        return 0
    return 0


@asynccontextmanager
async def lease(engine: AsyncEngine) -> AsyncIterator[Alive]:
    """The only rotation there is while it lasts: a locked row, let go of when the process dies.

    Two at once would do no harm but double work. Raises RotationUnderWay.
    """
    # A connection of its own, since a pool may have only one.
    own = create_async_engine(engine.url, poolclass=NullPool, connect_args=connect_args())
    async with own.connect() as connection, connection.begin():
        if await connection.scalar(LEASE) is None:
            raise RotationUnderWay("another process rotates the keys: let it finish")
        yield lambda: connection.execute(text("SELECT 1"))


async def choose_epoch(engine: AsyncEngine, keyring: Keyring) -> tuple[int, bool]:
    """The epoch to move to, its master key durable; True if a rotation to it had begun before."""
    keyring.refresh()
    async with transaction(engine) as connection:
        newest = await hold_current_epoch(connection, keyring)
        cut_off = await is_cut_off(connection, keyring)
        known = await connection.scalar(select(func.max(Epoch.epoch)))
    if cut_off:
        return max(newest, keyring.epoch), True
    return keyring.new_epoch(above=known or 0), False


async def is_cut_off(connection: AsyncConnection, keyring: Keyring) -> bool:
    """Whether a rotation has begun and not ended."""
    rows = (await connection.execute(select(Epoch.epoch, Epoch.wraps))).all()
    newest = max(row.epoch for row in rows)
    unregistered = keyring.epoch > newest
    unretired = any(row.wraps is not None and row.epoch < newest for row in rows)
    undestroyed = any(row.wraps is None and row.epoch in keyring.epochs() for row in rows)
    return unregistered or unretired or undestroyed


async def move_to(
    engine: AsyncEngine, keyring: Keyring, epoch: int, told: Told, alive: Alive
) -> Rotation:
    """Steps 1 to 5 for a master key that is made."""
    done = Rotation(epoch)
    told("made", 0, 0)
    async with transaction(engine) as connection:
        await register_epoch(connection, epoch)
    told("registered", 0, 0)
    for _ in range(TRIES):
        done.rewrapped += await rewrap(engine, keyring, epoch, told, alive)
        if await retire_before(engine, epoch):
            break
    else:
        raise EpochInUse("persons' keys are still wrapped by older epochs: rotate again later")
    told("retired", done.rewrapped, done.rewrapped)
    done.persons = await back_up(engine, keyring, epoch, alive)
    told("backed up", done.rewrapped, done.rewrapped)
    done.destroyed, done.waiting, done.shredded = await shredding.destroy_retired(
        engine, keyring, lambda: told("destroyed", done.rewrapped, done.rewrapped)
    )
    return done


async def rewrap(
    engine: AsyncEngine, keyring: Keyring, epoch: int, told: Told, alive: Alive
) -> int:
    """Wraps every older key under `epoch`, in batches; how many.

    Somebody who leaves meanwhile is passed over: their row is gone when its turn comes.
    """
    async with transaction(engine) as connection:
        older = select(func.count()).where(PersonKeyRow.epoch < epoch)
        total = await connection.scalar(older) or 0
    moved, behind = 0, FIRST
    while True:
        async with transaction(engine) as connection:
            keys = await list_keys(connection, behind, before=epoch)
            moved += await rewrap_batch(connection, keyring, epoch, keys)
        if keys:
            told("rewrapped", moved, total)
        if len(keys) < BATCH:
            return moved
        behind = keys[-1][0]
        await alive()


async def rewrap_batch(
    connection: AsyncConnection, keyring: Keyring, epoch: int, keys: list[WrappedKey]
) -> int:
    """Wraps these keys anew where they stand as they were read; how many did."""
    wrapped = [
        keyring.wrap(epoch, keyring.unwrap(old, key, person_id), person_id)
        for person_id, old, key in keys
    ]
    if not keys:
        return 0
    raw = await driver(connection)
    said = await raw.execute(
        REWRAP, epoch, [key[0] for key in keys], [key[1] for key in keys], wrapped
    )
    return int(said.split()[-1])


async def retire_before(engine: AsyncEngine, epoch: int) -> bool:
    """Ends the older epochs: nothing is wrapped under them any more, now or ever.

    Waits for transactions that are wrapping under one. False, and nothing is done, if a living
    person's key still is: the foreign key sees to that.
    """
    ended = update(Epoch).where(Epoch.wraps < epoch).values(wraps=None, retired_at=clock.now())
    try:
        async with transaction(engine) as connection:
            await connection.execute(ended)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != FOREIGN_KEY_VIOLATION:
            raise
        return False
    return True
