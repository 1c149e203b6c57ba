"""Notifications of the stand-in, sent to the server as Google Health sends them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Unpack
from uuid import UUID

import httpx
import orjson

from tests.care.sql import run_sql
from tests.connectors.pulled import Pulled
from tests.google.webhooks import Notice, Sending, notify
from tests.google.world import World
from tests.make import Caller
from vitalkeep.base.metrics import REGISTRY

PATH = "/v1/google-health/notifications"
SECRET = "a-secret-of-the-subscriber"
HEALTH: Final = "google-health"


@dataclass
class Notified:
    """The server, and a stand-in that tells it what has changed."""

    pulled: Pulled

    @property
    def world(self) -> World:
        """The stand-in's."""
        return self.pulled.world

    @property
    def client(self) -> httpx.AsyncClient:
        """The one that calls the server."""
        return self.pulled.google.make.client

    async def person(self, *types: str) -> Caller:
        """A person whose account was pulled from once, so that it is known whose it is."""
        person = await self.pulled.person(*types, provider="google-health")
        await self.pulled.pull(person, "google-health")
        return person

    def notice(
        self, kind: str, start: datetime, end: datetime | None = None, operation: str = "UPSERT",
        user_id: str | None = None,
    ) -> Notice:  # fmt: skip
        """A notice on the first user's data."""
        user_id = user_id or self.world.health.user_id
        return Notice(user_id, kind, [(start, end or start)], operation)

    async def tell(self, *notices: Notice, **sending: Unpack[Sending]) -> httpx.Response:
        """Sends notices as Google does; the server's answer."""
        asked: Sending = {"secret": SECRET, "array": True, **sending}
        return await notify(self.client, PATH, self.world.webhook_keys, *notices, **asked)

    async def send(self, body: object, **headers: str) -> httpx.Response:
        """Sends a body of any kind, rightly signed unless the headers say otherwise."""
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        signed = {"GOOGLE-HEALTH-API-SIGNATURE": self.world.webhook_keys.sign(raw)}
        given = {"Authorization": SECRET, **(signed if "signature" not in headers else {})}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        given.pop("signature", None)
        return await self.client.post(PATH, content=raw, headers=given)

    async def waiting(self, person: Caller) -> Sequence[Any]:
        """What waits to be read again, by type and start."""
        query = "SELECT * FROM refetches WHERE person_id = :id ORDER BY type, start_time"
        return await run_sql(self.pulled.google.app, query, id=person.id)

    async def connection(self, person_id: UUID) -> Any:
        """The stored connection."""
        query = "SELECT * FROM connections WHERE person_id = :id"
        (row,) = await run_sql(self.pulled.google.app, query, id=person_id)
        return row

    async def read_again(self, person: Caller) -> None:
        """What the worker does of itself: the connection has to be due for it."""
        assert await self.pulled.pull_if_due(person, "google-health")


def counted(outcome: str) -> float:
    """How many entries came to this so far."""
    name = "vitalkeep_google_notifications_total"
    return REGISTRY.get_sample_value(name, {"outcome": outcome}) or 0.0
