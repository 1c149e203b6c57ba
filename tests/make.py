"""Builders: one a noun, each with fresh random identities, so that tests never meet."""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from vitalkeep.base import clock
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.demo.policies import sample_ref
from vitalkeep.persons.clients import add_client
from vitalkeep.persons.organizations import add_organization, add_staff
from vitalkeep.persons.teams import add_team
from vitalkeep.persons.tokens import AccessClaims, issue

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
APP_USER = "urn:vitalkeep:params:oauth:token-type:app-user"
EVERYTHING = tuple(f"{kind.name}.collect" for kind in TYPES)


@dataclass(frozen=True)
class App:
    """A registered app."""

    id: UUID
    secret: str

    @property
    def auth(self) -> tuple[str, str]:
        """HTTP Basic credentials."""
        return str(self.id), self.secret


@dataclass
class Caller:
    """Somebody with a token; `id` is the person's or the staff member's."""

    client: httpx.AsyncClient
    id: UUID
    token: str
    app: App | None = None
    external_id: str = ""
    organization_id: UUID | None = None

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request with the token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **params: Any) -> httpx.Response:
        """GET with query parameters."""
        return await self.request("GET", path, params=params)

    async def post(self, path: str, json: object = None) -> httpx.Response:
        """POST of a JSON body."""
        return await self.request("POST", path, json=json)

    async def push(self, *records: object) -> dict[str, Any]:
        """Pushes canonical records; the answer, which has to be 200."""
        answer = await self.post("/v1/me/records", {"records": list(records)})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def statuses(self, *records: object) -> list[str]:
        """The status, or the reject code, of each pushed record."""
        results = (await self.push(*records))["results"]
        return [each.get("code", each["status"]) for each in results]


class Make:
    """Builders on one application."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.fastapi = app
        self.client = client

    async def app(
        self, *, google_client_ids: Sequence[str] = (), redirect_uris: Sequence[str] = ()
    ) -> App:
        """A registered app."""
        async with self.fastapi.state.engine.begin() as connection:
            client_id, secret = await add_client(
                connection,
                "Test app",
                redirect_uris=list(redirect_uris),
                google_client_ids=list(google_client_ids),
            )
        return App(client_id, secret)

    async def backend(self, app: App) -> Caller:
        """The app's own backend, with a token of role `app`."""
        form = {"grant_type": "client_credentials"}
        answer = await self.client.post("/oauth/token", auth=app.auth, data=form)
        return Caller(self.client, app.id, answer.json()["access_token"], app)

    async def sign_in(self, app: App, external_id: str) -> dict[str, Any]:
        """The token answer for an app's user."""
        answer = await self.client.post(
            "/oauth/token",
            auth=app.auth,
            data={
                "grant_type": TOKEN_EXCHANGE,
                "subject_token_type": APP_USER,
                "subject_token": external_id,
            },
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def person(self, app: App | None = None, *, collects: bool = True) -> Caller:
        """A new person of an app; `collects`: with consents for the collection of every type."""
        app = app or await self.app()
        external_id = secrets.token_hex(8)
        token = (await self.sign_in(app, external_id))["access_token"]
        person_id = UUID(self.claims(token)["sub"])
        person = Caller(self.client, person_id, token, app, external_id)
        if collects:
            await self.consents(person, EVERYTHING)
        return person

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of one of our tokens, unverified."""
        payload = token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
        return claims

    async def consents(
        self,
        person: Caller,
        scopes: Sequence[str],
        *,
        recipient: dict[str, str] | None = None,
        purpose: str = "storage",
        **more: object,
    ) -> list[dict[str, Any]]:
        """Consents of a person, by default given to their app for storage."""
        assert person.app is not None
        answer = await person.post(
            "/v1/me/consents",
            {
                "scopes": list(scopes),
                "recipient": recipient or {"kind": "app", "id": str(person.app.id)},
                "purpose": purpose,
                "policy": sample_ref("ja").model_dump(),
                "source": {"kind": "in_app", "evidence": ["screen:test"]},
                **more,
            },
        )
        assert answer.status_code == 201, answer.text
        given: list[dict[str, Any]] = answer.json()["consents"]
        return given

    async def organization(self, kind: str = "guidance_provider") -> UUID:
        """An organization."""
        async with self.fastapi.state.engine.begin() as connection:
            return await add_organization(connection, f"Center {secrets.token_hex(4)}", kind)

    async def staff(
        self, organization_id: UUID | None = None, *, role: str = "public_health_nurse"
    ) -> Caller:
        """A staff member with a token."""
        state = self.fastapi.state
        organization_id = organization_id or await self.organization()
        email = f"{secrets.token_hex(6)}@staff.example"
        async with state.engine.begin() as connection:
            staff_id = await add_staff(connection, state.keyring, organization_id, email, role)
        claims = AccessClaims(staff_id, UUID(int=0), "staff", 0)
        token = issue(state.keyring, state.settings, claims)
        return Caller(self.client, staff_id, token, organization_id=organization_id)

    async def team(self, *members: Caller) -> UUID:
        """A team of these staff, who all work for one organization."""
        (organization_id,) = {member.organization_id for member in members}
        assert organization_id is not None
        async with self.fastapi.state.engine.begin() as connection:
            ids = [member.id for member in members]
            return await add_team(connection, organization_id, f"Team {secrets.token_hex(4)}", ids)

    async def invitation(self, nurse: Caller, scopes: Sequence[str], **more: object) -> str:
        """The code of an invitation by this staff member."""
        answer = await nurse.post(
            "/v1/cases/invitations", {"purpose": "guidance", "scopes": list(scopes), **more}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["code"])

    async def case(
        self, nurse: Caller, person: Caller, scopes: Sequence[str], label: str = "田中 さくら"
    ) -> dict[str, Any]:
        """An open case with these read scopes; the answer of the acceptance."""
        code = await self.invitation(nurse, scopes)
        answer = await person.post(
            f"/v1/me/invitations/{code}/acceptance", {"scopes": list(scopes), "label": label}
        )
        assert answer.status_code == 201, answer.text
        accepted: dict[str, Any] = answer.json()
        return accepted

    async def watch(self, relative: Caller, scopes: Sequence[str]) -> str:
        """The code with which a person asks to watch over another."""
        answer = await relative.post(
            "/v1/me/invitations", {"purpose": "family_watch", "scopes": list(scopes)}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["code"])

    async def watching(
        self, relative: Caller, person: Caller, scopes: Sequence[str], **more: object
    ) -> dict[str, Any]:
        """A case in which the relative watches over the person; the answer of the acceptance."""
        code = await self.watch(relative, scopes)
        answer = await person.post(
            f"/v1/me/invitations/{code}/acceptance", {"scopes": list(scopes), **more}
        )
        assert answer.status_code == 201, answer.text
        accepted: dict[str, Any] = answer.json()
        return accepted

    @staticmethod
    def record(type: str = "steps", **changes: object) -> dict[str, Any]:
        """A canonical record of a type with a fresh client id, started an hour ago."""
        example = dict(BY_NAME[type].example)
        example.pop("platform_id", None)
        moment = clock.now() - timedelta(hours=10)
        record = {**shifted(example, moment), "client_id": str(uuid4()), **changes}
        return {name: value for name, value in record.items() if value is not None}


def shifted(example: dict[str, Any], moment: datetime) -> dict[str, Any]:
    """The example with all its times moved so that it starts at `moment`, offsets kept."""
    first = datetime.fromisoformat(str(example.get("start") or example["time"]))
    by = moment.replace(microsecond=0) - first

    def move(value: Any) -> Any:
        if isinstance(value, list):
            return [move(each) for each in value]
        if isinstance(value, dict):
            return {
                name: (
                    (datetime.fromisoformat(each) + by).isoformat()
                    if name in {"time", "start", "end"}
                    else move(each)
                )
                for name, each in value.items()
            }
        return value

    moved: dict[str, Any] = move(example)
    return moved
