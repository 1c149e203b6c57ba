"""For whom a transaction is: what row-level security, the second lock, goes by.

A request's transactions run under a role that owns nothing, and see of the protected tables only
the rows of whom they have said they are for; one that has said nothing sees none. What is said
before the first statement travels with BEGIN, in one round trip. It ends with the transaction.
"""

from typing import Final, cast
from uuid import UUID

import asyncpg
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

ROLE_OPTION: Final = "vitalkeep_role"
"""The engine's option with the name of the role."""


class Session(asyncpg.Connection):
    """A connection of the driver; `opening` is said with the next BEGIN, once."""

    opening = ""

    async def execute(
        self,
        query: str,
        *args: object,
        timeout: float | None = None,  # noqa: ASYNC109 - the driver's signature
    ) -> str:
        """Runs statements. A connection that can't say for whom it is, is ended."""
        opening = self.opening
        if not (opening and query.startswith("BEGIN")):
            return await super().execute(query, *args, timeout=timeout)
        self.opening = ""
        try:
            return await super().execute(query + opening, timeout=timeout)
        except BaseException:
            # BEGIN itself may have worked, which the driver would not know.
            self.terminate()
            raise


async def take_role(engine: AsyncEngine, connection: AsyncConnection) -> None:
    """Has the connection's transaction run under the engine's role, if it has one."""
    role = engine.get_execution_options().get(ROLE_OPTION)
    if role:
        await _say(connection, f"SET LOCAL ROLE {role};")


async def speak_for(
    connection: AsyncConnection,
    *,
    person_id: UUID | None = None,
    staff_id: UUID | None = None,
    watcher_id: UUID | None = None,
    case_id: UUID | None = None,
) -> None:
    """Says whose rows the transaction may see: the person's own, or what a staff member or a
    relative (`watcher_id`, the relative's own person id) may read.

    Only after it is proven who calls. What was said before and is not named stays. Literals, since
    a distributed engine passes on nothing else.
    """
    said = {
        "person_id": person_id,
        "staff_id": staff_id,
        "watcher_id": watcher_id,
        "case_id": case_id,
    }
    await _say(
        connection,
        "".join(
            f"SET LOCAL vitalkeep.{name} = '{UUID(int=whom.int)}';"
            for name, whom in said.items()
            if whom is not None
        ),
    )


async def _say(connection: AsyncConnection, statements: str) -> None:
    raw = await connection.get_raw_connection()
    session = cast(asyncpg.Connection, raw.driver_connection)
    if not session.is_in_transaction():
        if isinstance(session, Session):
            session.opening += statements
            return
        await connection.execute(select(1))  # begins the transaction
    await session.execute(statements)


BINDS: Final = text(
    """
    SELECT pg_has_role(current_user, r.oid, 'MEMBER') AND NOT r.rolsuper AND NOT r.rolbypassrls
       AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass('records')
                       AND (NOT c.relrowsecurity OR pg_has_role(r.oid, c.relowner, 'USAGE')))
    FROM pg_roles r WHERE r.rolname = coalesce(nullif(:role, ''), current_user)
    """
)


async def is_bound(connection: AsyncConnection, role: str) -> bool:
    """Whether this login can take the role (empty: its own), and whether policies bind that."""
    return bool(await connection.scalar(BINDS, {"role": role}))
