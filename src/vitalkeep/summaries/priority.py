"""The order of sources: whose record counts where two have measured at the same time."""

from functools import lru_cache
from typing import Final, TypeAlias
from uuid import UUID

import orjson
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.sealing import PersonKey
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.summaries.models import SourcePriority

Priority: TypeAlias = tuple[tuple[str | None, str | None], ...]
"""App and kind of device of each choice, the first to count in front; None fits anything."""

DEFAULT_ORDER: Final = (
    "watch",
    "ring",
    "fitness_band",
    "chest_strap",
    "head_mounted",
    "smart_display",
    "phone",
    "scale",
)
"""What is worn before what is carried; a device of another or of no kind comes last."""


@lru_cache(maxsize=4096)
def rank(priority: Priority, origin: bytes) -> int:
    """The place of a source, 0 for the first. The first choice that fits decides; what none fits
    comes behind all choices, in the default order.
    """
    source = orjson.loads(origin)
    app, kind = source["app"], source.get("device", {}).get("type")
    for place, (chosen_app, chosen_kind) in enumerate(priority):
        if chosen_app in (None, app) and chosen_kind in (None, kind):
            return place
    known = DEFAULT_ORDER.index(kind) if kind in DEFAULT_ORDER else len(DEFAULT_ORDER)
    return len(priority) + known


async def find_priority(connection: AsyncConnection, person_id: UUID, key: PersonKey) -> Priority:
    """The order that the person chose, empty for the default one. Raises SealBroken."""
    query = select(SourcePriority.sealed).where(SourcePriority.person_id == person_id)
    sealed = await connection.scalar(query)
    return () if sealed is None else _open(key, sealed)


def _open(key: PersonKey, sealed: bytes) -> Priority:
    return tuple((app, kind) for app, kind in orjson.loads(key.open(sealed, *_place())))


async def save_priority(
    connection: AsyncConnection, person: PersonCaller, priority: Priority
) -> None:
    """Keeps the order; an empty one restores the default. Kept days are told by what they were
    computed under, so none has to be deleted.
    """
    await take_gate(connection, person.person_id)
    if not priority:
        mine = delete(SourcePriority).where(SourcePriority.person_id == person.person_id)
        await connection.execute(mine)
        return
    sealed = person.key.seal(orjson.dumps(priority), *_place())
    row = insert(SourcePriority).values(person_id=person.person_id, sealed=sealed)
    await connection.execute(
        row.on_conflict_do_update(index_elements=["person_id"], set_={"sealed": sealed})
    )


def _place() -> tuple[bytes]:
    return (b"source_priorities",)
