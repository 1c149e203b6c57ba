"""Records from a file: the same way as a push, batch by batch, and no record stops another.

Unlike in a push, the same record twice in a batch is no fault: each gets the verdict that it would
get in a batch of its own, so verdicts don't depend on where batches happen to end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

import pydantic_core
from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.base import clock
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.dialects import vitalkeep
from vitalkeep.datatypes.fragments import Fragment
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.wire import MAX_BATCH
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.dialects import DIALECTS
from vitalkeep.records.ingest import ingest
from vitalkeep.records.parse import Outcome
from vitalkeep.records.sealed import identity
from vitalkeep.records.verdicts import Verdict

OWN: Final = "vitalkeep"
Measure: TypeAlias = Callable[[object, str, datetime], Measurement | Fragment]
MEASURES: Final[Mapping[str, Measure]] = {
    OWN: vitalkeep.measurement,
    **{name: dialect.measure for name, dialect in DIALECTS.items()},
}
FILE_DIALECTS: Final = tuple(MEASURES)
"""What a file may be written in: records as exported, or as somebody else's JSON."""

NOT_JSON: Final = RecordRejected("invalid", "", "is not one JSON value")


async def load(
    engine: AsyncEngine, person: PersonCaller, dialect: str, texts: Sequence[bytes]
) -> list[Verdict]:
    """Stores up to 1,000 records in one transaction; a verdict for each, durable on return.

    `texts` are what should be one JSON object each. Pointers lead into the record. Raises
    Unauthenticated when the person has left.
    """
    if len(texts) > MAX_BATCH:
        raise ValueError(f"at most {MAX_BATCH} records at a time")
    outcomes = parse(texts, dialect, person)
    verdicts: list[Verdict] = []
    async with engine.begin() as connection:
        for part in without_twins(outcomes):
            done = await ingest(connection, person, part)
            verdicts += [from_its_record(n, each) for n, each in enumerate(done.verdicts)]
    return verdicts


def parse(texts: Sequence[bytes], dialect: str, person: PersonCaller) -> list[Outcome]:
    """One outcome for each text."""
    now, sender = clock.now(), str(person.client_id)
    measure = MEASURES[dialect]
    return [to_outcome(text, measure, sender, now) for text in texts]


def to_outcome(text: bytes, measure: Measure, sender: str, now: datetime) -> Outcome:
    """The outcome of one text. Each is looked at alone: two halves must not make a whole."""
    try:
        return measure(pydantic_core.from_json(text, allow_inf_nan=True), sender, now)
    except RecordRejected as rejected:
        return rejected
    except ValueError:
        return NOT_JSON


def without_twins(outcomes: list[Outcome]) -> Iterator[list[Outcome]]:
    """The outcomes in order, divided so that no part has two of one identity."""
    part: list[Outcome] = []
    names: set[bytes] = set()
    for outcome in outcomes:
        name = identity(outcome) if isinstance(outcome, Measurement) else None
        if name in names:
            yield part
            part, names = [], set()
        if name is not None:
            names.add(name)
        part.append(outcome)
    if part:
        yield part


def from_its_record(position: int, verdict: Verdict) -> Verdict:
    """The verdict with a pointer from the record instead of from a push's body."""
    if "pointer" not in verdict:
        return verdict
    return {**verdict, "pointer": verdict["pointer"].removeprefix(f"/records/{position}")}
