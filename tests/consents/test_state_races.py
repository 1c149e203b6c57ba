"""Every way in which collecting ends, among pushes and reads of others: its answer is the end."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pytest

from tests.consents.asking import everything
from tests.consents.test_projection import rebuild
from tests.consents.test_projection import stored as stored_consents
from tests.consents.test_withdrawal_races import stored_ids
from tests.make import Caller, Make

ROUNDS: Final = 6
PUSHERS: Final = 3
WAYS: Final = {
    "delete": "consent_withdrawn",
    "freeze": "consent_withdrawn",
    "pause": "consent_missing",
    "narrow": "consent_missing",
}
"""What ends collecting, and what a later push is told."""


@dataclass
class World:
    """A person, their nurse, and what the phones and the nurse of one round were answered."""

    person: Caller
    nurse: Caller
    records_path: str
    consent_id: str
    acknowledged: set[str] = field(default_factory=set)
    late_pushes: list[str] = field(default_factory=list)
    late_reads: list[tuple[int, set[str]]] = field(default_factory=list)
    ended: bool = False


async def made(make: Make) -> World:
    person, nurse = await make.person(collects=False), await make.staff()
    source = {"kind": "health_connect", "evidence": []}
    (consent,) = await make.consents(person, ["steps.collect"], source=source)
    case = await make.case(nurse, person, ["steps.read"])
    path = f"/v1/cases/{case['case']['id']}/records"
    return World(person, nurse, path, str(consent["id"]))


async def push_on(make: Make, world: World) -> None:
    """Pushes until some time after the end was answered."""
    after = 0
    while after < 2:
        begun_late = world.ended
        after += begun_late
        pushed = await world.person.push(*(make.record("steps") for _ in range(2)))
        world.acknowledged |= stored_ids(pushed["results"])
        if begun_late:
            world.late_pushes += [each.get("code", each["status"]) for each in pushed["results"]]


async def read_on(world: World) -> None:
    """Reads as the nurse until some time after the end was answered."""
    after = 0
    while after < 2:
        begun_late = world.ended
        after += begun_late
        answer = await world.nurse.get(world.records_path)
        if begun_late:
            seen = answer.json().get("records", [])
            world.late_reads.append((answer.status_code, {each["id"] for each in seen}))


async def end(world: World, way: str, delay_s: float) -> dict[str, Any]:
    """Ends collecting after a while; the answer."""
    await asyncio.sleep(delay_s)
    path = f"/v1/me/consents/{world.consent_id}"
    if way == "narrow":
        body = {"platform": "health_connect", "granted": []}
        answer = await world.person.request("PUT", "/v1/me/platform-grants", json=body)
    elif way == "pause":
        answer = await world.person.post(f"{path}/pause")
    else:
        answer = await world.person.post(f"{path}/withdrawal", {"stored_data": way})
    world.ended = True
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def own_ids(person: Caller) -> set[str]:
    return {each["id"] for each in (await person.get("/v1/me/records")).json()["records"]}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_nothing_gets_through_behind_the_answer_and_nothing_is_lost_before_it(
    make: Make, way: str, seed: int
) -> None:
    world = await made(make)
    delay_s = random.Random(seed).uniform(0, 0.1)  # noqa: S311 - not for secrets
    told, *_ = await asyncio.gather(
        end(world, way, delay_s),
        *(push_on(make, world) for _ in range(PUSHERS)),
        read_on(world),
    )
    assert set(world.late_pushes) == {WAYS[way]}
    assert len(world.late_pushes) >= 4 * PUSHERS
    assert told is not None
    if way in {"delete", "freeze"}:
        counts = (told["deleted"], told["frozen"])
        stored = len(world.acknowledged)
        assert counts == ((stored, 0) if way == "delete" else (0, stored))
    assert await own_ids(world.person) == (set() if way == "delete" else world.acknowledged)
    visible = set() if way in {"delete", "freeze"} else world.acknowledged
    assert all(read == (200, visible) for read in world.late_reads)
    assert len(world.late_reads) >= 2
    assert await rebuild(make, world.person) == await stored_consents(make, world.person)


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_no_read_gets_through_behind_the_withdrawal_of_reading(make: Make, seed: int) -> None:
    world = await made(make)
    await world.person.push(make.record("steps"))
    (reading,) = [
        each["id"] for each in await everything(world.person) if each["scope"] == "steps.read"
    ]
    world.consent_id = reading
    delay_s = random.Random(seed).uniform(0, 0.05)  # noqa: S311 - not for secrets
    await asyncio.gather(end(world, "delete", delay_s), *(read_on(world) for _ in range(4)))
    assert {status for status, _ in world.late_reads} == {404}
    log = (await world.person.get("/v1/me/access-log", outcome="given")).json()["entries"]
    ended = (await world.person.get(f"/v1/me/consents/{reading}")).json()["withdrawn_at"]
    times = [datetime.fromisoformat(entry["at"]) for entry in log]
    assert all(time <= datetime.fromisoformat(ended) for time in times)


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_whatever_is_done_at_once_the_ledger_says_what_is(make: Make, seed: int) -> None:
    """Two of each at once, in an order that only the gate decides."""
    world = await made(make)
    ways = [*WAYS, *WAYS]
    random.Random(seed).shuffle(ways)  # noqa: S311 - not for secrets

    async def give() -> None:
        source = {"kind": "health_connect", "evidence": []}
        await make.consents(world.person, ["steps.collect"], source=source)

    async def attempt(way: str) -> None:
        path = f"/v1/me/consents/{world.consent_id}"
        if way == "narrow":
            body = {"platform": "health_connect", "granted": []}
            await world.person.request("PUT", "/v1/me/platform-grants", json=body)
        elif way == "pause":
            answer = await world.person.post(f"{path}/pause")
            assert answer.status_code in {200, 409}
        else:
            answer = await world.person.post(f"{path}/withdrawal", {"stored_data": way})
            assert answer.status_code == 200

    await asyncio.gather(*(attempt(way) for way in ways), give(), push_once(make, world), give())
    assert await rebuild(make, world.person) == await stored_consents(make, world.person)
    numbers = [each["number"] for each in await everything(world.person, "events")]
    assert numbers == list(range(1, len(numbers) + 1))


async def push_once(make: Make, world: World) -> None:
    await world.person.push(make.record("steps"))
