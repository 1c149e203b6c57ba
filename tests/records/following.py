"""A device that mirrors its person's records through the change feed, as clients are told to."""

from dataclasses import dataclass, field
from typing import Any

from tests.make import Caller
from tests.records.stored import problem_code

FEED = "/v1/me/changes"


@dataclass
class Device:
    """A follower of the feed, of some types or all, and what it believes to be stored."""

    person: Caller
    types: tuple[str, ...] = ()
    mirror: dict[str, dict[str, Any]] = field(default_factory=dict)
    cursor: str | None = None
    expiries: int = 0

    async def read(self, limit: int = 1000) -> bool:
        """Reads one page; whether more waits. After 410 it forgets everything and begins anew."""
        place = {} if self.cursor is None else {"cursor": self.cursor}
        kinds = {"type": list(self.types)} if self.types else {}
        answer = await self.person.get(FEED, limit=limit, **place, **kinds)
        if answer.status_code == 410:
            assert problem_code(answer, 410) == "cursor_expired"
            assert self.cursor is not None
            self.mirror, self.cursor = {}, None
            self.expiries += 1
            return True
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["changes"]) <= limit
        assert len(page["changes"]) == limit or not page["has_more"]
        for change in page["changes"]:
            if change["op"] == "delete":
                self.mirror.pop(change["id"], None)
            else:
                self.mirror[change["record"]["id"]] = change["record"]
        self.cursor = page["next_cursor"]
        return bool(page["has_more"])

    async def catch_up(self, limit: int = 1000) -> dict[str, dict[str, Any]]:
        """Reads until nothing more waits; the mirror."""
        while await self.read(limit):
            pass
        return self.mirror
