"""The database: one engine a process, one transaction a request, and what each column holds.

Nothing else commits. A request's transaction ends before its answer is sent, so that a 2xx is
never said of something that was not stored.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Literal, cast
from uuid import UUID

import asyncpg
from fastapi import Depends
from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column
from starlette.requests import Request

from vitalkeep.base.settings import Settings

Kind = Literal["clear", "sealed", "key", "digest", "public"]

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
    """An engine on `settings.database_url`, with JIT off and UTC as the session's zone."""
    if settings.database_url is None:
        raise ValueError("no database: start the embedded one or set VITALKEEP_DATABASE_URL")
    return create_async_engine(
        settings.with_database(settings.database_url).database_url or "",
        pool_size=settings.pool_size,
        max_overflow=0,
        pool_pre_ping=False,
        connect_args={
            "server_settings": {"application_name": "vitalkeep", "jit": "off", "timezone": "UTC"}
        },
    )


async def request_connection(request: Request) -> AsyncIterator[AsyncConnection]:
    """The request's connection inside its one transaction; rolled back when anything is raised."""
    async with request.app.state.engine.begin() as connection:
        yield connection


Connection = Annotated[AsyncConnection, Depends(request_connection, scope="function")]


async def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """The asyncpg connection below, for bulk statements with arrays.

    Some statement must have run through `connection` before, since SQLAlchemy begins the
    transaction with the first one.
    """
    raw = await connection.get_raw_connection()
    return cast(asyncpg.Connection, raw.driver_connection)
