"""An auditor's list of what to look for: every value of a person, from the columns' metadata."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from secrets import randbelow, token_bytes
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg

from tests.plants import Plant
from vitalkeep.base.db import Table, tables_of_a_person

Held: TypeAlias = dict[str, set[Plant]]
"""What a person's rows hold, by `table.column`."""

SHORTEST = 16
"""Texts and bytes below are codes and small numbers, which stand everywhere."""


SAMPLES: Mapping[type, Callable[[], object]] = {
    UUID: uuid4,
    str: lambda: f"plant-{uuid4()}",
    bytes: lambda: token_bytes(32),
    int: lambda: 418,
    list: lambda: [f"plant-{uuid4()}"],
    datetime: lambda: datetime(2030, 1, 2, 3, 4, 5, randbelow(999_998) + 1, UTC),
}


def plants_in(value: object) -> Iterator[Plant]:
    """What of a column's value can be told from chance: ids, digests, sealed bytes, odd times."""
    if isinstance(value, list):
        for each in value:
            yield from plants_in(each)
    elif isinstance(value, UUID):
        yield UUID(int=value.int)  # of the driver's own class
    elif isinstance(value, datetime):
        if value.microsecond:
            yield value
    elif isinstance(value, bytes | str) and len(value) >= SHORTEST:
        yield value


async def held_by(connection: asyncpg.Connection, person_id: UUID) -> Held:
    """What stands in the person's rows and in nobody else's."""
    owners, mine, others = tables_of_a_person(), dict[str, set[Plant]](), set[Plant]()
    for name, table in Table.metadata.tables.items():
        for row in await connection.fetch(f"SELECT * FROM {name}"):  # noqa: S608
            own = name in owners and row[owners[name]] == person_id
            for column in table.columns:
                plants = set(plants_in(row[column.name]))
                if own:
                    mine.setdefault(f"{name}.{column.name}", set()).update(plants)
                else:
                    others |= plants
    return {place: plants - others for place, plants in mine.items()}


async def list_unplanted(connection: asyncpg.Connection, person_id: UUID) -> list[str]:
    """Columns of a person's tables in which the person has nothing."""
    empty = []
    for name, owner in tables_of_a_person().items():
        columns = [column.name for column in Table.metadata.tables[name].columns]
        counts = ", ".join(f'count("{column}")' for column in columns)
        row = await connection.fetchrow(
            f"SELECT {counts} FROM {name} WHERE {owner} = $1",  # noqa: S608
            person_id,
        )
        assert row is not None
        empty += [f"{name}.{c}" for c, count in zip(columns, row, strict=True) if not count]
    return empty


async def plant_rest(connection: asyncpg.Connection, person_id: UUID) -> list[str]:
    """Plants by SQL what no route has set; columns in which PostgreSQL lets a person have nothing.

    Raises what else keeps a column from being planted: then a route has to do it.
    """
    forbidden = []
    for place in await list_unplanted(connection, person_id):
        name, column = place.split(".")
        kind = Table.metadata.tables[name].columns[column].type.python_type
        statement = f"""
            UPDATE {name} SET {column} = $2 WHERE ctid IN (
                SELECT ctid FROM {name} WHERE {tables_of_a_person()[name]} = $1 LIMIT 1)
        """  # noqa: S608
        try:
            assert await connection.execute(statement, person_id, SAMPLES[kind]()) == "UPDATE 1"
        except asyncpg.CheckViolationError:
            forbidden.append(place)
    return forbidden


async def count_rows(connection: asyncpg.Connection, person_id: UUID) -> dict[str, int]:
    """How many rows of the person each table of the data map holds, where there are any."""
    counts = {
        name: await connection.fetchval(
            f"SELECT count(*) FROM {name} WHERE {owner} = $1",  # noqa: S608
            person_id,
        )
        for name, owner in tables_of_a_person().items()
    }
    return {name: count for name, count in counts.items() if count}


async def rows_of(connection: asyncpg.Connection, person_id: UUID) -> dict[str, list[Any]]:
    """Every row of a person, as the database writes it, by table."""
    return {
        name: [
            row[0]
            for row in await connection.fetch(
                f"SELECT t::text FROM {name} t WHERE {owner} = $1 ORDER BY 1",  # noqa: S608
                person_id,
            )
        ]
        for name, owner in tables_of_a_person().items()
    }


def named(held: Held) -> dict[str, Plant]:
    """The plants with names that tell their column."""
    return {
        f"{place} {number}": plant
        for place, plants in held.items()
        for number, plant in enumerate(sorted(plants, key=repr))
    }


def kind_of(name: str) -> str:
    """What the column of a named plant declares that it holds."""
    table, column = name.split(" ")[0].split(".")
    info = Table.metadata.tables[table].columns[column].info
    assert info["why"].strip()
    kind: str = info["data"]
    return kind
