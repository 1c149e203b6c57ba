"""What an outside service publishes for everybody, such as its signing keys: fetched and kept."""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

import httpx

from vitalkeep.base import clock
from vitalkeep.base.errors import DependencyUnavailable
from vitalkeep.base.outbound import outbound_client

REFETCH: Final = timedelta(minutes=1)
RETRY: Final = timedelta(seconds=5)
KEEP_AT_MOST_S: Final = 86_400
AWAY: Final = "Google doesn't answer."

_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})\b", re.IGNORECASE)
T = TypeVar("T")


class Published(Generic[T]):
    """Named things at one address, kept by their `Cache-Control: max-age`.

    `read` turns the answer into them and raises ValueError for any other answer. They are kept for
    `at_least`, whatever the answer says.
    """

    def __init__(
        self,
        url: str,
        read: Callable[[httpx.Response], Mapping[str, T]],
        at_least: timedelta = timedelta(0),
    ) -> None:
        self._url = url
        self._read = read
        self._at_least = at_least
        self._found: Mapping[str, T] = {}
        self._fresh_until = self._tried_at = datetime.min.replace(tzinfo=UTC)
        self._failed = False
        self._fetching = asyncio.Lock()

    async def find(self, name: str) -> T | None:
        """What is published under a name now, or None.

        An unknown name is looked for once a minute at most. While it can't be looked for because
        Google is away, nobody can tell whether it is good: raises DependencyUnavailable.
        """
        if self._is_fresh() and name in self._found:
            return self._found[name]
        async with self._fetching:
            # Whoever waited here for another's fetch finds it done within the pause.
            pause = REFETCH if self._is_fresh() else RETRY if self._failed else timedelta(0)
            if clock.now() >= self._tried_at + pause:
                await self._fetch()
            elif self._failed:
                raise DependencyUnavailable(AWAY)
            return self._found.get(name)

    def _is_fresh(self) -> bool:
        return clock.now() < self._fresh_until

    async def _fetch(self) -> None:
        """Reads what is published. Raises DependencyUnavailable, keeping the old."""
        self._tried_at = clock.now()
        self._failed = True
        try:
            async with outbound_client() as client:
                reply = await client.get(self._url)
            self._found = self._read(reply)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
            raise DependencyUnavailable(AWAY) from None
        self._failed = False
        self._fresh_until = self._tried_at + max(_read_max_age(reply), self._at_least)


def _read_max_age(reply: httpx.Response) -> timedelta:
    """How long the answer may be kept: a day at most, not at all if it doesn't say."""
    found = _MAX_AGE.search(reply.headers.get("cache-control", ""))
    return timedelta(seconds=min(int(found[1]), KEEP_AT_MOST_S) if found else 0)
