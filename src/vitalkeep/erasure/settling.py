"""What became of the notices of a leaving, copied into its journal before they are forgotten.

Notices lie below and know nothing of erasures, so the worker looks there for those that ended.
"""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import transaction
from vitalkeep.base.keys import Keyring
from vitalkeep.erasure.certificate import Certificate, Notice, reissue
from vitalkeep.erasure.models import Erasure
from vitalkeep.erasure.recipients import NoticeOutcome, Recipient, list_names
from vitalkeep.notices.outbox import Outcome, outcomes

NOTICES: Final = TypeAdapter(list[Notice])
CALLED: Final = {
    "pending": "queued",
    "delivered": "delivered",
    "failed": "given_up",
    "no_endpoint": "not_configured",
}
"""Our names for the states of a notice."""


def to_text(notices: Sequence[Notice]) -> str:
    """For the journal."""
    return NOTICES.dump_json(list(notices), exclude_none=True).decode()


def from_text(text: str) -> list[Notice]:
    """From the journal."""
    return NOTICES.validate_json(text)


def are_settled(notices: Sequence[Notice]) -> bool:
    """Whether none is under way any more."""
    return all(each.outcome != CALLED["pending"] for each in notices)


def first_outcomes(
    recipients: Sequence[Recipient], queued: Sequence[NoticeOutcome]
) -> list[Notice]:
    """What is known in the transaction that deletes."""
    return [
        name_notice(each.kind, each.name, outcome)
        for each, outcome in zip(recipients, queued, strict=True)
    ]


def name_notice(kind: str, name: str | None, outcome: str, at: str | None = None) -> Notice:
    """A recipient's notice, without members that say nothing."""
    given = {"name": name, "at": at}
    return Notice(
        kind=kind, outcome=outcome, **{key: value for key, value in given.items() if value}
    )


async def settle_notices(engine: AsyncEngine, open_keys: Callable[[], Keyring]) -> int:
    """Brings the journal up to date with the notices, for the worker; of how many erasures.

    The keyring is opened when a certificate has to be signed once more.
    """
    async with transaction(engine) as connection:
        unsettled = select(Erasure.erasure_id).where(
            Erasure.settled_at.is_(None), Erasure.erased_at.is_not(None)
        )
        found = list(await connection.scalars(unsettled.order_by(Erasure.erased_at)))
    changed = 0
    for erasure_id in found:
        async with transaction(engine) as connection:
            changed += await settle(connection, open_keys, erasure_id)
    return changed


async def settle(
    connection: AsyncConnection, open_keys: Callable[[], Keyring], erasure_id: UUID
) -> bool:
    """Copies what is known of one erasure's notices; whether that was news.

    A second certificate that was issued before all had ended is issued once more when they have.
    """
    query = select(Erasure.__table__).where(Erasure.erasure_id == erasure_id)
    row = (await connection.execute(query.with_for_update())).one()
    first = Certificate.model_validate_json(row.certificate).statement.recipients or []
    ended = await outcomes(connection, erasure_id)
    # No notices: they are forgotten, or the erasure came with a journal from elsewhere.
    told = await _merge(connection, first, ended) if ended else first
    settled = not ended or are_settled(told)
    text = to_text(told)
    if row.settled_at is not None or (text == row.outcomes and not settled):
        return False
    values = {"outcomes": text, "settled_at": clock.now() if settled else None}
    if settled and row.shredded_certificate is not None:
        second = Certificate.model_validate_json(row.shredded_certificate)
        signed = reissue(open_keys(), second, told)
        values["shredded_certificate"] = signed.model_dump_json(exclude_none=True)
    this = update(Erasure).where(Erasure.erasure_id == erasure_id)
    await connection.execute(this.values(values))
    return True


async def _merge(
    connection: AsyncConnection, first: Sequence[Notice], ended: Sequence[Outcome]
) -> list[Notice]:
    """What became of each recipient's notice; relatives get none."""
    names = await list_names(connection, [each.recipient.id for each in ended])
    told = [
        name_notice(
            each.recipient.kind,
            names.get(each.recipient.id),
            CALLED[each.state],
            clock.rfc3339(each.ended_at)
            if each.ended_at and each.state in ("delivered", "failed")
            else None,
        )
        for each in ended
    ]
    told.sort(key=lambda each: (each.kind, each.name or "", each.at or ""))
    return [*told, *(each for each in first if each.kind == "person")]
