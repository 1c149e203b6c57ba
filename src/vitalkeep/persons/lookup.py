"""Finding a person for somebody else: an operator, or staff who act on a case."""

from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import Conflict, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.persons.access import PersonCaller, open_key
from vitalkeep.persons.clients import find_client
from vitalkeep.persons.models import Client, Person, PersonKeyRow
from vitalkeep.persons.sign_in import find_person_id

UNKNOWN: Final = "The app has no such user here: they sign in first, and consent."
NO_APP: Final = UUID(int=0)


async def get_client_id(connection: AsyncConnection, named: UUID | None) -> UUID:
    """The app of this id, or the only one there is. Raises NotFound; Conflict among several."""
    if named is not None:
        if await find_client(connection, str(named)) is None:
            raise NotFound("There is no such app; see `vitalkeep client add`.")
        return named
    found = (await connection.scalars(select(Client.client_id).limit(2))).all()
    if not found:
        raise NotFound("There is no app yet; see `vitalkeep client add`.")
    if len(found) > 1:
        raise Conflict("There are several apps: say with --client which one's user it is.")
    return found[0]


async def get_person(
    connection: AsyncConnection, keyring: Keyring, client_id: UUID, external_id: str
) -> PersonCaller:
    """The person whom the app calls so. Raises NotFound: nobody is created here."""
    person_id = await find_person_id(
        connection, keyring.digest("sign-in", str(client_id), external_id)
    )
    if person_id is None:
        raise NotFound(UNKNOWN)
    return await load_person(connection, keyring, person_id, client_id)


async def load_person(
    connection: AsyncConnection, keyring: Keyring, person_id: UUID, client_id: UUID = NO_APP
) -> PersonCaller:
    """The person of this id, as whom something is written that others caused. Raises NotFound."""
    query = (
        select(Person.time_zone, Person.locale, PersonKeyRow.wrapped_key, PersonKeyRow.epoch)
        .join(PersonKeyRow, PersonKeyRow.person_id == Person.person_id)
        .where(Person.person_id == person_id, Person.state == "active")
    )
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound(UNKNOWN)
    key = open_key(keyring, person_id, row.epoch, row.wrapped_key)
    return PersonCaller(person_id, client_id, key, row.time_zone, row.locale)
