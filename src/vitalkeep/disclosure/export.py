"""A person's export: all of their records, page by page, in one of several forms.

The same for a person over HTTP and for an operator's file. No database connection is held between
two pages, so a slow reader costs none.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import islice
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base.db import bound_transaction
from vitalkeep.base.sealing import PersonKey
from vitalkeep.disclosure.forms import NDJSON, Ending, Form, write_all
from vitalkeep.records.snapshot import Snapshot, read_page, take_snapshot


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose records, and what opens them. `epoch`: the token's, where one asks; it has to stay."""

    person_id: UUID
    key: PersonKey
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines of an export, how many records were read for them, and how many are in them."""

    text: bytes
    records: int
    told: int


@dataclass(frozen=True, slots=True)
class Export:
    """A begun export: its snapshot, and its first lines, which have been read already."""

    owner: Owner
    snapshot: Snapshot
    form: Form
    first: Lines


async def begin(connection: AsyncConnection, owner: Owner, form: Form = NDJSON) -> Export:
    """Lists what is to be exported and reads the first page. Close the snapshot when done.

    Raises Unauthenticated when the person has left; SealBroken.
    """
    snapshot = await take_snapshot(connection, owner.person_id)
    try:
        ids = next(snapshot.pages(), [])
        first = await read_lines(connection, owner, form, ids)
        head = form.head(owner.person_id, snapshot.at)
        return Export(owner, snapshot, form, replace(first, text=head + first.text))
    except BaseException:
        snapshot.close()
        raise


async def stream(engine: AsyncEngine, export: Export, *, cursor: str) -> AsyncIterator[Lines]:
    """The lines of a begun export, page by page, each page in a short transaction of its own.

    `cursor` stands in the last line: where the change feed goes on behind the export.
    Raises what `read_page` raises, and then there is no last line.
    """
    owner, snapshot, form = export.owner, export.snapshot, export.form
    records, told = export.first.records, export.first.told
    yield export.first
    for ids in islice(snapshot.pages(), 1, None):
        async with bound_transaction(engine, person_id=owner.person_id) as connection:
            lines = await read_lines(connection, owner, form, ids)
        records, told = records + lines.records, told + lines.told
        yield lines
    yield Lines(form.tail(Ending(records, told, snapshot.at, cursor)), 0, 0)


async def read_lines(
    connection: AsyncConnection, owner: Owner, form: Form, ids: list[UUID]
) -> Lines:
    """One page in its form."""
    records = await read_page(connection, owner.person_id, owner.key, ids, owner.epoch)
    text, told = write_all(form, owner.person_id, records)
    return Lines(text, len(records), told)
