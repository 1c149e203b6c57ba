"""The world behind the stand-in, which a test holds and changes."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final, Unpack

from fastapi import Depends, Request

from tests.google.accounts import Tokens, User
from tests.google.faults import Fault, Faults, Quota, Wrong
from tests.google.fit_store import FitStore
from tests.google.health_store import HealthStore
from tests.google.webhooks import WebhookKeys
from vitalkeep.base import clock as real_clock

CLIENT_ID: Final = "900100200300-standin.apps.googleusercontent.com"
CLIENT_SECRET: Final = "GOCSPX-stand-in"


def now() -> datetime:
    """The package's clock, so that what moves it moves Google's too."""
    return real_clock.now()


@dataclass
class Call:
    """A request as it arrived, and its answer's status (0: it had none)."""

    kind: str
    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    data_type: str | None
    user: str | None
    status: int = 0


@dataclass
class World:
    """One Google Cloud project and its users. `redirect_uris` None lets any through.

    `signed_in` is who sits before the consent screen, unless `login_hint` names another.
    """

    clock: Callable[[], datetime] = now
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    redirect_uris: frozenset[str] | None = None
    fit_page: int = 10_000
    identity_scope: str | None = None  # None: any scope of Google Health opens the identity
    calls: list[Call] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    quota: Quota = field(default_factory=Quota)
    users: dict[str, User] = field(default_factory=dict)
    webhook_keys: WebhookKeys = field(default_factory=WebhookKeys)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.clock)
        self.signed_in = self.add_user("hanako@jp.example")

    @property
    def person(self) -> User:
        """The first user."""
        return next(iter(self.users.values()))

    @property
    def fit(self) -> FitStore:
        """The first user's Fit."""
        return self.person.fit

    @property
    def health(self) -> HealthStore:
        """The first user's Google Health."""
        return self.person.health

    def add_user(self, email: str) -> User:
        """A new account with nothing in it."""
        sub = str(10**20 + secrets.randbelow(10**20))
        health = HealthStore(self.clock, str(10**18 + secrets.randbelow(10**18)))
        user = User(sub, email, FitStore(self.clock), health)
        self.users[sub] = user
        return user

    def fail_next(self, kind: str, times: int = 1, **how: Unpack[Wrong]) -> None:
        """The next requests of a kind go wrong: `oauth.token`, `fit`, `fit.datasets`, …

        `Wrong` says how: 503 if nothing is said; `data_type` is Google's name for the type.
        """
        self.faults.waiting.append(Fault(kind, times, how, how.get("after", 0)))

    def expire_access_tokens(self, user: User | None = None) -> int:
        """Ends access tokens before their time; how many."""
        return self.tokens.expire_access(user or self.person)

    def revoke(self, user: User | None = None) -> None:
        """The user removes the app in their Google account."""
        self.tokens.revoke(user or self.person)

    def withdraw_scope(self, scope: str, user: User | None = None) -> None:
        """The user takes one scope back."""
        self.tokens.withdraw_scope(user or self.person, scope)

    def count(self, kind: str | None = None) -> int:
        """How many requests of a kind came; `fit` counts all of Fit."""
        return len(self.calls_of(kind))

    def calls_of(self, kind: str | None = None) -> list[Call]:
        """The requests of a kind, in their order."""
        if kind is None:
            return list(self.calls)
        return [c for c in self.calls if c.kind == kind or c.kind.startswith(f"{kind}.")]

    def summary(self) -> dict[str, Any]:
        """What a process that drives this one can ask about."""
        return {
            "calls": dict(Counter(call.kind for call in self.calls)),
            "statuses": dict(Counter(str(call.status) for call in self.calls)),
            "users": [summarize(user) for user in self.users.values()],
            "access_tokens": len(self.tokens.accesses),
            "refresh_tokens": len(self.tokens.refreshes),
        }


def world_of(request: Request) -> World:
    """The world of the application that is asked."""
    world: World = request.app.state.world
    return world


Here = Annotated[World, Depends(world_of)]


def summarize(user: User) -> dict[str, Any]:
    """A user without their data."""
    return {
        "sub": user.sub,
        "health_user_id": user.health.user_id,
        "granted": sorted(user.granted),
        "revocations": user.revocations,
        "fit_points": sizes(user.fit.points.items(), user.fit.beats),
        "health_points": sizes(user.health.points.items(), user.health.beats),
    }


def sizes(items: Iterable[tuple[str, list[Any]]], beats: Any) -> dict[str, int]:
    """Points of each type, and those that are made when read."""
    made = {"generated": len(beats)} if beats is not None else {}
    return {name: len(found) for name, found in items} | made
