"""Assembling sessions of sleep against what is stored, inside the pushing transaction.

`open_nights` takes the gate and answers the sessions that the push changes, which are then written
like every other record, by the statement that joins the consents; `close_nights` follows with what
the sessions are made of. All that is read here is read behind the gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.fragments import Fragment
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.models import BY_SOURCE
from vitalkeep.records.nights import divide
from vitalkeep.records.parts import fetch_parts, fetch_sessions, find_near, retire, save_parts
from vitalkeep.records.samples import (
    drop_older,
    drop_overfull,
    drop_unconsented,
    fold_samples,
    to_parts,
)
from vitalkeep.records.sessions import Session, name_sessions, rewrite
from vitalkeep.records.tombstones import bury
from vitalkeep.records.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Nights:
    """What a push does to sessions.

    `changed` hold samples of the push, `reduced` may only have lost samples that moved. `before`
    are the stored sessions that are affected, `positions` the places of the sent samples.
    """

    changed: list[Session]
    reduced: list[Session]
    before: frozenset[UUID]
    positions: dict[UUID, int]

    @property
    def drafts(self) -> list[tuple[bytes, Measurement]]:
        """Id and content of the sessions to write."""
        return [(session.record_id.bytes, session.measurement) for session in self.changed]


async def open_nights(
    connection: AsyncConnection,
    person: PersonCaller,
    fragments: Mapping[int, Fragment],
    verdicts: dict[int, Verdict],
) -> Nights:
    """The sessions that the pushed samples, by their place, make with what is stored.

    Takes the gate. Samples that change nothing, and those that may not be stored, get their
    verdict here. Raises Unauthenticated when the person has left.
    """
    sent = fold_samples(person, fragments, verdicts)
    await take_gate(connection, person.person_id)
    await drop_unconsented(connection, person, sent, verdicts)
    stored, deleted = await fetch_parts(connection, person, sent)
    drop_older(sent, stored, deleted, verdicts)
    if not sent:
        return Nights([], [], frozenset(), {})
    new = await to_parts(connection, person, sent, stored)
    near = await find_near(connection, person, divide(new.values()))
    moved = {part.record_id for part in new.values() if part.record_id is not None}
    old = await fetch_sessions(connection, person, near | moved)
    drop_overfull(sent, old, new, verdicts)
    sessions = await name_sessions(connection, person, {**old, **new}.values(), frozenset(sent))
    changed: list[Session] = []
    reduced: list[Session] = []
    for session in sessions:
        (changed if any(part.part_id in sent for part in session.parts) else reduced).append(
            session
        )
    return Nights(
        changed,
        reduced,
        frozenset(near | moved),
        {part_id: each.position for part_id, each in sent.items()},
    )


async def close_nights(
    connection: AsyncConnection,
    person: PersonCaller,
    nights: Nights,
    verdicts: dict[int, Verdict],
    first: int,
) -> int:
    """Gives each sample the verdict of its session, and keeps what sessions are made of.

    `nights.changed` have been written, with verdicts at `first` and the places after it. Sessions
    that were swallowed by others are buried. Answers how many change numbers that took.
    """
    kept, held = list(nights.reduced), set[UUID | None]()
    for place, session in enumerate(nights.changed, start=first):
        verdict = verdicts.pop(place)
        for part in session.parts:
            if (position := nights.positions.get(part.part_id)) is not None:
                verdicts[position] = _moved(verdict, place, position)
        if verdict["status"] == "rejected":
            held |= {part.record_id for part in session.parts}
        else:
            kept.append(session)
    await save_parts(
        connection,
        person,
        [
            (part, session.record_id)
            for session in kept
            for part in session.parts
            if part.part_id in nights.positions or part.record_id != session.record_id
        ],
    )
    await rewrite(connection, person, nights.reduced)
    gone = sorted(nights.before - {each.record_id for each in kept} - held)
    return len(nights.reduced) + await bury(connection, person.person_id, gone, BY_SOURCE)


async def remove_parts(
    connection: AsyncConnection, person: PersonCaller, part_ids: Sequence[UUID], deleted_by: int
) -> int:
    """Assembles sessions without these samples, and buries those of which none is left.

    Needs no consent: nothing is added. Ids of samples that are not here are passed over; how many
    were. The caller holds the gate.
    """
    removed, _ = await fetch_parts(connection, person, part_ids)
    if not removed:
        return 0
    before = {part.record_id for part in removed.values() if part.record_id is not None}
    old = await fetch_sessions(connection, person, before)
    await retire(connection, person.person_id, deleted_by, parts=list(removed))
    left = [part for part_id, part in old.items() if part_id not in removed]
    sessions = await name_sessions(connection, person, left, frozenset())
    pairs = [(part, session.record_id) for session in sessions for part in session.parts]
    await save_parts(connection, person, [each for each in pairs if each[0].record_id != each[1]])
    await rewrite(connection, person, sessions)
    gone = sorted(before - {each.record_id for each in sessions})
    await bury(connection, person.person_id, gone, deleted_by)
    return len(removed)


def _moved(verdict: Verdict, place: int, position: int) -> Verdict:
    """A session's verdict as that of one of its samples: a refusal points at the sample."""
    if "pointer" not in verdict:
        return verdict
    pointer = verdict["pointer"].replace(f"/{place}", f"/{position}", 1)
    return {**verdict, "pointer": pointer}
