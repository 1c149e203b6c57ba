"""`/world`: how a process that drives the stand-in changes it and looks at it."""

import dataclasses
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from tests.google.accounts import User
from tests.google.faults import Wrong
from tests.google.heartbeats import SAMPLES
from tests.google.world import Here, World


class Change(BaseModel):
    """What a step of a scenario can do; `user` is an e-mail address, the first user without it."""

    model_config = ConfigDict(extra="forbid")


class Beats(Change):
    """Ninety days of heart rate."""

    do: Literal["generate_heart_rate"]
    api: Literal["fit", "health"]
    user: str | None = None
    start: datetime | None = None
    samples: int = SAMPLES
    seed: int = 1


class Points(Change):
    """One point, or the end of those in a span."""

    do: Literal["add_point", "delete_points", "duplicate_points"]
    api: Literal["fit", "health"]
    data_type: str
    start: datetime
    end: datetime | None = None
    values: list[float | None] = []
    user: str | None = None


class Sleep(Change):
    """A sleep without its parts."""

    do: Literal["add_sleep"]
    api: Literal["fit", "health"]
    start: datetime
    end: datetime
    user: str | None = None


class Account(Change):
    """What befalls an account."""

    do: Literal["expire_access_tokens", "revoke", "sign_in", "agree"]
    user: str | None = None
    agrees: Literal["all", "none"] | list[str] = "all"


class Failing(Change):
    """Requests that go wrong."""

    do: Literal["fail_next"]
    kind: str
    times: int = 1
    how: Wrong = Field(default_factory=Wrong)


class Limits(Change):
    """Requests a minute and user."""

    do: Literal["limit"]
    fit: int | None = None
    health: int | None = None


class Scenario(BaseModel):
    """Steps that are done in their order."""

    model_config = ConfigDict(extra="forbid")
    steps: list[Beats | Points | Sleep | Account | Failing | Limits]


router = APIRouter()


@router.get("/world")
async def look(world: Here) -> dict[str, Any]:
    """Counts of calls, statuses, tokens and points."""
    return world.summary()


@router.get("/world/calls")
async def calls(world: Here, kind: str | None = None) -> list[dict[str, Any]]:
    """The requests that came. They hold tokens, which are good nowhere else."""
    return [dataclasses.asdict(call) for call in world.calls_of(kind)]


@router.post("/world")
async def change(scenario: Scenario, world: Here) -> dict[str, Any]:
    """Does the steps."""
    for step in scenario.steps:
        do(world, step)
    return world.summary()


def do(world: World, step: Beats | Points | Sleep | Account | Failing | Limits) -> None:
    """One step."""
    if isinstance(step, Failing):
        world.fail_next(step.kind, step.times, **step.how)
    elif isinstance(step, Limits):
        world.quota.fit, world.quota.health = step.fit, step.health
    elif isinstance(step, Account):
        do_account(world, find_user(world, step.user), step)
    else:
        do_data(find_user(world, step.user), step)


def find_user(world: World, email: str | None) -> User:
    """The user of that address, who comes to be if there is none."""
    if email is None:
        return world.person
    found = next((user for user in world.users.values() if user.email == email), None)
    return found or world.add_user(email)


def do_account(world: World, user: User, step: Account) -> None:
    """Tokens, grants and who sits before the screen."""
    if step.do == "expire_access_tokens":
        world.expire_access_tokens(user)
    elif step.do == "revoke":
        world.revoke(user)
    elif step.do == "sign_in":
        world.signed_in = user
    else:
        user.agrees = frozenset(step.agrees) if isinstance(step.agrees, list) else step.agrees


def do_data(user: User, step: Beats | Points | Sleep) -> None:
    """Points of one API."""
    store = user.fit if step.api == "fit" else user.health
    if isinstance(step, Beats):
        store.generate_heart_rate(step.start, step.samples, step.seed)
    elif isinstance(step, Sleep):
        store.add_sleep(step.start, step.end, [])
    elif step.do == "add_point" and step.api == "fit":
        user.fit.add_point(step.data_type, step.values, step.start, step.end)
    elif step.do == "add_point":
        user.health.add_point(step.data_type, step.values[0] or 0, step.start, step.end)
    elif step.do == "delete_points":
        store.delete_points(step.data_type, step.start, step.end or step.start)
    else:
        store.duplicate_points(step.data_type, step.start, step.end or step.start)
