"""Pushing over HTTP until something breaks, and sending again what was not acknowledged."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import httpx

from chaos.batches import KEPT, NEW, Batch, PromiseBroken, make_batch
from chaos.whole import Whole
from chaos.world import PATIENCE_S, Person, World

AHEAD: Final = 3
"""Batches made before a round begins, so that its time goes into pushing."""


@dataclass
class Pusher:
    """One sender for one person, with one request at a time.

    `acknowledged` are this round's batches that were answered with 200, `unknown` those whose
    answer never came or said that the outcome is unknown, `refused` those of which it was said that
    nothing was stored.
    """

    name: str
    person: Person
    seed: int
    number: int = 0
    flying: bool = False
    stopping: bool = False
    ready: list[Batch] = field(default_factory=list)
    acknowledged: list[Batch] = field(default_factory=list)
    unknown: list[Batch] = field(default_factory=list)
    refused: list[Batch] = field(default_factory=list)
    problems: Counter[str] = field(default_factory=Counter)
    whole: Whole = field(default_factory=Whole)
    first: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, first: asyncio.Event) -> None:
        """Forgets the round before and makes the first batches of the next.

        `first` is set once something was answered.
        """
        self.first = first
        self.stopping = False
        self.acknowledged, self.unknown, self.refused = [], [], []
        while len(self.ready) < AHEAD:
            self.number += 1
            self.ready.append(make_batch(self.name, self.number, self.seed))

    def next_batch(self) -> Batch:
        """The next batch, made now if none is ready."""
        if self.ready:
            return self.ready.pop(0)
        self.number += 1
        return make_batch(self.name, self.number, self.seed)

    async def push_on(self, world: World) -> None:
        """Pushes batch after batch until one is not acknowledged, or until it is told to stop."""
        while not self.stopping:
            batch = self.next_batch()
            verdicts = await self.push(world, batch)
            if verdicts is None:
                return
            require_new(batch, verdicts)

    async def push(self, world: World, batch: Batch) -> Counter[str] | None:
        """The verdicts' counts once the batch is acknowledged, else None."""
        headers = {**world.headers(self.person), "content-type": "application/json"}
        self.flying = True
        try:
            answer = await world.client.post("/v1/me/records", content=batch.body, headers=headers)
        except httpx.TransportError as error:
            self.problems[type(error).__name__] += 1
            self.unknown.append(batch)
            return None
        finally:
            self.flying = False
            self.first.set()
        if answer.status_code == 200:
            self.acknowledged.append(batch)
            return Counter({name: n for name, n in answer.json()["counts"].items() if n})
        code = answer.json()["code"]
        self.problems[code] += 1
        if answer.status_code != 503:
            raise PromiseBroken(f"a push was answered {answer.status_code} {code}")
        (self.refused if code == "overloaded" else self.unknown).append(batch)
        return None

    async def send_again(self, world: World, batch: Batch, *, present: bool) -> None:
        """Sends a batch until it is acknowledged. Raises PromiseBroken for an unfit verdict."""
        deadline = monotonic() + PATIENCE_S
        sure = True
        while (verdicts := await self.push(world, batch)) is None:
            if monotonic() > deadline:
                raise PromiseBroken(f"{batch.pusher} batch {batch.number} is not taken any more")
            await asyncio.sleep(0.1)
            sure = False
        kept = verdicts == {KEPT: batch.size}
        if not present and (sure or not kept):
            require_new(batch, verdicts)
        elif not kept:
            raise PromiseBroken(
                f"{batch.pusher} batch {batch.number} was there, yet sent again: {dict(verdicts)}"
            )


def require_new(batch: Batch, verdicts: Counter[str]) -> None:
    """Raises PromiseBroken unless the verdicts are those on a batch that was not there before."""
    new = {NEW: batch.size}
    if batch.number > 1:
        new = {NEW: len(batch.records), "updated": len(batch.counters)}
    if verdicts != new:
        raise PromiseBroken(f"{batch.pusher} batch {batch.number}: {dict(verdicts)}")
