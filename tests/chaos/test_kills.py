"""A quick `make chaos`, and proof that it would see a broken promise."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.batches import Batch, Json, PromiseBroken, check_found, make_batch
from chaos.pushing import require_new
from chaos.rounds import KILLS
from chaos.story import tell
from chaos.whole import Whole
from tests.cli.serving import free_port

ROUNDS = 2


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory with a path short enough for a socket."""
    directory = Path(tempfile.mkdtemp(prefix="vitalkeep-chaos-"))
    yield directory
    shutil.rmtree(directory)


async def test_kills_in_mid_push_break_no_promise(scratch: Path) -> None:
    said: list[str] = []
    tallies = await tell(scratch, free_port(), ROUNDS, 20261122, said.append)
    assert {name: tally.rounds for name, tally in tallies.items()} == dict.fromkeys(KILLS, ROUNDS)
    assert sum(tally.acknowledged for tally in tallies.values()) > 0
    # A kill of the server or of PostgreSQL cuts off whoever waits for an answer.
    assert all(tally.unknown > 0 for tally in tallies.values())
    assert len([line for line in said if "as they were sent" in line]) == 2


def answered(batch: Batch) -> dict[str, Json]:
    """The batch as it is read back."""
    added = {"id": "x", "modified_at": "2026-11-22T00:00:00Z"}
    both = {**batch.records, **batch.counters}
    return {name: {"client_version": 0, **each, **added} for name, each in both.items()}


FIRST, SECOND = make_batch("a", 1, seed=7), make_batch("a", 2, seed=7)


def test_what_is_there_whole_is_told_from_what_is_not() -> None:
    assert check_found([FIRST], [SECOND], answered(FIRST)) == []
    assert check_found([FIRST], [SECOND], answered(FIRST) | answered(SECOND)) == [SECOND]
    assert check_found([], [FIRST], {}) == []


def test_a_lost_batch_is_seen() -> None:
    with pytest.raises(PromiseBroken, match="acknowledged and lost: a batch 2"):
        check_found([FIRST, SECOND], [], answered(FIRST))


@pytest.mark.parametrize("place", [0, 50, -1])
def test_half_a_batch_is_seen(place: int) -> None:
    found = answered(FIRST)
    del found[[*found][place]]
    for acknowledged, unknown in (([FIRST], []), ([], [FIRST])):
        with pytest.raises(PromiseBroken, match="half a batch"):
            check_found(acknowledged, unknown, found)


def test_another_content_is_seen() -> None:
    for name in (next(iter(FIRST.records)), next(iter(FIRST.counters))):
        found = answered(FIRST)
        found[name] = {**found[name], "recording_method": "manual_entry"}
        with pytest.raises(PromiseBroken, match="manual_entry"):
            check_found([FIRST], [], found)


def test_a_record_that_nobody_sent_is_seen() -> None:
    with pytest.raises(PromiseBroken, match="nobody sent"):
        check_found([FIRST], [], answered(FIRST) | answered(make_batch("b", 1, seed=7)))


def test_a_verdict_that_does_not_fit_is_seen() -> None:
    require_new(FIRST, Counter(created=FIRST.size))
    require_new(SECOND, Counter(created=len(SECOND.records), updated=5))
    for wrong in (Counter(created=FIRST.size - 1), Counter(unchanged=FIRST.size), Counter()):
        with pytest.raises(PromiseBroken):
            require_new(FIRST, wrong)


def test_the_whole_tells_every_difference() -> None:
    expected, found = Whole(), Whole()
    expected.add(FIRST)
    expected.add(SECOND)
    records = {**answered(FIRST), **answered(SECOND)}
    for record in records.values():
        found.add_record(record)
    assert found == expected
    found.add_record(records[next(iter(FIRST.records))])
    assert found != expected
