"""The data map: what every column holds and why, written from the columns' own declarations."""

from collections.abc import Iterator

from sqlalchemy import Table as SqlTable

from vitalkeep.base.db import Table, tables_of_a_person
from vitalkeep.erasure.deactivate import ALL_MODELS

HEAD = """\
# Data map

Generated from the declarations beside each column: `make data-map` writes it, a test keeps it true.

- **clear**: random ids, type numbers, times, versions and codes
- **sealed**: AES-SIV under the person's key, or the deployment's for staff addresses
- **key**: a data key, wrapped by a master key that is not in the database
- **digest**: a keyed digest, or the hash of a random secret
- **public**: not about a person

Health values stand only in sealed columns.
"""


def data_map() -> str:
    """The map as Markdown, tables by name."""
    erased = tables_of_a_person()
    tables = sorted(Table.metadata.tables.values(), key=lambda table: table.name)
    sections = [describe(table, erased) for table in tables]
    rooms = (
        f"\n{len(tables)} tables of {len(ALL_MODELS)} rooms; {len(erased)} hold rows of a person.\n"
    )
    return HEAD + rooms + "".join(sections)


def describe(table: SqlTable, erased: dict[str, str]) -> str:
    """One table's section."""
    column = erased.get(table.name)
    fate = f"Leaving deletes it by `{column}`." if column else "Holds no person's rows."
    return f"\n## {table.name}\n\n{fate}\n\n" + "".join(rows(table))


def rows(table: SqlTable) -> Iterator[str]:
    """The lines of a table's columns."""
    yield "| column | holds | what |\n|---|---|---|\n"
    for column in table.columns:
        kind, why = column.info["data"], column.info["why"]
        yield f"| {column.name} | {kind} | {why} |\n"
