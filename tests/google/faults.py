"""What goes wrong on purpose, and how much may be asked in a minute."""

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

import httpx
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from typing_extensions import TypedDict  # pydantic reads this one on every Python

from tests.google.refusals import Refused, render, usual_reason

MINUTE: Final = timedelta(minutes=1)
BROKEN: Final = b'{"dataPoints": [{"name": "users/me/dataTy'


class Wrong(TypedDict, total=False):
    """How a request fails. `body` says whether it is refused, cut off, slow or never answered."""

    status: int
    retry_after: int
    reason: str
    data_type: str
    body: Literal["error", "broken", "slow", "timeout"]
    seconds: float
    after: int


@dataclass
class Fault:
    """The next `times` requests of `kind` (after `after` that succeed) go wrong."""

    kind: str
    times: int
    how: Wrong
    spare: int

    def strikes(self, kind: str, data_type: str | None) -> bool:
        """Whether this request is one of them, which counts it."""
        wanted = self.how.get("data_type", data_type)
        if not (kind == self.kind or kind.startswith(f"{self.kind}.")) or wanted != data_type:
            return False
        if self.spare:
            self.spare -= 1
            return False
        self.times -= 1
        return self.times >= 0


@dataclass
class Faults:
    """Every fault that waits. In this process a lost answer is raised, for nothing can time out."""

    waiting: list[Fault] = field(default_factory=list)
    in_process: bool = True

    def find(self, kind: str, data_type: str | None) -> Wrong | None:
        """What befalls a request, if anything does."""
        struck = next((each for each in self.waiting if each.strikes(kind, data_type)), None)
        self.waiting = [each for each in self.waiting if each.times > 0]
        return struck.how if struck else None

    async def answer(self, api: str, request: Request, wrong: Wrong) -> Response:
        """The faulty answer. Raises httpx.ReadTimeout where the caller sits in this process."""
        body = wrong.get("body", "error")
        if body == "timeout":
            return await self._never(request, wrong.get("seconds", 60.0))
        if body == "broken":
            return Response(BROKEN, media_type="application/json")
        if body == "slow":
            slow = dripping(wrong.get("seconds", 60.0))
            return StreamingResponse(slow, media_type="application/json")
        status = wrong.get("status", 503)
        reason = wrong.get("reason", usual_reason(api, status))
        answer = render(api, Refused(status, reason, f"Stand-in: {reason}"))
        if "retry_after" in wrong:
            answer.headers["Retry-After"] = str(wrong["retry_after"])
        return answer

    async def _never(self, request: Request, seconds: float) -> Response:
        if self.in_process:
            raise httpx.ReadTimeout("the stand-in does not answer")
        for _ in range(math.ceil(seconds / 0.05)):
            if await request.is_disconnected():
                break
            await asyncio.sleep(0.05)
        return Response(status_code=504)


async def dripping(seconds: float) -> AsyncIterator[bytes]:
    """A good empty object that takes so long."""
    for piece in (b"{", *([b" "] * 8), b"}"):
        await asyncio.sleep(seconds / 10)
        yield piece


@dataclass
class Quota:
    """Requests a minute and user for each API; None is no limit."""

    fit: int | None = None
    health: int | None = None
    _seen: dict[tuple[str, str], deque[datetime]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    def check(self, api: str, user: str, now: datetime) -> None:
        """Counts a request. Raises Refused with Retry-After."""
        limit = {"fit": self.fit, "health": self.health}.get(api)
        if limit is None:
            return
        seen = self._seen[api, user]
        while seen and seen[0] <= now - MINUTE:
            seen.popleft()
        if len(seen) >= limit:
            wait = math.ceil((seen[0] + MINUTE - now).total_seconds()) if seen else 60
            raise Refused(
                429,
                usual_reason(api, 429),
                "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'",
                headers={"Retry-After": str(wait)},
            )
        seen.append(now)
