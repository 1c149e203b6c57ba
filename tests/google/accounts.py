"""Google accounts: who agrees to what, and the codes and tokens that come of it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from tests.google.fit_store import FitStore
from tests.google.health_store import HealthStore
from tests.google.refusals import Refused

Clock = Callable[[], datetime]
CODE_LIFE: Final = timedelta(minutes=10)
ACCESS_LIFE: Final = timedelta(seconds=3599)
UNUSED: Final = timedelta(days=182)  # a refresh token that nobody used for six months is dead


@dataclass
class User:
    """One Google account. `agrees`: to everything, to nothing, or to these scopes."""

    sub: str
    email: str
    fit: FitStore
    health: HealthStore
    agrees: Literal["all", "none"] | frozenset[str] = "all"
    granted: set[str] = field(default_factory=set)
    revocations: int = 0


@dataclass
class Code:
    """What an authorization code stands for."""

    user: User
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    nonce: str | None
    expires_at: datetime


@dataclass
class Token:
    """An access token (it has an end) or a refresh token (when it was last used)."""

    user: User
    scopes: tuple[str, ...]
    at: datetime


def bad_grant(why: str) -> Refused:
    """The refusal of a code or a refresh token."""
    return Refused(400, "invalid_grant", why)


class Tokens:
    """Every code and token that was issued and is still known.

    `most` refresh tokens live for a user at once (the oldest dies without a word); `refresh_life`
    is set for an app in testing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.codes: dict[str, Code] = {}
        self.refreshes: dict[str, Token] = {}
        self.accesses: dict[str, Token] = {}
        self.created: dict[str, datetime] = {}
        self.access_life = ACCESS_LIFE
        self.refresh_life: timedelta | None = None
        self.most = 100

    def add_code(self, code: Code) -> str:
        """The code that goes back with the redirect."""
        name = f"4/0A{secrets.token_urlsafe(24)}"
        self.codes[name] = code
        return name

    def take_code(self, name: str) -> Code:
        """What a code stands for, once. Raises Refused."""
        code = self.codes.pop(name, None)
        if code is None or code.expires_at <= self._clock():
            raise bad_grant("Malformed auth code.")
        return code

    def add_access(self, user: User, scopes: tuple[str, ...]) -> str:
        """A new access token."""
        name = f"ya29.{secrets.token_urlsafe(32)}"
        self.accesses[name] = Token(user, scopes, self._clock() + self.access_life)
        return name

    def add_refresh(self, user: User, scopes: tuple[str, ...]) -> str:
        """A new refresh token."""
        name = f"1//0{secrets.token_urlsafe(32)}"
        self.refreshes[name] = Token(user, scopes, self._clock())
        self.created[name] = self._clock()
        mine = [each for each, token in self.refreshes.items() if token.user is user]
        for oldest in mine[: -self.most]:
            del self.refreshes[oldest]
        return name

    def use_refresh(self, name: str) -> Token:
        """The live refresh token of that name. Raises Refused."""
        token, now = self.refreshes.get(name), self._clock()
        life = self.refresh_life
        if token is None or token.at + UNUSED <= now:
            raise bad_grant("Token has been expired or revoked.")
        if life is not None and self.created[name] + life <= now:
            raise bad_grant("Token has been expired or revoked.")
        token.at = now
        return token

    def bearer(self, header: str | None) -> Token | None:
        """The live access token in an Authorization header."""
        scheme, _, name = (header or "").partition(" ")
        token = self.accesses.get(name) if scheme.lower() == "bearer" else None
        return token if token is not None and token.at > self._clock() else None

    def owner(self, name: str) -> User | None:
        """Whose live token of either kind this is."""
        refresh, access = self.refreshes.get(name), self.bearer(f"Bearer {name}")
        token = refresh or access
        return token.user if token else None

    def expire_access(self, user: User) -> int:
        """Ends the user's access tokens before their time; how many there were."""
        now = self._clock()
        mine = [each for each in self.accesses.values() if each.user is user and each.at > now]
        for token in mine:
            token.at = now
        return len(mine)

    def revoke(self, user: User) -> None:
        """Drops every token and every scope of the user: Google knows one grant a project."""
        for store in (self.refreshes, self.accesses):
            for name in [each for each, token in store.items() if token.user is user]:
                del store[name]
        user.granted.clear()
        user.revocations += 1

    def withdraw_scope(self, user: User, scope: str) -> None:
        """The user takes one scope back in their Google account; tokens live on without it."""
        user.granted.discard(scope)
        for store in (self.refreshes, self.accesses):
            for token in store.values():
                if token.user is user:
                    token.scopes = tuple(each for each in token.scopes if each != scope)
