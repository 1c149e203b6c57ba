"""What is pushed, and what has to be there afterwards: one batch a push, all of it or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from random import Random
from typing import Any, Final

import orjson

from vitalkeep.demo.people import canonical_records

Json = dict[str, Any]

UNTIL: Final = datetime(2026, 11, 1, tzinfo=UTC)
COUNTERS: Final = 5
"""Records that each batch of a pusher writes again, with a higher version."""
SIZES: Final = (100, 1000)
NEW, KEPT = "created", "unchanged"


class PromiseBroken(Exception):
    """A promise was not kept; the text is the evidence."""


@dataclass(frozen=True)
class Batch:
    """One push: new records of mixed types, and counters that are at `number` afterwards."""

    pusher: str
    number: int
    records: Mapping[str, Json]
    counters: Mapping[str, Json]
    body: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """How many records it has."""
        return len(self.records) + len(self.counters)


def make_batch(pusher: str, number: int, seed: int) -> Batch:
    """The batch of this number, the same for the same seed."""
    rng = Random(f"{seed} {pusher} {number}")  # noqa: S311 - repeatable invention, not a secret
    fresh = canonical_records(rng.getrandbits(63), rng.randint(*SIZES) - COUNTERS, UNTIL)
    counters = [to_counter(pusher, place, number) for place in range(COUNTERS)]
    mixed = [*fresh, *counters]
    rng.shuffle(mixed)
    return Batch(
        pusher,
        number,
        {str(each["client_id"]): each for each in fresh},
        {str(each["client_id"]): each for each in counters},
        orjson.dumps({"records": mixed}),
    )


def to_counter(pusher: str, place: int, number: int) -> Json:
    """A steps record that stands at `number`, in that version."""
    return {
        "type": "steps",
        "start": f"2026-11-0{place + 1}T00:00:00+09:00",
        "end": f"2026-11-0{place + 1}T23:59:59+09:00",
        "count": number,
        "client_id": f"counter-{pusher}-{place}",
        "client_version": number,
        "origin": {"app": "jp.example.pedometer"},
    }


def content(record: Json) -> Json:
    """A record as it was sent: without what only answers carry."""
    sent = {name: value for name, value in record.items() if name not in ("id", "modified_at")}
    return {"client_version": 0, **sent}


def fingerprint(record: Json) -> int:
    """A number that stands for the content; sums of it stand for sets of records."""
    text = orjson.dumps(content(record), option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "big")


def is_present(batch: Batch, found: Mapping[str, Json]) -> bool:
    """Whether all of the batch is there, as it was sent; `found` is by client id.

    A counter may have gone on since. Raises PromiseBroken when only a part is there, or something
    else than was sent.
    """
    there = {name for name in batch.records if name in found}
    for name in there:
        if content(found[name]) != content(batch.records[name]):
            raise PromiseBroken(
                f"{batch.pusher} batch {batch.number}: sent {batch.records[name]}, "
                f"reads {found[name]}"
            )
    written = {
        name
        for name in batch.counters
        if name in found and found[name]["client_version"] >= batch.number
    }
    for name in written:
        at = found[name]["client_version"]
        place = int(name.rpartition("-")[2])
        if content(found[name]) != to_counter(batch.pusher, place, at):
            raise PromiseBroken(f"{batch.pusher}: a counter at {at} reads {found[name]}")
    if 0 < len(there) + len(written) < batch.size:
        raise PromiseBroken(
            f"half a batch: {batch.pusher} batch {batch.number} has {len(there)} of "
            f"{len(batch.records)} new records and {len(written)} of {len(batch.counters)} counters"
        )
    return bool(there)


def check_found(
    acknowledged: list[Batch], unknown: list[Batch], found: Mapping[str, Json]
) -> list[Batch]:
    """Those of `unknown` that are there; `found` is what was added since, by client id.

    Raises PromiseBroken unless all that was acknowledged is there, and nothing that was not sent.
    """
    for batch in acknowledged:
        if not is_present(batch, found):
            raise PromiseBroken(f"acknowledged and lost: {batch.pusher} batch {batch.number}")
    present = [batch for batch in unknown if is_present(batch, found)]
    sent = {name for batch in [*acknowledged, *present] for name in batch.records}
    sent |= {name for batch in [*acknowledged, *present] for name in batch.counters}
    if foreign := found.keys() - sent:
        raise PromiseBroken(f"{len(foreign)} records that nobody sent, {min(foreign)} among them")
    return present
