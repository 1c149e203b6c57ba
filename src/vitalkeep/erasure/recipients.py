"""Who was given access to a person's data, and has to hear that the person has left.

Read in the transaction that deletes the rows which say so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.care.models import Case
from vitalkeep.consents.models import Consent
from vitalkeep.persons.models import Client, Organization

NoticeOutcome: TypeAlias = Literal["not_configured", "queued"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """An app, organization or relative that was given a consent, whatever became of it.

    `case_ids` are all that a notice may name the person by. A relative has no name here.
    """

    kind: str
    recipient_id: UUID
    name: str | None
    case_ids: tuple[UUID, ...]


async def list_recipients(connection: AsyncConnection, person_id: UUID) -> list[Recipient]:
    """The person's recipients, by kind and name."""
    given = (
        select(Consent.recipient_kind, Consent.recipient_id, Organization.name, Client.name)
        .outerjoin(Organization, Organization.organization_id == Consent.recipient_id)
        .outerjoin(Client, Client.client_id == Consent.recipient_id)
        .where(Consent.person_id == person_id)
        .distinct()
    )
    rows = (await connection.execute(given)).all()
    found = [
        Recipient(row[0], row[1], row[2] or row[3], await list_cases(connection, person_id, row[1]))
        for row in rows
    ]
    return sorted(found, key=lambda each: (each.kind, each.name or "", each.recipient_id))


async def list_cases(
    connection: AsyncConnection, person_id: UUID, recipient_id: UUID
) -> tuple[UUID, ...]:
    """The cases, open or closed, between the person and one recipient."""
    theirs = or_(Case.organization_id == recipient_id, Case.relative_id == recipient_id)
    query = select(Case.case_id).where(Case.person_id == person_id, theirs).order_by(Case.case_id)
    return tuple(await connection.scalars(query))


async def queue_notices(
    connection: AsyncConnection,  # noqa: ARG001 - where notices will be queued
    erasure_id: UUID,  # noqa: ARG001 - what they will name
    recipients: Sequence[Recipient],
) -> list[NoticeOutcome]:
    """Queues a notice to each recipient, in the transaction that deletes; what became of each.

    There is nothing yet that delivers notices.
    """
    return ["not_configured" for _ in recipients]
