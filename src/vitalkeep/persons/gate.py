"""The person's gate: every write for a person begins here, in the transaction that writes.

The row lock orders pushes, consent changes and the erasure of one person, so change numbers are in
commit order and nothing slips in behind a withdrawal or an erasure.
"""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import Unauthenticated

GATE: Final = """
UPDATE persons SET feed = feed + $2 WHERE person_id = $1 AND state = 'active' RETURNING feed
"""


async def take_gate(connection: AsyncConnection, person_id: UUID, changes: int = 0) -> int:
    """Locks the person until the transaction ends and reserves `changes` change numbers.

    Answers the last number before them. Raises Unauthenticated when the person has left.
    """
    taken = await connection.exec_driver_sql(GATE, (person_id, changes))
    feed: int | None = taken.scalar()
    if feed is None:
        raise Unauthenticated("This account has been deleted.")
    return feed - changes
