"""The database: one engine a process, one transaction a request, and what each column holds.

Nothing else commits. A request's transaction ends before its answer is sent, so that a 2xx is
never said of something that was not stored.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Final, Literal, cast
from uuid import UUID

import asyncpg
from fastapi import Depends
from sqlalchemy import ForeignKey, MetaData, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column
from sqlalchemy.pool import NullPool
from starlette.requests import Request

from vitalkeep.base.session import ROLE_OPTION, Session, speak_for, take_role
from vitalkeep.base.settings import Settings

Kind = Literal["clear", "sealed", "key", "digest", "public"]

POOL_TIMEOUT_S: Final = 30
SERVER_SETTINGS: Final = {
    "application_name": "vitalkeep",
    "jit": "off",
    "timezone": "UTC",
    "statement_timeout": "60s",
    "lock_timeout": "20s",
    # Or a process that has vanished from the network would keep a person's gate shut.
    "idle_in_transaction_session_timeout": "60s",
}
TIMEOUTS: Final = {
    "timeout": 10,
    "command_timeout": 65,  # for a server that has vanished: a live one gives up before
}
# Of these SQLSTATEs an error at COMMIT leaves open what became of it: the connection's, "statement
# completion unknown", and faults inside, which is how Citus reports a shard that did not answer.
UNRESOLVED: Final = ("XX", "08", "40003")

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(DeclarativeBase):
    """The base of every table; constraint names are derived, never given by the database."""

    metadata = MetaData(naming_convention=NAMES)


def holds(kind: Kind, why: str) -> dict[str, str]:
    """What a column holds, for `mapped_column(info=…)`.

    `clear`: random ids, types, numbers and times that say nothing of the person's health.
    `sealed`: AES-SIV under the person's key or the deployment's. `key`: a wrapped key.
    `digest`: a keyed digest. `public`: not about a person at all. The data map, the erasure's
    table list and the byte-search test are made from these.
    """
    return {"data": kind, "why": why}


def person_column(
    *, cascade: bool = True, primary_key: bool = False, index: bool = False
) -> MappedColumn[UUID]:
    """A column that holds a person's id, by which erasure finds the rows to delete.

    With `cascade` the rows also go with the person's own; without, erasure names the table.
    """
    to_person = (ForeignKey("persons.person_id", ondelete="CASCADE"),) if cascade else ()
    info = {**holds("clear", "random id of the person"), "person": "yes"}
    return mapped_column(*to_person, primary_key=primary_key, index=index, info=info)


def tables_of_a_person() -> dict[str, str]:
    """Every table with rows of a person, and its column with the person's id; `persons` last."""
    found = {
        table.name: column.name
        for table in Table.metadata.tables.values()
        for column in table.columns
        if "person" in column.info
    }
    return {
        **{name: found[name] for name in sorted(found.keys() - {"persons"})},
        "persons": "person_id",
    }


def create_engine(settings: Settings) -> AsyncEngine:
    """An engine on `settings.database_url`, with JIT off and UTC as the session's zone.

    No statement, and no wait for a connection or a lock, is without an end. Its own transactions
    run as who logs in; `bound_transaction` makes those that row-level security binds.
    """
    engine = create_async_engine(
        url_of(settings),
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=False,
        connect_args=connect_args(),
        execution_options={ROLE_OPTION: settings.database_role},
    )
    event.listen(engine.sync_engine, "checkout", replace_closed)
    return engine


def create_probe_engine(settings: Settings) -> AsyncEngine:
    """An engine that connects anew each time and keeps nothing, to see whether that works."""
    return create_async_engine(
        url_of(settings),
        poolclass=NullPool,
        connect_args=connect_args(),
        execution_options={ROLE_OPTION: settings.database_role},
    )


def connect_args() -> dict[str, object]:
    """What the driver is told for each connection of one engine."""
    return {**TIMEOUTS, "connection_class": Session, "server_settings": dict(SERVER_SETTINGS)}


def url_of(settings: Settings) -> str:
    """The database's URL for asyncpg."""
    if settings.database_url is None:
        raise ValueError("no database: start the embedded one or set VITALKEEP_DATABASE_URL")
    return settings.with_database(settings.database_url).database_url or ""


def replace_closed(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
    """Has the pool begin anew when the server has ended its connections, as a restart does.

    The driver knows that by itself, so no round trip is spent on asking. What was to be said with
    a transaction that never began is forgotten.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError
    connection.driver_connection.opening = ""


class OutcomeUnknown(Exception):
    """COMMIT was sent and its answer did not come: all of the transaction was stored, or nothing.

    `__cause__` is what came instead.
    """


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction: committed in the end, rolled back when anything is raised.

    Raises OutcomeUnknown; whatever else it raises, nothing was stored.
    """
    async with engine.connect() as connection, connection.begin() as begun:
        yield connection
        try:
            await begun.commit()
        except Exception as error:
            if is_refusal(error):
                raise
            raise OutcomeUnknown from error


@asynccontextmanager
async def bound_transaction(
    engine: AsyncEngine, *, person_id: UUID | None = None
) -> AsyncIterator[AsyncConnection]:
    """A transaction under row-level security, for nobody yet or for this person.

    Raises what `transaction` raises.
    """
    async with transaction(engine) as connection:
        await take_role(engine, connection)
        if person_id is not None:
            await speak_for(connection, person_id=person_id)
        yield connection


def is_refusal(error: Exception) -> bool:
    """Whether the database refused a COMMIT, or never got it. A server that dies says FATAL, and
    it may have committed before.
    """
    said = error.driver_exception if isinstance(error, DBAPIError) else error
    if isinstance(said, asyncpg.InterfaceError):
        return "connection is closed" in str(said)
    if not isinstance(said, asyncpg.PostgresError) or said.severity_en != "ERROR":
        return False
    return not (said.sqlstate or UNRESOLVED[0]).startswith(UNRESOLVED)


@asynccontextmanager
async def request_transaction(request: Request) -> AsyncIterator[AsyncConnection]:
    """A transaction of a request, which counts as worked on while it waits for and holds it.

    Row-level security binds it: it sees nothing of anybody until it says for whom it is. Raises
    Overloaded instead of queueing without end, and what `transaction` raises.
    """
    with request.app.state.admission.enter():
        async with bound_transaction(request.app.state.engine) as connection:
            yield connection


async def request_connection(request: Request) -> AsyncIterator[AsyncConnection]:
    """The request's connection inside its one transaction."""
    async with request_transaction(request) as connection:
        yield connection


Connection = Annotated[AsyncConnection, Depends(request_connection, scope="function")]


async def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """The asyncpg connection below, for bulk statements with arrays.

    Inside the transaction: SQLAlchemy begins it with the first statement of its own.
    """
    raw = await connection.get_raw_connection()
    session = cast(asyncpg.Connection, raw.driver_connection)
    if not session.is_in_transaction():
        await connection.execute(select(1))
    return session


def array(values: Iterable[object]) -> str:
    """A PostgreSQL array literal of numbers or ids, for a parameter `$1::text::uuid[]`.

    The driver's own encoding of lists looks at each element's class first, which costs a push of a
    thousand records more than everything else it sends.
    """
    return "{" + ",".join(map(str, values)) + "}"
