"""Refresh tokens: each is good once, and using an old one again ends its family (RFC 9700, 4.14).

A token is base64url of subject, family and 32 random bytes; only the digest of the newest is kept.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.keys import base64url
from vitalkeep.persons.models import Person, RefreshFamily, Staff
from vitalkeep.persons.tokens import AccessClaims, Role

TOKEN_BYTES = 16 + 16 + 32


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a presented refresh token is worth: fresh claims and the next token, or nothing."""

    claims: AccessClaims
    refresh_token: str


def digest_of(token: bytes) -> bytes:
    """What is stored of a token; a plain hash is enough for 256 random bits."""
    return hashlib.sha256(token).digest()


def new_token(subject: UUID, family: UUID) -> bytes:
    """The raw bytes of a token of this family."""
    return subject.bytes + family.bytes + secrets.token_bytes(32)


async def start_family(
    connection: AsyncConnection, claims: AccessClaims, *, public: bool, days: int
) -> str:
    """The first refresh token of a sign-in; `public` if the app gave no secret."""
    family_id = uuid4()
    token = new_token(claims.subject, family_id)
    await connection.execute(
        insert(RefreshFamily).values(
            subject_id=claims.subject,
            family_id=family_id,
            client_id=claims.client_id,
            role=claims.role,
            digest=digest_of(token),
            public=public,
            expires_at=clock.now() + timedelta(days=days),
        )
    )
    return base64url(token)


async def renew(
    connection: AsyncConnection, token: str, *, client_id: UUID, public: bool, days: int
) -> Renewal | None:
    """Exchanges a refresh token; None if it is not good (any more).

    A token of the family that was used before ends the family and signs the subject out: whoever
    holds the newer one may be a thief. A client with a secret must have shown it.
    """
    raw = read_token(token)
    if raw is None:
        return None
    subject, family = UUID(bytes=raw[:16]), UUID(bytes=raw[16:32])
    await lock_person(connection, subject)
    mine = (RefreshFamily.subject_id == subject, RefreshFamily.family_id == family)
    row = (
        await connection.execute(
            select(
                RefreshFamily.digest,
                RefreshFamily.client_id,
                RefreshFamily.role,
                RefreshFamily.public,
                RefreshFamily.expires_at,
            )
            .where(*mine)
            .with_for_update()
        )
    ).first()
    if row is None or row.client_id != client_id or (public and not row.public):
        return None
    if not hmac.compare_digest(row.digest, digest_of(raw)) or row.expires_at <= clock.now():
        await end_family(connection, raw)
        return None
    role: Role = "staff" if row.role == "staff" else "person"
    epoch = await current_epoch(connection, role, subject)
    if epoch is None:
        return None
    following = new_token(subject, family)
    await connection.execute(
        update(RefreshFamily)
        .where(*mine)
        .values(digest=digest_of(following), expires_at=clock.now() + timedelta(days=days))
    )
    return Renewal(AccessClaims(subject, client_id, role, epoch), base64url(following))


async def revoke(connection: AsyncConnection, token: str, client_id: UUID) -> bool:
    """Ends the family of a refresh token of this client; False if it is not one."""
    raw = read_token(token)
    if raw is None:
        return False
    await lock_person(connection, UUID(bytes=raw[:16]))
    owner = await connection.scalar(
        select(RefreshFamily.client_id).where(
            RefreshFamily.subject_id == UUID(bytes=raw[:16]),
            RefreshFamily.family_id == UUID(bytes=raw[16:32]),
        )
    )
    if owner != client_id:
        return False
    await end_family(connection, raw)
    return True


async def lock_person(connection: AsyncConnection, subject: UUID) -> None:
    """Takes the person's row before any family's, as an erasure does; staff have none."""
    await connection.execute(
        select(Person.person_id).where(Person.person_id == subject).with_for_update()
    )


async def end_family(connection: AsyncConnection, raw: bytes) -> None:
    """Forgets the family and refuses the access tokens that its subject holds now."""
    subject = UUID(bytes=raw[:16])
    ended = (
        delete(RefreshFamily)
        .where(
            RefreshFamily.subject_id == subject, RefreshFamily.family_id == UUID(bytes=raw[16:32])
        )
        .returning(RefreshFamily.role)
    )
    role = await connection.scalar(ended)
    if role is not None:
        await sign_out(connection, "staff" if role == "staff" else "person", subject)


async def sign_out(connection: AsyncConnection, role: Role, subject: UUID) -> None:
    """Refuses every access token of the subject from now on; refresh tokens stay good."""
    if role == "staff":
        changed = update(Staff).values(token_epoch=Staff.token_epoch + 1)
        await connection.execute(changed.where(Staff.staff_id == subject))
    elif role == "person":
        bumped = update(Person).values(token_epoch=Person.token_epoch + 1)
        await connection.execute(bumped.where(Person.person_id == subject))


async def current_epoch(connection: AsyncConnection, role: Role, subject: UUID) -> int | None:
    """The epoch that a new access token has to carry; None if the subject may not sign in."""
    if role == "staff":
        return await connection.scalar(
            select(Staff.token_epoch).where(Staff.staff_id == subject, Staff.state == "active")
        )
    return await connection.scalar(
        select(Person.token_epoch).where(Person.person_id == subject, Person.state == "active")
    )


def read_token(token: str) -> bytes | None:
    """The raw bytes of something that looks like a refresh token, or None."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == TOKEN_BYTES else None
