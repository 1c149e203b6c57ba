"""The journal of leaving: `erasing`, `erased`, `shredded`, each durable before what comes next.

1. the gate is closed and the erasure entered, in one transaction: nothing is written any more;
2. grants at other providers are revoked, and the outcomes entered;
3. in one transaction the recipients' notices are queued, every row of the person is deleted and
   counted, and the certificate signed;
4. when the master keys are gone, `erasure.shredding` writes the second certificate.

Each step finds out whether it was done. What was cut off is finished by the worker, and of several
at once on one erasure one does the work and all give its certificate.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeAlias
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction, transaction
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.keys import Keyring, KeyringError
from vitalkeep.base.logs import fault, get_log
from vitalkeep.base.metrics import ERASURES
from vitalkeep.base.settings import Settings
from vitalkeep.erasure.certificate import Certificate, Erased, Revocation, Route, issue
from vitalkeep.erasure.deactivate import delete_rows
from vitalkeep.erasure.models import Erasure
from vitalkeep.erasure.papers import find_end
from vitalkeep.erasure.recipients import list_recipients, queue_notices
from vitalkeep.erasure.settling import are_settled, first_outcomes, to_text
from vitalkeep.erasure.upstream import revoke_grants
from vitalkeep.persons.epochs import newest_epoch
from vitalkeep.persons.models import Person

PLACE: Final = (b"erasures", b"person")

Told: TypeAlias = Callable[[str], None]
"""Is told of each step: durable, but for `deleted`, which is only with the step after it."""


def tell_nobody(_step: str) -> None:
    """For whom an erasure is nothing to watch."""


def seal_person(keyring: Keyring, person_id: UUID) -> bytes:
    """A person's id for the journal; equal for equal ids, so that it can be looked for."""
    return keyring.system_siv().encrypt(person_id.bytes, list(PLACE))


def open_person(keyring: Keyring, sealed: bytes) -> UUID:
    """Whose id was sealed. Raises KeyringError."""
    try:
        return UUID(bytes=keyring.system_siv().decrypt(sealed, list(PLACE)))
    except InvalidTag:
        raise KeyringError("an erasure's id does not open: it is of another keyring") from None


async def begin(
    connection: AsyncConnection,
    keyring: Keyring,
    person_id: UUID,
    erasure_id: UUID,
    route: Route | None = "app",
) -> UUID:
    """Closes the person's gate and enters the erasure; its id, an earlier one's if there is one.

    It waits for what is in flight, and nothing slips in behind it. From the commit on nobody can
    turn back. `route` is how they left. Raises Unauthenticated when the person has left and is
    forgotten.
    """
    sealed = seal_person(keyring, person_id)
    closed = (
        update(Person)
        .where(Person.person_id == person_id, Person.state == "active")
        .values(state="erasing")
        .returning(Person.person_id)
    )
    if await connection.scalar(closed) is None:
        known = select(Erasure.erasure_id).where(Erasure.sealed_person == sealed)
        earlier: UUID | None = await connection.scalar(known)
        if earlier is None:
            raise Unauthenticated("This account has been deleted.")
        return earlier
    entry = insert(Erasure).values(
        erasure_id=erasure_id,
        stage="erasing",
        route=route,
        requested_at=clock.now(),
        sealed_person=sealed,
    )
    await connection.execute(entry)
    return erasure_id


async def finish(
    engine: AsyncEngine,
    keyring: Keyring,
    settings: Settings,
    erasure_id: UUID,
    told: Told = tell_nobody,
) -> Certificate:
    """Takes an erasure that was begun to its certificate, from whatever step it has reached.

    Raises ErasureIncomplete, and nothing is deleted, if a row would stay: the gate stays closed.
    """
    told("closed")
    async with bound_transaction(engine) as connection:
        row = await get_entry(connection, erasure_id)
    if row.certificate is not None:
        return Certificate.model_validate_json(row.certificate)
    person_id = open_person(keyring, row.sealed_person)
    if row.disconnected_at is None:
        await disconnect(engine, keyring, settings, erasure_id, person_id)
    told("disconnected")
    async with bound_transaction(engine, person_id=person_id) as connection:
        certificate, done = await erase(connection, keyring, settings, erasure_id, told)
    ERASURES.inc(done)
    told("erased")
    return certificate


async def get_entry(
    connection: AsyncConnection, erasure_id: UUID, *, for_update: bool = False
) -> Row[tuple[object, ...]]:
    """The journal's row of an erasure that is known to be there."""
    query = select(Erasure.__table__).where(Erasure.erasure_id == erasure_id)
    return (await connection.execute(query.with_for_update() if for_update else query)).one()


async def disconnect(
    engine: AsyncEngine,
    keyring: Keyring,
    settings: Settings,
    erasure_id: UUID,
    person_id: UUID,
) -> None:
    """Step 2. Of two at once the first outcome counts."""
    outcomes = await revoke_grants(engine, keyring, settings, person_id)
    entered = (
        update(Erasure)
        .where(Erasure.erasure_id == erasure_id, Erasure.disconnected_at.is_(None))
        .values(disconnected_at=clock.now(), upstream=orjson.dumps(outcomes).decode())
    )
    async with bound_transaction(engine) as connection:
        await connection.execute(entered)


async def erase(
    connection: AsyncConnection,
    keyring: Keyring,
    settings: Settings,
    erasure_id: UUID,
    told: Told = tell_nobody,
) -> tuple[Certificate, bool]:
    """Step 3, all of it in this transaction; False if another process has done it meanwhile.

    Raises ErasureIncomplete.
    """
    row = await get_entry(connection, erasure_id, for_update=True)
    if row.certificate is not None:
        return Certificate.model_validate_json(row.certificate), False
    person_id = open_person(keyring, row.sealed_person)
    recipients = await list_recipients(connection, person_id)
    queued = await queue_notices(connection, erasure_id, recipients)
    outcomes = first_outcomes(recipients, queued)
    deleted = await delete_rows(connection, person_id)
    told("deleted")
    now = clock.now()
    done = Erased(
        requested_at=row.requested_at,
        erased_at=now,
        kept_until=now + timedelta(days=settings.backup_days),
        rows_deleted=deleted,
        # Asked after the key is gone: no later epoch can have wrapped it.
        epoch=await newest_epoch(connection),
        upstream=[
            Revocation(provider=provider, outcome=outcome)
            for provider, outcome in orjson.loads(row.upstream or "{}").items()
        ],
        recipients=outcomes,
        route=row.route,
        paper_until=await find_end(connection, erasure_id),
    )
    signed = issue(keyring, settings.public_url, erasure_id, done)
    this = update(Erasure).where(Erasure.erasure_id == erasure_id)
    await connection.execute(
        this.values(
            stage="erased",
            erased_at=now,
            kept_until=done.kept_until,
            certificate=signed.model_dump_json(exclude_none=True),
            epoch=done.epoch,
            outcomes=to_text(outcomes),
            settled_at=now if are_settled(outcomes) else None,
        )
    )
    return signed, True


async def finish_begun(engine: AsyncEngine, keyring: Keyring, settings: Settings) -> int:
    """Finishes what was cut off, for the worker; how many. One that can't be holds up no other.

    Raises ErasureIncomplete or what else kept the last of those from its end.
    """
    async with transaction(engine) as connection:
        begun = select(Erasure.erasure_id).where(Erasure.stage == "erasing")
        found = list(await connection.scalars(begun.order_by(Erasure.requested_at)))
    failed: Exception | None = None
    for erasure_id in found:
        try:
            await finish(engine, keyring, settings, erasure_id)
        except Exception as error:
            get_log().error("erasure_not_finished", **fault(error))
            failed = error
    if failed is not None:
        raise failed
    return len(found)


async def forget_persons(engine: AsyncEngine) -> int:
    """Forgets the ids of those of whom no backup is left, for the worker; how many."""
    due = Erasure.sealed_person.is_not(None), Erasure.kept_until <= clock.now()
    async with transaction(engine) as connection:
        done = await connection.execute(update(Erasure).where(*due).values(sealed_person=None))
    return done.rowcount
