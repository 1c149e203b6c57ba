"""The person's gate: every write for a person begins here, in the transaction that writes.

The row lock orders pushes, consent changes and the erasure of one person, so change numbers are in
commit order and nothing slips in behind a withdrawal or an erasure.
"""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import Unauthenticated
from vitalkeep.persons.models import Person


async def take_gate(connection: AsyncConnection, person_id: UUID, changes: int = 0) -> int:
    """Locks the person until the transaction ends and reserves `changes` change numbers.

    Answers the last number before them. Raises Unauthenticated when the person has left.
    """
    locked = (
        update(Person)
        .where(Person.person_id == person_id, Person.state == "active")
        .values(feed=Person.feed + changes)
        .returning(Person.feed)
    )
    feed = await connection.scalar(locked)
    if feed is None:
        raise Unauthenticated("This account has been deleted.")
    return feed - changes
