"""Sending what is due: claimed, sent outside of every transaction, and the outcome kept.

At least once: whoever dies between the answer and its entry sends again. A receiver tells that by
the webhook-id.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import httpx
from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import transaction
from vitalkeep.base.keys import Keyring
from vitalkeep.base.metrics import NOTICES
from vitalkeep.base.outbound import post_guarded
from vitalkeep.notices.endpoints import Recipient, disable_endpoint, open_secret
from vitalkeep.notices.models import Notice, NoticeEndpoint
from vitalkeep.notices.signing import Message, body, headers

BATCH: Final = 20
WITHIN_S: Final = 10.0
# Longer than an attempt can take: until then nobody else sends a notice that is claimed.
LEASE: Final = timedelta(seconds=60)
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(hours=6)
GIVE_UP_AFTER: Final = timedelta(days=7)
KEEP_FOR: Final = timedelta(days=30)
GONE: Final = 410

# Not a person's table: rows of many are claimed at once, and those that somebody claims are left.
CLAIM: Final = text("""
UPDATE notices SET attempts = attempts + 1, next_attempt_at = :until
WHERE notice_id IN (
    SELECT notice_id FROM notices WHERE state = 'pending' AND next_attempt_at <= :now
    ORDER BY next_attempt_at LIMIT :batch FOR UPDATE SKIP LOCKED
)
RETURNING notice_id
""")


@dataclass(frozen=True, slots=True)
class Claim:
    """A notice that this process sends now; without URL if there is no endpoint any more."""

    message: Message
    attempts: int
    url: str | None
    sealed_secret: bytes | None


async def deliver_due(
    engine: AsyncEngine, open_keys: Callable[[], Keyring], *, allow_private: bool
) -> int:
    """Sends every notice that is due; how many were delivered. Any number may run at once.

    The keyring is opened when there is something to send.
    """
    delivered = 0
    while claims := await claim(engine):
        keyring = open_keys()
        sent = (attempt(engine, keyring, each, allow_private=allow_private) for each in claims)
        # One that can't be sent at all holds up none of the others.
        results = await asyncio.gather(*sent, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
            delivered += result
    return delivered


async def claim(engine: AsyncEngine) -> list[Claim]:
    """Up to `BATCH` notices that are due, which are nobody else's to send for a minute."""
    now = clock.now()
    async with transaction(engine) as connection:
        given = {"now": now, "until": now + LEASE, "batch": BATCH}
        claimed = (await connection.scalars(CLAIM, given)).all()
        query = (
            select(Notice.__table__, NoticeEndpoint.url, NoticeEndpoint.sealed_secret)
            .outerjoin(
                NoticeEndpoint,
                (NoticeEndpoint.recipient_kind == Notice.recipient_kind)
                & (NoticeEndpoint.recipient_id == Notice.recipient_id)
                & (NoticeEndpoint.state == "active"),
            )
            .where(Notice.notice_id.in_(claimed))
        )
        return [_to_claim(row) for row in (await connection.execute(query)).all()]


async def attempt(
    engine: AsyncEngine, keyring: Keyring, claim: Claim, *, allow_private: bool
) -> bool:
    """Sends a claimed notice once and keeps what came of it; whether it was delivered."""
    status = await _send(keyring, claim, allow_private=allow_private)
    async with transaction(engine) as connection:
        if status is not None and 200 <= status < 300:
            await _end(connection, claim, "delivered", status)
            return True
        last = claim.message.created_at + GIVE_UP_AFTER
        if claim.url is None or status == GONE or clock.now() >= last:
            if claim.url is not None and status == GONE:
                await disable_endpoint(connection, claim.message.recipient, claim.url)
            await _end(connection, claim, "failed", status)
        else:
            await _put_off(
                connection, claim, min(clock.now() + pause(claim.attempts), last), status
            )
    return False


async def _send(keyring: Keyring, claim: Claim, *, allow_private: bool) -> int | None:
    """The status of the answer, if there was one."""
    if claim.url is None or claim.sealed_secret is None:
        return None
    message, payload = claim.message, body(claim.message)
    secret = open_secret(keyring, message.recipient, claim.sealed_secret)
    signed = headers(secret, message.notice_id, clock.now(), payload)
    try:
        return await post_guarded(
            claim.url, payload, signed, allow_private=allow_private, within_s=WITHIN_S
        )
    except (httpx.RequestError, TimeoutError):
        return None


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: doubling up to six hours, give or take half."""
    doublings = min(attempts - 1, 20)
    doubled = FIRST_PAUSE * (1 << doublings)
    return min(doubled, LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret


async def _end(connection: AsyncConnection, claim: Claim, state: str, status: int | None) -> None:
    """A notice that has been deleted meanwhile stays deleted, and a delivered one delivered."""
    ended = (
        update(Notice)
        .where(Notice.notice_id == claim.message.notice_id, Notice.state != "delivered")
        .values(state=state, last_status=status, ended_at=clock.now())
    )
    if state != "delivered":
        ended = ended.where(Notice.attempts == claim.attempts)
    await connection.execute(ended)
    NOTICES.labels(state).inc()


async def _put_off(
    connection: AsyncConnection, claim: Claim, until: datetime, status: int | None
) -> None:
    """Unless somebody else has claimed it since."""
    await connection.execute(
        update(Notice)
        .where(
            Notice.notice_id == claim.message.notice_id,
            Notice.state == "pending",
            Notice.attempts == claim.attempts,
        )
        .values(next_attempt_at=until, last_status=status)
    )


async def purge_ended(engine: AsyncEngine, now: datetime) -> int:
    """Forgets notices that were delivered or given up 30 days ago; how many."""
    async with transaction(engine) as connection:
        gone = delete(Notice).where(Notice.ended_at <= now - KEEP_FOR)
        return (await connection.execute(gone)).rowcount


def _to_claim(row: Row[tuple[object, ...]]) -> Claim:
    message = Message(
        row.notice_id,
        Recipient(row.recipient_kind, row.recipient_id),
        row.type,
        row.created_at,
        tuple(row.case_ids),
        row.scope,
        row.consent_id,
        row.erasure_id,
    )
    return Claim(message, row.attempts, row.url, row.sealed_secret)
