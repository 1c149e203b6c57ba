"""Calls to Google's data services for one person: paced, with a token that is renewed once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx
import orjson

from vitalkeep.connectors.faults import GoogleFault, to_fault
from vitalkeep.datatypes.descriptors import JsonObject

PER_SECOND = 4.8
"""Calls for one person. Source: Google Health's 300 a minute for each user; an older figure of 5 a
second for Fit.
"""
BURST: Final = 10
MAX_BYTES: Final = 32 * 1024 * 1024
"""Of one answer: 10,000 points are a tenth of that."""
MAX_POINTS: Final = 40_000
"""Of one window, which is held in memory as a whole."""


class TooMuch(Exception):
    """A window holds more than is taken into memory at once: ask for a smaller one."""


@dataclass(slots=True)
class Account:
    """A person's account at Google for as long as one pull lasts.

    `renew` gets a fresh access token, and raises GrantFault when none is to be had. `sources` are
    the data sources that were chosen, by type.
    """

    client: httpx.AsyncClient
    access_token: str
    renew: Callable[[], Awaitable[str]]
    calls: int = 0
    begun: float = 0.0
    sources: dict[str, str | None] = field(default_factory=dict)

    async def get(self, url: str, params: Mapping[str, str | int]) -> JsonObject:
        """The JSON object that is answered. Raises GoogleFault."""
        reply = await self._send(url, params)
        if reply.status_code == httpx.codes.UNAUTHORIZED:
            self.access_token = await self.renew()
            reply = await self._send(url, params)
        if reply.status_code != httpx.codes.OK:
            raise to_fault(reply)
        try:
            body = orjson.loads(reply.content)
        except orjson.JSONDecodeError:
            raise GoogleFault("google_unavailable") from None
        if not isinstance(body, dict):
            raise GoogleFault("google_unavailable")
        return body

    async def _send(self, url: str, params: Mapping[str, str | int]) -> httpx.Response:
        await self._pace()
        headers = {"Authorization": f"Bearer {self.access_token}"}
        try:
            reply = await self.client.get(url, params=dict(params), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            raise GoogleFault("google_unavailable") from None
        if len(reply.content) > MAX_BYTES:
            raise TooMuch
        return reply

    async def _pace(self) -> None:
        now = asyncio.get_running_loop().time()
        if self.calls == 0:
            self.begun = now
        earliest = self.begun + (self.calls - BURST) / PER_SECOND
        self.calls += 1
        if earliest > now:
            await asyncio.sleep(earliest - now)


def take_list(body: JsonObject, name: str) -> list[object]:
    """A list of an answer; empty where Google leaves it out. Raises GoogleFault."""
    found = body.get(name, [])
    if not isinstance(found, list):
        raise GoogleFault("google_unavailable")
    return found


async def list_pages(
    account: Account, url: str, params: Mapping[str, str | int], name: str
) -> list[object]:
    """Every entry of the list `name` of all pages; all or none.

    Raises GoogleFault, also for a page that names itself as the next, and TooMuch.
    """
    found: list[object] = []
    seen: set[str] = set()
    page: Mapping[str, str | int] = params
    while True:
        body = await account.get(url, page)
        found += take_list(body, name)
        token = body.get("nextPageToken")
        if not token:
            return found
        if len(found) > MAX_POINTS:
            raise TooMuch
        if not isinstance(token, str) or token in seen:
            raise GoogleFault("google_unavailable")
        seen.add(token)
        page = {**params, "pageToken": token}
