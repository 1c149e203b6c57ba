"""Queueing notices in the transaction that causes them, and what became of those of an erasure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from sqlalchemy import column, insert, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.notices.endpoints import Recipient, is_reachable
from vitalkeep.notices.models import Notice

NoticeType = Literal["case.closed", "consent.withdrawn", "person.erased"]

# Cases belong to a room above; three of their columns are all that is needed of them here
# (docs/decisions/0021).
CASES = table(
    "cases",
    column("person_id"),
    column("case_id"),
    column("organization_id"),
    column("purpose"),
    column("state"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """What a notice tells.

    `person_id` is never sent: it has the notice deleted when the person leaves. Leave it out in a
    notice of that very erasure.
    """

    case_ids: Sequence[UUID] = ()
    scope: str | None = None
    consent_id: UUID | None = None
    erasure_id: UUID | None = None
    person_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one notice of an erasure.

    `state` is `pending`, `delivered`, `failed` (given up) or `no_endpoint` (the recipient has named
    no URL); `ended_at` is when it was delivered or given up.
    """

    recipient: Recipient
    state: str
    attempts: int
    last_status: int | None
    ended_at: datetime | None


async def queue(
    connection: AsyncConnection, recipient: Recipient, type: NoticeType, content: Content
) -> UUID | None:
    """The id of the new notice, which is sent once the transaction has committed.

    None if the recipient has no active endpoint. Then only an erasure leaves a row, without case
    ids, so that `outcomes` can tell that the recipient was not reached.
    """
    reachable = await is_reachable(connection, recipient)
    if not reachable and content.erasure_id is None:
        return None
    notice_id, now = uuid4(), clock.now()
    await connection.execute(
        insert(Notice).values(
            notice_id=notice_id,
            person_id=content.person_id,
            recipient_kind=recipient.kind,
            recipient_id=recipient.id,
            type=type,
            case_ids=list(content.case_ids) if reachable else [],
            scope=content.scope,
            consent_id=content.consent_id,
            erasure_id=content.erasure_id,
            created_at=now,
            state="pending" if reachable else "no_endpoint",
            attempts=0,
            next_attempt_at=now,
            ended_at=None if reachable else now,
        )
    )
    return notice_id if reachable else None


async def queue_withdrawal(
    connection: AsyncConnection,
    organization_id: UUID,
    person_id: UUID,
    *,
    purpose: str,
    scope: str,
) -> None:
    """Tells the organization of a withdrawn scope, once for each open case that rested on it."""
    recipient = Recipient("organization", organization_id)
    query = select(CASES.c.case_id).where(
        CASES.c.person_id == person_id,
        CASES.c.organization_id == organization_id,
        CASES.c.purpose == purpose,
        CASES.c.state == "open",
    )
    for case_id in (await connection.scalars(query)).all():
        content = Content([case_id], scope=scope, person_id=person_id)
        await queue(connection, recipient, "consent.withdrawn", content)


async def queue_end_of_collecting(
    connection: AsyncConnection, client_id: UUID, person_id: UUID, *, consent_id: UUID, scope: str
) -> None:
    """Tells an app that it may not collect any more, by the consent's id, which it was given."""
    content = Content(scope=scope, consent_id=consent_id, person_id=person_id)
    await queue(connection, Recipient("app", client_id), "consent.withdrawn", content)


async def outcomes(connection: AsyncConnection, erasure_id: UUID) -> list[Outcome]:
    """What became of each notice of the erasure; 30 days after its end a notice is forgotten."""
    query = select(Notice).where(Notice.erasure_id == erasure_id)
    ordered = query.order_by(Notice.recipient_kind, Notice.recipient_id)
    return [
        Outcome(
            Recipient(row.recipient_kind, row.recipient_id),
            row.state,
            row.attempts,
            row.last_status,
            row.ended_at,
        )
        for row in (await connection.execute(ordered)).all()
    ]
