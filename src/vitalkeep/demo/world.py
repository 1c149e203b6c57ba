"""A small invented world for `vitalkeep dev`: an app, an organization, a nurse, a person."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
import orjson
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.keys import Keyring
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings
from vitalkeep.consents.policies import add_policy
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.demo.people import phone_days
from vitalkeep.demo.policies import (
    COVERS,
    NEXT_COVERS,
    NEXT_TEXTS,
    NEXT_VERSION,
    TEXTS,
    sample_ref,
)
from vitalkeep.persons.clients import add_client
from vitalkeep.persons.organizations import add_organization, add_staff, find_staff
from vitalkeep.persons.tokens import AccessClaims, issue

SEED = 20261101
EXTERNAL_ID = "user-0001"
NURSE_EMAIL = "hanako.nurse@guidance.example"
BATCH = 500
JAPAN = timedelta(hours=9)


@dataclass(frozen=True, slots=True)
class Parties:
    """Who is in the world; `client_secret` is the app's."""

    client_id: UUID
    client_secret: str
    organization_id: UUID
    staff_id: UUID


async def add_parties(connection: AsyncConnection, keyring: Keyring) -> Parties:
    """Policies, an app, a guidance provider and its nurse."""
    for locale, (title, text) in TEXTS.items():
        await add_policy(connection, sample_ref(locale), title, text, COVERS)
    client_id, secret = await add_client(
        connection, "Example Walk", redirect_uris=[], google_client_ids=[]
    )
    organization_id = await add_organization(
        connection, "Example Guidance Center", "guidance_provider"
    )
    staff_id = await add_staff(
        connection, keyring, organization_id, NURSE_EMAIL, "public_health_nurse"
    )
    return Parties(client_id, secret, organization_id, staff_id)


async def publish_next_policy(connection: AsyncConnection) -> None:
    """The policy's second version, which covers more than the first."""
    for locale, (title, text) in NEXT_TEXTS.items():
        ref = sample_ref(locale, NEXT_VERSION)
        await add_policy(connection, ref, title, text, NEXT_COVERS)


async def staff_token(
    connection: AsyncConnection, keyring: Keyring, settings: Settings, email: str, client_id: UUID
) -> str | None:
    """A development token for a staff member, or None if there is none with this address."""
    staff = await find_staff(connection, keyring, email)
    if staff is None:
        return None
    return issue(keyring, settings, AccessClaims(staff[0], client_id, "staff", staff[1]))


async def person_token(client: httpx.AsyncClient, parties: Parties) -> str:
    """A token of the demo person, as the app's backend gets it."""
    answer = await client.post(
        "/oauth/token",
        auth=(str(parties.client_id), parties.client_secret),
        data={
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:vitalkeep:params:oauth:token-type:app-user",
            "subject_token": EXTERNAL_ID,
        },
    )
    return str(answer.raise_for_status().json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


async def collect_everything(
    client: httpx.AsyncClient, token: str, client_id: UUID
) -> httpx.Response:
    """Consents for all types, given to the app."""
    return await client.post(
        "/v1/me/consents",
        headers=bearer(token),
        json={
            "scopes": [f"{kind.name}.collect" for kind in TYPES],
            "recipient": {"kind": "app", "id": str(client_id)},
            "purpose": "storage",
            "policy": sample_ref("ja").model_dump(),
            "source": {"kind": "health_connect", "evidence": ["screen:sync-consent"]},
        },
    )


def phone_batches(days: int) -> list[bytes]:
    """Bodies of pushes: the last days of one phone, in batches of 500 records."""
    records = phone_days(SEED, days, (clock.now() + JAPAN).date())
    return [
        orjson.dumps({"records": records[start : start + BATCH]})
        for start in range(0, len(records), BATCH)
    ]


async def push(client: httpx.AsyncClient, token: str, body: bytes) -> Counter[str]:
    """Pushes one batch in the Health Connect dialect; how many of each status, or reject code."""
    answer = await client.post("/v1/me/records/health-connect", headers=bearer(token), content=body)
    results = answer.raise_for_status().json()["results"]
    return Counter(each.get("code", each["status"]) for each in results)


async def open_case(
    client: httpx.AsyncClient, nurse: str, person: str, scopes: list[str]
) -> httpx.Response:
    """The nurse invites, the person accepts."""
    invited = await client.post(
        "/v1/cases/invitations",
        headers=bearer(nurse),
        json={"purpose": "guidance", "scopes": scopes},
    )
    code = invited.raise_for_status().json()["code"]
    return await client.post(
        f"/v1/me/invitations/{code}/acceptance",
        headers=bearer(person),
        json={"scopes": scopes, "label": "田中 さくら", "policy": sample_ref("ja").model_dump()},
    )


async def furnish(app: FastAPI, parties: Parties) -> None:
    """Fills the world as its people would: consents, 30 days of records, a case."""
    async with inside_client(app) as client:
        person = await person_token(client, parties)
        (await collect_everything(client, person, parties.client_id)).raise_for_status()
        for body in phone_batches(30):
            await push(client, person, body)
        async with app.state.engine.begin() as connection:
            nurse = await staff_token(
                connection, app.state.keyring, app.state.settings, NURSE_EMAIL, parties.client_id
            )
        scopes = [f"{kind.name}.read" for kind in TYPES]
        (await open_case(client, nurse or "", person, scopes)).raise_for_status()
    async with app.state.engine.begin() as connection:
        await publish_next_policy(connection)
