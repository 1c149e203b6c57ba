"""Sources: which app sent a record, and which app and device measured it."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import Conflict
from vitalkeep.base.sealing import PersonKey
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.models import Source

MAX_SOURCES = 10_000


OWN_SOURCES: Final = select(Source.source_id, Source.sealed).where(
    Source.person_id == bindparam("person_id"),
    Source.client_id == bindparam("client_id"),
    Source.via == bindparam("via"),
)


async def list_origins(
    connection: AsyncConnection, person_id: UUID, key: PersonKey
) -> dict[int, bytes]:
    """The origin (canonical JSON object) of each of the person's sources, by number."""
    query = select(Source.source_id, Source.client_id, Source.sealed, Source.via)
    rows = await connection.execute(query.where(Source.person_id == person_id))
    return {row[0]: key.open(row[2], *_place(row[0], row[1], row[3])) for row in rows.all()}


async def number_sources(
    connection: AsyncConnection, person: PersonCaller, origins: Iterable[bytes]
) -> dict[bytes, int]:
    """The source number of each origin, as sent by the person's present app on this way.

    New ones are added behind the gate, where no other push can take the same number. Raises
    Conflict when a person has more sources than can be numbered.
    """
    wanted = set(origins)
    known = await _own_sources(connection, person)
    if wanted <= known.keys():
        return known
    await take_gate(connection, person.person_id)
    known = await _own_sources(connection, person)
    highest = select(func.max(Source.source_id)).where(Source.person_id == person.person_id)
    used = await connection.scalar(highest) or 0
    for origin in sorted(wanted - known.keys()):
        used += 1
        if used > MAX_SOURCES:
            raise Conflict("There are too many different apps and devices; name fewer in `origin`.")
        known[origin] = used
        await connection.execute(
            insert(Source).values(
                person_id=person.person_id,
                source_id=used,
                client_id=person.client_id,
                via=person.via,
                sealed=person.key.seal(origin, *_place(used, person.client_id, person.via)),
            )
        )
    return known


async def _own_sources(connection: AsyncConnection, person: PersonCaller) -> dict[bytes, int]:
    client_id, via = person.client_id, person.via
    who = {"person_id": person.person_id, "client_id": client_id, "via": via}
    rows = (await connection.execute(OWN_SOURCES, who)).all()
    return {person.key.open(row[1], *_place(row[0], client_id, via)): row[0] for row in rows}


def _place(source_id: int, client_id: UUID, via: int) -> tuple[bytes, ...]:
    place = b"sources", source_id.to_bytes(2, "big"), client_id.bytes
    # Sources of pushes were sealed before there was another way.
    return (*place, via.to_bytes(2, "big")) if via else place
