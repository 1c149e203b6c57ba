"""Google accounts of persons: connected through the routes, or entered as if they had been."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import respx
from fastapi import FastAPI
from pydantic import SecretStr

from tests.care.sql import run_sql
from tests.google.world import CLIENT_ID, CLIENT_SECRET
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.authorizing import begin, enter_grant, take_pending
from vitalkeep.connectors.identities import digest_of
from vitalkeep.connectors.oauth import Tokens
from vitalkeep.connectors.providers import BY_PATH
from vitalkeep.connectors.stored import find_caller
from vitalkeep.datatypes.registry import BY_NAME

REDIRECT = "https://app.kagami.jp.example/google?tab=data"


def fit_scope(*types: str) -> str:
    """The scopes of these types as Google's token response lists them."""
    scopes = [upstream.read_scope for name in types if (upstream := BY_NAME[name].google_fit)]
    return " ".join(dict.fromkeys(scopes))


def with_google(settings: Settings) -> Settings:
    """Settings of a server that has a Google Cloud project, and looks back a few days only."""
    google = {
        "google_client_id": CLIENT_ID,
        "google_client_secret": SecretStr(CLIENT_SECRET),
        "google_first_days": 2,
    }
    return settings.model_copy(update=google)


def tokens(scope: str, **more: object) -> dict[str, object]:
    """A token response."""
    return {
        "access_token": "access-one",
        "expires_in": 3599,
        "refresh_token": "refresh-one",
        "scope": scope,
        "token_type": "Bearer",
        **more,
    }


@dataclass
class Google:
    """Google's side, and what a person does there."""

    app: FastAPI
    make: Make
    web: respx.MockRouter

    @property
    def settings(self) -> Settings:
        """The server's."""
        found: Settings = self.app.state.settings
        return found

    async def person(self) -> Caller:
        """A person who has agreed to nothing yet, of an app that may connect."""
        app = await self.make.app(redirect_uris=[REDIRECT])
        return await self.make.person(app, collects=False)

    def grants(self, scope: str, **more: object) -> respx.Route:
        """The token endpoint gives these scopes."""
        given = httpx.Response(200, json=tokens(scope, **more))
        return self.web.post(self.settings.google_token_url).mock(return_value=given)

    def revokes(self, status: int = 200) -> respx.Route:
        """The revocation endpoint answers so."""
        return self.web.post(self.settings.google_revoke_url).respond(status, json={})

    async def start(
        self, person: Caller, *types: str, provider: str = "google-fit"
    ) -> dict[str, str]:
        """The query of the URL at which the person agrees."""
        body = {"types": list(types), "redirect_uri": REDIRECT}
        answer = await person.post(f"/v1/me/connections/{provider}", body)
        assert answer.status_code == 200, answer.text
        return dict(parse_qsl(urlsplit(answer.json()["authorization_url"]).query))

    async def come_back(self, **query: str) -> httpx.Response:
        """The person's browser at the callback."""
        return await self.make.client.get("/v1/connections/callback", params=query)

    async def result(self, **query: str) -> str:
        """What the app is told when the person comes back."""
        answer = await self.come_back(**query)
        assert answer.status_code == 303, answer.text
        (result,) = parse_qs(urlsplit(answer.headers["location"]).query)["result"]
        return result

    async def connected(self, person: Caller, *types: str) -> None:
        """The person agrees to everything."""
        self.grants(fit_scope(*types))
        query = await self.start(person, *types)
        assert await self.result(state=query["state"], code="one") == "connected"

    async def connections(self, person: Caller) -> list[dict[str, Any]]:
        """What the person sees."""
        answer = await person.get("/v1/me/connections")
        assert answer.status_code == 200, answer.text
        listed: list[dict[str, Any]] = answer.json()["connections"]
        return listed


async def enter_ended_connection(make: Make, person: Caller) -> None:
    """A connection that Google has ended, and an authorization that waits."""
    state, fit = make.fastapi.state, BY_PATH["google-fit"]
    assert person.app is not None
    settings = with_google(state.settings)
    await run_sql(
        make.fastapi,
        "UPDATE clients SET redirect_uris = array_append(redirect_uris, :uri)"
        " WHERE client_id = :id",
        uri=REDIRECT,
        id=person.app.id,
    )
    for finishes in (True, False):
        async with bound_transaction(state.engine, person_id=person.id) as connection:
            caller = await find_caller(connection, state.keyring, person.id, person.app.id, fit.via)
            assert caller is not None
            url = await begin(connection, settings, caller, fit, ["steps"], REDIRECT)
            if finishes:
                asked = dict(parse_qsl(urlsplit(url).query))
                pending = await take_pending(connection, state.keyring, asked["state"])
                soon = clock.now() + timedelta(hours=1)
                granted = Tokens("refresh", "access", soon, (asked["scope"],))
                assert await enter_grant(connection, pending, granted) == "connected"
    ended = (
        "UPDATE connections SET state = 'ended', problem = 'authorization_ended', due_at = NULL,"
        " sealed_tokens = NULL WHERE person_id = :id"
    )
    await run_sql(make.fastapi, ended, id=person.id)


async def enter_what_google_told(make: Make, person: Caller) -> None:
    """Whose account a connection is of, and a stretch that waits to be read again."""
    assert person.app is not None
    of = {"id": person.id, "client": person.app.id}
    digest = digest_of(make.fastapi.state.keyring, str(person.id.int))
    entered = "INSERT INTO google_identities VALUES (:digest, :id, :client)"
    await run_sql(make.fastapi, entered, digest=digest, **of)
    waits = (
        "INSERT INTO refetches SELECT person_id, gen_random_uuid(), provider, client_id, type,"
        " connected_at, connected_at FROM connections JOIN connection_types"
        " USING (person_id, provider, client_id) WHERE person_id = :id AND client_id = :client"
    )
    await run_sql(make.fastapi, waits, **of)
