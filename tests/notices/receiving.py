"""Receivers of notices: organizations and apps with an endpoint, who check what they are sent."""

import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import respx
from standardwebhooks.webhooks import Webhook

from tests.care.sql import run_sql
from tests.make import Make
from vitalkeep.notices import delivery
from vitalkeep.notices.endpoints import Recipient, RecipientKind, set_endpoint
from vitalkeep.notices.outbox import Content, NoticeType, queue


@dataclass
class Receiver:
    """One recipient's server. `answers` are the statuses it gives, the last one for good."""

    recipient: Recipient
    host: str
    secret: str
    answers: list[int] = field(default_factory=lambda: [204])
    requests: list[httpx.Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"https://{self.host}/vitalkeep"

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Takes a request."""
        self.requests.append(request)
        return httpx.Response(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    def read(self) -> list[dict[str, Any]]:
        """The notices that came, whose signatures have to be good and made just now."""
        return [
            Webhook(self.secret).verify(request.content, dict(request.headers))
            for request in self.requests
        ]

    def ids(self) -> list[str]:
        """The webhook-id of each request."""
        return [request.headers["webhook-id"] for request in self.requests]


class Desk:
    """Receivers on one application, and its worker."""

    def __init__(self, make: Make, web: respx.MockRouter) -> None:
        self.make = make
        self.web = web

    async def receiver(self, recipient_id: UUID, kind: RecipientKind = "organization") -> Receiver:
        """The recipient's server, which has its endpoint."""
        host = f"{secrets.token_hex(6)}.jp.example"
        recipient, state = Recipient(kind, recipient_id), self.make.fastapi.state
        made = Receiver(recipient, host, "")
        async with state.engine.begin() as connection:
            made.secret = await set_endpoint(
                connection, state.keyring, recipient, made.url, allow_private=False
            )
        self.web.post(headers={"host": host}).mock(side_effect=made.answer)
        return made

    async def organization(self) -> Receiver:
        """A new organization's server."""
        return await self.receiver(await self.make.organization())

    async def queue(self, recipient: Recipient, type: NoticeType, content: Content) -> UUID | None:
        """A notice in a transaction of its own."""
        async with self.make.fastapi.state.engine.begin() as connection:
            return await queue(connection, recipient, type, content)

    async def deliver(self) -> int:
        """What the worker does once; notices of other tests can't be delivered."""
        self.web.route(name="others").respond(503)  # looked at last
        state = self.make.fastapi.state
        done = await delivery.deliver_due(state.engine, lambda: state.keyring, allow_private=False)
        self.web.pop("others")
        return done

    async def row(self, notice_id: UUID | None) -> Any:
        """The notice as it is stored; None if it is not."""
        rows = await self.rows("notice_id = :id", id=notice_id)
        return rows[0] if rows else None

    async def rows(self, condition: str, **values: object) -> list[Any]:
        """The notices that are stored and fit."""
        statement = f"SELECT * FROM notices WHERE {condition} ORDER BY created_at"  # noqa: S608
        return await run_sql(self.make.fastapi, statement, **values)
