"""Pushed samples of sleep before they are assembled: which of them count, and which may be kept."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.datatypes.catalog.sleep import SLEEP
from vitalkeep.datatypes.fragments import Fragment
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.nights import MAX_PARTS, Part, divide
from vitalkeep.records.parts import name_part, to_part
from vitalkeep.records.sources import number_sources
from vitalkeep.records.verdicts import (
    Draft,
    Verdict,
    VerdictStatus,
    collect_consents,
    covers,
    explain,
    rejection,
)

DUPLICATE: Final = "another sample of this batch has the same identity and counts instead"
OVERFULL: Final = f"would make a session of more than {MAX_PARTS} samples without a pause"


class Sent(NamedTuple):
    """A pushed sample and its place in the push."""

    position: int
    fragment: Fragment


def fold_samples(
    person: PersonCaller, fragments: Mapping[int, Fragment], verdicts: dict[int, Verdict]
) -> dict[UUID, Sent]:
    """One of each sample: of several the highest version counts, of equal ones the last."""
    newest: dict[UUID, Sent] = {}
    for position, fragment in fragments.items():
        part_id, each = name_part(person.key, fragment), Sent(position, fragment)
        rival = newest.get(part_id)
        if rival is not None:
            if fragment.sample.version < rival.fragment.sample.version:
                each, rival = rival, each
            verdicts[rival.position] = rejection(
                rival.position, "duplicate_in_batch", "", DUPLICATE
            )
        newest[part_id] = each
    return newest


async def drop_unconsented(
    connection: AsyncConnection,
    person: PersonCaller,
    sent: dict[UUID, Sent],
    verdicts: dict[int, Verdict],
) -> None:
    """Takes out samples that no consent covers, each by its own start.

    A session's start would not do: it may lie before what a consent covers, or after.
    """
    now = clock.now()
    periods, _ = await collect_consents(connection, person, now)
    given = periods.get(SLEEP.number, [])
    refused = {
        part_id: each
        for part_id, each in sent.items()
        if not any(covers(period, each.fragment.sample.start) for period in given)
    }
    if refused:
        unwritten = [
            Draft(each.position, part_id.bytes, each.fragment.sample)
            for part_id, each in refused.items()
        ]
        verdicts.update(await explain(connection, person, unwritten, now))
    for part_id in refused:
        del sent[part_id]


def drop_older(
    sent: dict[UUID, Sent],
    stored: dict[UUID, Part],
    deleted: dict[UUID, tuple[UUID, int]],
    verdicts: dict[int, Verdict],
) -> None:
    """Takes out samples of which a higher version is here, and those that the person deleted."""
    for part_id, each in list(sent.items()):
        version, known = each.fragment.sample.version, stored.get(part_id)
        record_id, kept = deleted.get(part_id, (None, None))
        if known is not None:
            record_id, kept = known.record_id, known.version
        if kept is None or version > kept or (version == kept and known is not None):
            continue
        status: VerdictStatus = "stale" if version < kept else "suppressed"
        verdicts[each.position] = {"status": status, "id": str(record_id)}
        del sent[part_id]


async def to_parts(
    connection: AsyncConnection,
    person: PersonCaller,
    sent: dict[UUID, Sent],
    stored: dict[UUID, Part],
) -> dict[UUID, Part]:
    """The pushed samples as parts; those that are here already say in which session."""
    origins = {each.fragment.sample.origin for each in sent.values()}
    numbers = await number_sources(connection, person, origins)
    parts = {}
    for part_id, (_, fragment) in sent.items():
        part = to_part(part_id, fragment, numbers[fragment.sample.origin])
        known = stored.get(part_id)
        parts[part_id] = part if known is None else part._replace(record_id=known.record_id)
    return parts


def drop_overfull(
    sent: dict[UUID, Sent],
    old: dict[UUID, Part],
    new: dict[UUID, Part],
    verdicts: dict[int, Verdict],
) -> None:
    """Takes out samples that would make a session larger than a record can be."""
    for session in divide({**old, **new}.values()):
        if len(session) <= MAX_PARTS:
            continue
        for part in session:
            if part.part_id in new:
                position = sent.pop(part.part_id).position
                verdicts[position] = rejection(position, "out_of_range", "", OVERFULL)
                del new[part.part_id]
