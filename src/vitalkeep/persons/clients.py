"""Apps: adding one, and proving that a request comes from it."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import InvalidClient
from vitalkeep.persons.models import Client


@dataclass(frozen=True, slots=True)
class ClientCaller:
    """An app that sent a request to the token endpoint.

    `public`: it gave its id and no secret, as an app on a phone does.
    """

    client_id: UUID
    google_client_ids: tuple[str, ...]
    public: bool


def hash_secret(secret: str) -> str:
    """`sha256$`, a random salt and the digest, in hex (docs/decisions/0015)."""
    return _salted(secret, secrets.token_bytes(16))


def _salted(secret: str, salt: bytes) -> str:
    digest = hashlib.sha256(salt + secret.encode()).hexdigest()
    return f"{PLAIN}{salt.hex()}${digest}"


def secret_matches(secret: str, secret_hash: str) -> bool:
    """Whether the hash was made of this secret: as above, or with Argon2id, as once."""
    if secret_hash.startswith(PLAIN):
        salt = bytes.fromhex(secret_hash.split("$")[1])
        return hmac.compare_digest(_salted(secret, salt), secret_hash)
    try:
        Argon2id.verify_phc_encoded(secret.encode(), secret_hash)
    except InvalidKey:
        return False
    return True


PLAIN: Final = "sha256$"
NOBODYS_HASH: Final = hash_secret(secrets.token_urlsafe(32))


async def add_client(
    connection: AsyncConnection,
    name: str,
    *,
    redirect_uris: list[str],
    google_client_ids: list[str],
) -> tuple[UUID, str]:
    """The new app's id and its secret, which is told this once and never stored."""
    client_id, secret = uuid4(), secrets.token_urlsafe(32)
    await connection.execute(
        insert(Client).values(
            client_id=client_id,
            name=name,
            secret_hash=hash_secret(secret),
            redirect_uris=redirect_uris,
            google_client_ids=google_client_ids,
            created_at=clock.now(),
        )
    )
    return client_id, secret


async def require_client(
    connection: AsyncConnection, authorization: str | None, form_client_id: str | None
) -> ClientCaller:
    """The app behind a token request: HTTP Basic, or a bare `client_id` for an app on a phone.

    Raises InvalidClient, after the same work whether the id is unknown or the secret wrong.
    """
    if authorization is None:
        row = await find_client(connection, form_client_id or "")
        if row is None:
            raise InvalidClient
        return ClientCaller(row[0], tuple(row[2]), public=True)
    client_id, secret = basic_credentials(authorization)
    row = await find_client(connection, client_id)
    known_hash = NOBODYS_HASH if row is None else row[1]
    if not await asyncio.to_thread(secret_matches, secret, known_hash) or row is None:
        raise InvalidClient("The client's id or secret is wrong.")
    return ClientCaller(row[0], tuple(row[2]), public=False)


async def find_client(
    connection: AsyncConnection, client_id: str
) -> tuple[UUID, str, list[str]] | None:
    """Id, hash of the secret and Google client ids of an app, or None."""
    try:
        wanted = UUID(client_id)
    except ValueError:
        return None
    query = select(Client.client_id, Client.secret_hash, Client.google_client_ids)
    row = (await connection.execute(query.where(Client.client_id == wanted))).first()
    return None if row is None else (row[0], row[1], row[2])


def basic_credentials(authorization: str) -> tuple[str, str]:
    """Id and secret of an HTTP Basic header (RFC 6749 section 2.3.1). Raises InvalidClient."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise InvalidClient
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        raise InvalidClient from None
    client_id, _, secret = decoded.partition(":")
    return unquote(client_id), unquote(secret)
