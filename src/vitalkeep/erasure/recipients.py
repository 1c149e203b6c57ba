"""Who was given access to a person's data, and has to hear that the person has left.

Read in the transaction that deletes the rows which say so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.care.models import Case
from vitalkeep.consents.models import Consent
from vitalkeep.notices import endpoints, outbox
from vitalkeep.notices.outbox import Content
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


async def list_names(connection: AsyncConnection, recipient_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What apps and organizations are called now."""
    names: dict[UUID, str] = {}
    for table, key in ((Organization, Organization.organization_id), (Client, Client.client_id)):
        query = select(key, table.name).where(key.in_(recipient_ids))
        names.update({row[0]: row[1] for row in await connection.execute(query)})
    return names


async def list_cases(
    connection: AsyncConnection, person_id: UUID, recipient_id: UUID
) -> tuple[UUID, ...]:
    """The cases, open or closed, between the person and one recipient."""
    theirs = or_(Case.organization_id == recipient_id, Case.relative_id == recipient_id)
    query = select(Case.case_id).where(Case.person_id == person_id, theirs).order_by(Case.case_id)
    return tuple(await connection.scalars(query))


async def queue_notices(
    connection: AsyncConnection, erasure_id: UUID, recipients: Sequence[Recipient]
) -> list[NoticeOutcome]:
    """Queues a notice to each recipient, in the transaction that deletes; what became of each.

    Relatives have no URL, nor have apps and organizations that named none.
    """
    return [await _queue_notice(connection, erasure_id, each) for each in recipients]


KINDS: Final[Mapping[str, endpoints.RecipientKind]] = {"app": "app", "organization": "organization"}
"""Who can have named a URL, by the kind of recipient in a consent."""


async def _queue_notice(
    connection: AsyncConnection, erasure_id: UUID, recipient: Recipient
) -> NoticeOutcome:
    kind = KINDS.get(recipient.kind)
    if kind is None:
        return "not_configured"
    told = Content(recipient.case_ids, erasure_id=erasure_id)
    to = endpoints.Recipient(kind, recipient.recipient_id)
    queued = await outbox.queue(connection, to, "person.erased", told)
    return "not_configured" if queued is None else "queued"
