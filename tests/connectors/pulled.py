"""Persons with an account at the stand-in, and pulls from it."""

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from tests.care.sql import run_sql
from tests.connectors.accounts import REDIRECT, Google
from tests.google.world import World
from tests.make import Caller
from vitalkeep.base.outbound import outbound_client
from vitalkeep.connectors.due import Whose, deal_with

ProviderName = Literal["google-fit", "google-health"]


@dataclass
class Pulled:
    """The server and the stand-in."""

    google: Google
    world: World

    async def person(
        self, *types: str, provider: ProviderName = "google-fit", caller: Caller | None = None
    ) -> Caller:
        """A person who has connected their account, by way of the consent screen."""
        person = caller or await self.google.person()
        assert await self.connect(person, *types, provider=provider) == "connected"
        return person

    def look_back(self, days: int) -> None:
        """How far a first pull goes back in this test."""
        state = self.google.app.state
        state.settings = state.settings.model_copy(update={"google_first_days": days})

    async def connect(self, person: Caller, *types: str, provider: ProviderName) -> str:
        """Through the consent screen; the result that the app is told."""
        body = {"types": list(types), "redirect_uri": REDIRECT}
        started = await person.post(f"/v1/me/connections/{provider}", body)
        assert started.status_code == 200, started.text
        async with outbound_client() as browser:
            answer = await browser.get(started.json()["authorization_url"])
        back = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
        return await self.google.result(**back)

    async def pull(self, person: Caller, provider: ProviderName = "google-fit") -> bool:
        """One run over the person's connection, as the worker makes it, due or not."""
        await self.change(person, "due_at = least(due_at, :now)", now=self.world.clock())
        return await self.pull_if_due(person, provider)

    async def pull_if_due(self, person: Caller, provider: ProviderName = "google-fit") -> bool:
        """One run, if there is nobody else's and it is due."""
        state = self.google.app.state
        whose = Whose(person.id, provider.replace("-", "_"), self.client_id(person))
        return await deal_with(state.engine, state.settings, state.keyring, whose)

    async def change(self, person: Caller, what: str, **values: object) -> None:
        """Changes columns of the person's connections."""
        await run_sql(
            self.google.app,
            f"UPDATE connections SET {what} WHERE person_id = :id",  # noqa: S608
            id=person.id,
            **values,
        )

    async def records(self, person: Caller, *types: str) -> list[dict[str, Any]]:
        """The person's records of these types, by start."""
        answer = await person.get("/v1/me/records", type=list(types))
        assert answer.status_code == 200, answer.text
        listed: list[dict[str, Any]] = answer.json()["records"]
        return listed

    async def seen(self, person: Caller) -> dict[str, Any]:
        """The person's one connection, as they see it."""
        (connection,) = await self.google.connections(person)
        return connection

    @staticmethod
    def client_id(person: Caller) -> UUID:
        """The id of the app that connected."""
        assert person.app is not None
        return person.app.id
