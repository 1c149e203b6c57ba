"""From an outside identity to the person, created at the first sign-in."""

import secrets
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.keys import KEY_BYTES, Keyring
from vitalkeep.base.session import speak_for
from vitalkeep.base.settings import Settings
from vitalkeep.persons.epochs import hold_current_epoch
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.models import Person, PersonKeyRow, SignIn


async def sign_in(
    connection: AsyncConnection, keyring: Keyring, settings: Settings, issuer: str, subject: str
) -> tuple[UUID, int]:
    """Id and token epoch of the person whom `issuer` calls `subject`.

    Creates the person, with a data key of their own, on first use; two first uses at once end as
    one person. Raises Unauthenticated if the person is erased meanwhile.
    """
    digest = keyring.digest("sign-in", issuer, subject)
    person_id = await find_person_id(connection, digest)
    if person_id is None:
        person_id = await _create(connection, keyring, settings, digest)
    # What a sign-in writes for the person has to go through the gate like any other write.
    await take_gate(connection, person_id)
    query = select(Person.token_epoch).where(Person.person_id == person_id)
    return person_id, (await connection.execute(query)).scalar_one()


async def find_person_id(connection: AsyncConnection, digest: bytes) -> UUID | None:
    """The person behind a sign-in digest, or None."""
    return await connection.scalar(select(SignIn.person_id).where(SignIn.digest == digest))


async def _create(
    connection: AsyncConnection, keyring: Keyring, settings: Settings, digest: bytes
) -> UUID:
    new_id = uuid4()
    claim = (
        postgresql.insert(SignIn)
        .values(digest=digest, person_id=new_id)
        .on_conflict_do_nothing()
        .returning(SignIn.person_id)
    )
    if await connection.scalar(claim) is None:
        # Somebody else's first use won while this one waited for its commit.
        winner = await find_person_id(connection, digest)
        if winner is None:
            raise Unauthenticated("This account was deleted a moment ago; sign in again.")
        return winner
    await speak_for(connection, person_id=new_id)
    await connection.execute(
        insert(Person).values(
            person_id=new_id,
            state="active",
            feed=0,
            token_epoch=0,
            time_zone=settings.default_time_zone,
            locale=settings.default_locale,
            created_at=clock.now(),
        )
    )
    epoch = await hold_current_epoch(connection, keyring)
    wrapped = keyring.wrap(epoch, secrets.token_bytes(KEY_BYTES), new_id)
    await connection.execute(
        insert(PersonKeyRow).values(person_id=new_id, wrapped_key=wrapped, epoch=epoch)
    )
    return new_id
