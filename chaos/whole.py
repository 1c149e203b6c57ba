"""All that a person has in the end, against all that was ever pushed for them."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from chaos.batches import Batch, Json, PromiseBroken, fingerprint
from chaos.world import Person, World


@dataclass
class Whole:
    """How many records, the sum of what stands for their content, and where counters stand."""

    records: int = 0
    prints: int = 0
    counters: dict[str, int] = field(default_factory=dict)

    def add(self, batch: Batch) -> None:
        """Counts a batch that has to be there."""
        self.records += len(batch.records)
        self.prints += sum(map(fingerprint, batch.records.values()))
        for name in batch.counters:
            self.counters[name] = max(batch.number, self.counters.get(name, 0))

    def add_record(self, record: Json) -> None:
        """Counts a record that was read."""
        if record["client_id"].startswith("counter-"):
            self.counters[record["client_id"]] = record["client_version"]
            return
        self.records += 1
        self.prints += fingerprint(record)

    def join(self, others: Iterable["Whole"]) -> "Whole":
        """The sum of this and others."""
        joined = Whole(self.records, self.prints, dict(self.counters))
        for each in others:
            joined.records += each.records
            joined.prints += each.prints
            joined.counters |= each.counters
        return joined


async def check_whole(world: World, person: Person, expected: Whole) -> None:
    """Raises PromiseBroken unless list and feed, read from the beginning, hold what was pushed."""
    for name, records in (("list", list_all(world, person)), ("feed", read_feed(world, person))):
        found = Whole()
        async for record in records:
            found.add_record(record)
        if found != expected:
            raise PromiseBroken(
                f"the {name} holds {found.records} records, {expected.records} were pushed; equal "
                f"content: {found.prints == expected.prints}; counters: "
                f"{sorted(found.counters.items() ^ expected.counters.items())}"
            )


async def list_all(world: World, person: Person) -> AsyncIterator[Json]:
    """Every record by its start."""
    place: dict[str, str] = {}
    while True:
        page = await world.get(person, "/v1/me/records", limit=1000, **place)
        for record in page["records"]:
            yield record
        if "next_cursor" not in page:
            return
        place = {"cursor": page["next_cursor"]}


async def read_feed(world: World, person: Person) -> AsyncIterator[Json]:
    """Every record by its last change."""
    place: dict[str, str] = {}
    more = True
    while more:
        page = await world.get(person, "/v1/me/changes", limit=1000, **place)
        for change in page["changes"]:
            yield change["record"]
        place, more = {"cursor": page["next_cursor"]}, page["has_more"]
