"""Laws of the change feed: whoever follows it ends with exactly what is stored, whatever happens
meanwhile: slow transactions, aborted ones, purges.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.make import Caller, Make
from tests.records.following import Device
from tests.records.stored import get_caller, list_all, list_rows
from tests.records.test_laws import new_person
from vitalkeep.base import clock
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.deletion import LIVE, fetch_ids
from vitalkeep.records.ingest import ingest
from vitalkeep.records.models import BY_PERSON, BY_SOURCE
from vitalkeep.records.parse import parse_canonical
from vitalkeep.records.retention import purge_tombstones
from vitalkeep.records.tombstones import bury

TYPES: Final = ("weight", "steps", "heart_rate")
VIEWS: Final = ((), ("weight",), ("steps", "heart_rate"))
law = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Aborted(Exception):
    """A transaction that is given up after it wrote."""


@dataclass
class Slow:
    """A transaction that has written and stays open until it is told how to end."""

    commits: bool
    writing: asyncio.Task[None] = field(init=False)
    wrote: asyncio.Event = field(default_factory=asyncio.Event)
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(
        self, make: Make, caller: PersonCaller, records: list[dict[str, Any]], buried: int | None
    ) -> None:
        """Writes records, deletes some of them, and waits."""
        outcomes = parse_canonical(orjson.dumps({"records": records}), clock.now())
        try:
            async with make.fastapi.state.engine.begin() as connection:
                await take_gate(connection, caller.person_id)
                done = await ingest(connection, caller, outcomes)
                if buried is not None:
                    written = [each["id"] for each in done.verdicts if "id" in each]
                    live = await fetch_ids(connection, LIVE, caller.person_id, written[:1])
                    await bury(connection, caller.person_id, live, buried)
                self.wrote.set()
                await self.ends.wait()
                if not self.commits:
                    raise Aborted
        except Aborted:
            pass


writes = st.fixed_dictionaries(
    {
        "kinds": st.lists(st.sampled_from(TYPES), min_size=1, max_size=4),
        "known": st.integers(0, 3),
        "buried": st.sampled_from([None, None, BY_SOURCE, BY_PERSON]),
        "commits": st.sampled_from([True, True, True, False]),
    }
)
reads = st.tuples(st.integers(0, len(VIEWS) - 1), st.integers(1, 4))
schedules = st.lists(st.one_of(writes, reads, st.just("end")), min_size=4, max_size=24)


def drafted(make: Make, step: dict[str, Any], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """New records of the drawn types, and some known ones in a new version."""
    new = [make.record(kind) for kind in step["kinds"]]
    again = known[: step["known"]]
    for record in again:
        record["client_version"] = record.get("client_version", 0) + 1
    known[:0] = new
    return [*new, *map(dict, again)]


async def holder(waiting: list[Slow]) -> Slow:
    """The one that has come through the gate and written, as soon as one has."""
    events = [asyncio.ensure_future(slow.wrote.wait()) for slow in waiting]
    await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
    for event in events:
        event.cancel()
    return next(slow for slow in waiting if slow.wrote.is_set())


async def run_schedule(
    make: Make, person: Caller, devices: list[Device], schedule: list[Any]
) -> None:
    """Plays it: writers open side by side on connections of their own, devices read between."""
    caller = await get_caller(make, person)
    known: list[dict[str, Any]] = []
    waiting: list[Slow] = []
    for step in [*schedule, "end", "end", "end", "end"]:
        if isinstance(step, tuple):
            await devices[step[0]].read(step[1])
        elif isinstance(step, dict) and len(waiting) < 4:
            slow = Slow(step["commits"])
            records = drafted(make, step, known)
            slow.writing = asyncio.create_task(slow.write(make, caller, records, step["buried"]))
            waiting.append(slow)
            # One of them holds the gate, with its numbers taken and nothing committed.
            await holder(waiting)
        elif waiting:
            ended = await holder(waiting)
            waiting.remove(ended)
            ended.ends.set()
            await ended.writing


@law
@given(schedule=schedules)
async def test_followers_miss_nothing_of_concurrent_and_aborted_transactions(
    make: Make, schedule: list[Any]
) -> None:
    person = await new_person(make)
    devices = [Device(person, types) for types in VIEWS]
    async with asyncio.timeout(60):
        await run_schedule(make, person, devices, schedule)
    stored = {each["id"]: each for each in await list_all(person)}
    for device in devices:
        expected = {
            record_id: record
            for record_id, record in stored.items()
            if not device.types or record["type"] in device.types
        }
        assert await device.catch_up(3) == expected
        assert device.expiries == 0
    numbers = [row["feed"] for row in await list_rows(make, person)]
    assert len(set(numbers)) == len(numbers)


happenings = st.one_of(
    st.tuples(st.just("push"), st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True)),
    st.tuples(st.just("delete"), st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True)),
    st.tuples(st.just("forget"), st.lists(st.integers(0, 5), min_size=1, max_size=1)),
    st.tuples(st.just("purge"), st.lists(st.integers(0, 4), min_size=1, max_size=1)),
    st.tuples(st.just("read"), st.tuples(st.integers(0, 3), st.integers(1, 3))),
)


@dataclass
class Walk:
    """A device, and how many purges there had been when it last began anew."""

    device: Device
    began_at: int = 0

    async def read(self, limit: int, purges: int) -> bool:
        """Reads a page; it may begin anew only if something was purged since it last did."""
        before = self.device.expiries
        more = await self.device.read(limit)
        if self.device.expiries > before:
            assert purges > self.began_at
            self.began_at = purges
        return more


def named(number: int, version: int) -> dict[str, Any]:
    """One of six records, in a version."""
    kind = TYPES[number % 2]
    moment = f"2026-03-0{number + 1}T07:30:00+09:00"
    common = {"type": kind, "client_id": f"r-{number}", "client_version": version}
    if kind == "weight":
        measured: dict[str, Any] = {"time": moment, "kilograms": 58.0 + version / 4}
    else:
        measured = {"start": moment, "end": f"2026-03-0{number + 1}T08:00:00+09:00"}
        measured["count"] = 900 + version
    return {**common, **measured, "origin": {"app": "jp.example.walk"}}


async def delete(person: Caller, numbers: list[int], by: str) -> None:
    for number in numbers:
        names = {"client_ids": [f"r-{number}"], "type": TYPES[number % 2]}
        answer = await person.post(
            "/v1/me/records/delete", {**names, "app": "jp.example.walk", "by": by}
        )
        assert answer.status_code == 200, answer.text


@law
@given(story=st.lists(happenings, min_size=6, max_size=40))
async def test_a_device_that_obeys_410_ends_with_what_is_stored_whenever_deletions_are_purged(
    make: Make, story: list[tuple[str, Any]]
) -> None:
    person = await new_person(make)
    walks = [Walk(Device(person)), Walk(Device(person, ("weight",))), Walk(Device(person))]
    moments: list[datetime] = [clock.now()]
    purges = 0
    for turn, (what, which) in enumerate(story):
        if what == "push":
            await person.push(*(named(number, turn) for number in which))
        elif what == "purge":
            before = moments[-1 - min(which[0], len(moments) - 1)]
            purges += await purge_tombstones(make.fastapi.state.engine, before, 2) > 0
        elif what == "read":
            await walks[which[0] % len(walks)].read(which[1], purges)
        else:
            await delete(person, which, "source" if what == "delete" else "person")
        moments.append(clock.now() + timedelta(microseconds=1))
    stored = {each["id"]: each for each in await list_all(person)}
    newcomer = Walk(Device(person), purges)
    for walk in [*walks, newcomer]:
        while await walk.read(2, purges):
            pass
        types = walk.device.types
        assert walk.device.mirror == {
            record_id: record
            for record_id, record in stored.items()
            if not types or record["type"] in types
        }
