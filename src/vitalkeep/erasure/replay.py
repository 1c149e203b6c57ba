"""After a restore: whoever had left and came back with the backup is erased again.

Known from the journal (the database's own, and copies that were outside it), and from the keyring:
a person whose key no master key opens has left before the key table was backed up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction, transaction
from vitalkeep.base.keys import Keyring, KeyringError
from vitalkeep.base.settings import Settings
from vitalkeep.erasure.deactivate import delete_rows
from vitalkeep.erasure.journal import begin, finish, get_entry, open_person
from vitalkeep.erasure.journal_copy import STAGES, Entry
from vitalkeep.erasure.models import Erasure
from vitalkeep.persons.epochs import newest_epoch
from vitalkeep.persons.models import Person, PersonKeyRow

BATCH: Final = 500

Told: TypeAlias = Callable[[int, int], None]
"""Is told how many persons are erased again, and of how many."""


@dataclass(slots=True)
class Replayed:
    """What a replay did. `entered`: erasures that the restored journal did not have, or not as far.

    `erased`: journaled persons who had come back; `unreadable`: those nobody had written down.
    """

    entered: int = 0
    erased: int = 0
    unreadable: int = 0
    rows_deleted: int = 0


def tell_nobody(_done: int, _total: int) -> None:
    """For whom a replay is nothing to watch."""


async def replay(
    engine: AsyncEngine,
    keyring: Keyring,
    settings: Settings,
    entries: Sequence[Entry] = (),
    told: Told = tell_nobody,
    *,
    even_so: bool = False,
) -> Replayed:
    """Erases again who had left, for the operator with the servers stopped; may be repeated.

    `even_so`: also when more persons are unreadable than readable. Raises KeyringError when the
    keyring does not fit the database; the living are never erased for the lack of a key that the
    keyring's backup has.
    """
    keyring.refresh()
    done = Replayed()
    for first in range(0, len(entries), BATCH):
        async with transaction(engine) as connection:
            done.entered += await enter(connection, entries[first : first + BATCH])
    returned = await list_returned(engine, keyring)
    for number, (erasure_id, person_id) in enumerate(returned, 1):
        done.rows_deleted += await erase_again(engine, keyring, settings, erasure_id, person_id)
        done.erased += 1
        told(number, len(returned))
    unreadable = await list_unreadable(engine, keyring, even_so=even_so)
    for number, person_id in enumerate(unreadable, 1):
        done.rows_deleted += await erase_unreadable(engine, keyring, settings, person_id)
        done.unreadable += 1
        told(number, len(unreadable))
    return done


async def enter(connection: AsyncConnection, entries: Sequence[Entry]) -> int:
    """Brings the database's journal as far as these entries are; how many were not."""
    ids = [entry.erasure_id for entry in entries]
    query = select(Erasure.erasure_id, Erasure.stage).where(Erasure.erasure_id.in_(ids))
    known = {row[0]: STAGES.index(row[1]) for row in await connection.execute(query)}
    sealed = [entry.sealed_person for entry in entries if entry.sealed_person]
    taken = select(Erasure.sealed_person, Erasure.erasure_id)
    rows = await connection.execute(taken.where(Erasure.sealed_person.in_(sealed)))
    erasure_of = {row[0]: row[1] for row in rows}
    entered = 0
    for entry in entries:
        if known.get(entry.erasure_id, -1) >= entry.rank:
            continue
        values = entry.model_dump()
        if erasure_of.get(entry.sealed_person, entry.erasure_id) != entry.erasure_id:
            # An earlier replay found the person unreadable: the certificate is all that lacks.
            if entry.certificate is None:
                continue
            values["sealed_person"] = None
        if entry.erasure_id in known:
            this = update(Erasure).where(Erasure.erasure_id == entry.erasure_id)
            await connection.execute(this.values(values))
        else:
            await connection.execute(insert(Erasure).values(values))
        entered += 1
    return entered


async def list_returned(engine: AsyncEngine, keyring: Keyring) -> list[tuple[UUID, UUID]]:
    """Journaled erasures whose person is in the database, with the person's id."""
    async with transaction(engine) as connection:
        query = select(Erasure.sealed_person, Erasure.erasure_id)
        rows = await connection.execute(query.where(Erasure.sealed_person.is_not(None)))
        erasures = {open_person(keyring, row[0]): row[1] for row in rows if row[0]}
        persons, here = sorted(erasures), list[UUID]()
        for first in range(0, len(persons), BATCH):
            some = persons[first : first + BATCH]
            found = select(Person.person_id).where(Person.person_id.in_(some))
            here += await connection.scalars(found.order_by(Person.person_id))
    return [(erasures[person_id], person_id) for person_id in here]


async def erase_again(
    engine: AsyncEngine, keyring: Keyring, settings: Settings, erasure_id: UUID, person_id: UUID
) -> int:
    """Deletes what came back of a person; how many rows. The certificate stays what it was."""
    async with bound_transaction(engine, person_id=person_id) as connection:
        row = await get_entry(connection, erasure_id, for_update=True)
        gate = update(Person).where(Person.person_id == person_id)
        await connection.execute(gate.values(state="erasing"))
        if row.stage != "erasing":
            deleted = await delete_rows(connection, person_id)
            # A restored key may have been wrapped anew; that of a shredded one is noise.
            epoch = await newest_epoch(connection) if row.stage == "erased" else row.epoch
            this = update(Erasure).where(Erasure.erasure_id == erasure_id)
            await connection.execute(this.values(replayed_at=clock.now(), epoch=epoch))
            return sum(deleted.values())
    certificate = await finish(engine, keyring, settings, erasure_id)
    return sum(certificate.statement.rows_deleted.values())


async def list_unreadable(engine: AsyncEngine, keyring: Keyring, *, even_so: bool) -> list[UUID]:
    """Persons whose key is wrapped by a master key that was destroyed.

    Raises KeyringError when they could just as well be alive.
    """
    async with transaction(engine) as connection:
        lost = select(PersonKeyRow.person_id, PersonKeyRow.epoch)
        lost = lost.where(PersonKeyRow.epoch.not_in(keyring.epochs()))
        found = {row[0]: row[1] for row in await connection.execute(lost)}
        persons = await connection.scalar(select(func.count()).select_from(Person)) or 0
    if not found:
        return []
    if keyring.find_backup() is None or max(found.values()) > keyring.epoch:
        raise KeyringError(
            f"{len(found)} persons' keys are wrapped by master keys that this keyring has not had: "
            "it is older than the database, or another one's. Nobody of them was erased"
        )
    alive = {key[0] for keys in keyring.read_backup() for key in keys}
    if alive & found.keys():
        raise KeyringError(
            f"{len(alive & found.keys())} of the unreadable persons are in the keyring's backup: "
            "run `vitalkeep keys restore` first. Nobody of them was erased"
        )
    if 2 * len(found) > persons and not even_so:
        raise KeyringError(
            f"{len(found)} of {persons} persons are unreadable, more than are not: see whether "
            "this is the right keyring, then add --even-so. Nobody of them was erased"
        )
    return sorted(found)


async def erase_unreadable(
    engine: AsyncEngine, keyring: Keyring, settings: Settings, person_id: UUID
) -> int:
    """Erases somebody whose erasure nobody wrote down; how many rows."""
    async with bound_transaction(engine, person_id=person_id) as connection:
        erasure_id = await begin(connection, keyring, person_id, uuid4(), route=None)
    certificate = await finish(engine, keyring, settings, erasure_id)
    return sum(certificate.statement.rows_deleted.values())
