"""Withdrawing a consent: it ends at once, and what it let in goes with it or is frozen.

The route stands here and not in `consents` because it deletes records.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import Connection, driver
from vitalkeep.base.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated, problems
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.consents.events import Principal
from vitalkeep.consents.models import STANDING, Consent
from vitalkeep.consents.schemas import ConsentView
from vitalkeep.consents.states import expire, withdraw
from vitalkeep.consents.stored import (
    ConsentRow,
    get_consent,
    has_ended,
    open_outcome,
    open_shown,
    to_view,
)
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.notices.outbox import queue_end_of_collecting, queue_withdrawal
from vitalkeep.persons.access import PersonCaller, SignedInPerson
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.models import BY_WITHDRAWAL
from vitalkeep.records.schemas import WithdrawalCounts, WithdrawalRequest
from vitalkeep.records.tombstones import bury

router = APIRouter()

COLLECTED: Final = """
SELECT r.record_id
FROM records r JOIN sources s ON s.person_id = r.person_id AND s.source_id = r.source_id
WHERE r.person_id = $1 AND r.type = $2 AND s.client_id = $3 AND r.sealed IS NOT NULL
  AND ($4::timestamptz IS NULL OR r.modified_at < $4)
ORDER BY r.feed
"""


class Withdrawal(WithdrawalCounts):
    """The withdrawn consent and what its withdrawal did."""

    consent: ConsentView


@router.post(
    "/v1/me/consents/{consent_id}/withdrawal",
    tags=["consents"],
    response_model_exclude_none=True,
    responses=problems(Unauthenticated, Forbidden, NotFound, InvalidRequest),
    openapi_extra=REPEATABLE,
)
async def withdraw_consent(
    person: SignedInPerson,
    connection: Connection,
    consent_id: UUID,
    request: WithdrawalRequest | None = None,
) -> Withdrawal:
    """Withdraw a consent; when the answer arrives, no write or read gets through any more.

    Of a `collect` consent the records that its app sent are deleted or frozen, also when it has
    ended before in another way. Again: the same answer.
    """
    await take_gate(connection, person.person_id)
    row = await get_consent(connection, person, consent_id)
    if row.state != "withdrawn":
        await end(connection, person, row, (request or WithdrawalRequest()).stored_data)
        row = await get_consent(connection, person, consent_id)
    counts = WithdrawalCounts.model_validate(open_outcome(person, row))
    return Withdrawal(consent=to_view(person, row, clock.now()), **counts.model_dump())


async def end(
    connection: AsyncConnection, person: PersonCaller, row: ConsentRow, stored_data: str
) -> None:
    """Withdraws a consent and deletes or freezes what it let in. The caller holds the gate.

    Raises SealBroken, before anything is deleted, if the consent was changed.
    """
    open_shown(person, row)
    now = clock.now()
    stood = row.state in STANDING and not has_ended(row, now)
    if row.state in STANDING and not stood:
        await expire(connection, person, row, now)
    deleted = frozen = 0
    since = await _others_since(connection, person, row, now)
    if row.action == "collect" and stored_data == "delete":
        deleted = await delete_collected(connection, person, row, before=since)
    elif row.action == "collect" and since is None:
        frozen = len(await list_collected(connection, person.person_id, row))
    outcome: dict[str, object] = {
        "stored_data": stored_data,
        "deleted": deleted,
        "frozen": frozen,
        "features_lost": (
            [] if since is not None else await list_features_lost(connection, person, row)
        ),
    }
    await withdraw(connection, person, row, outcome)
    if stood and since is None:
        await tell_recipient(connection, person.person_id, row)


async def tell_recipient(connection: AsyncConnection, person_id: UUID, row: ConsentRow) -> None:
    """Has the app or the organization told of what it may do no more; relatives get no notices."""
    scope, told = f"{BY_NUMBER[row.type].name}.{row.action}", row.recipient_id
    if row.action == "collect":
        await queue_end_of_collecting(
            connection, told, person_id, consent_id=row.consent_id, scope=scope
        )
    elif row.recipient_kind == "organization":
        await queue_withdrawal(connection, told, person_id, purpose=row.purpose, scope=scope)


async def _others_since(
    connection: AsyncConnection, person: PersonCaller, row: ConsentRow, now: datetime
) -> datetime | None:
    """Since when another consent for the same stands: what was let in from then on is that one's.

    To collect, whatever the purpose: what one of an app's purposes still needs is not deleted.
    """
    query = select(func.min(Consent.given_at)).where(
        Consent.person_id == person.person_id,
        Consent.consent_id != row.consent_id,
        Consent.type == row.type,
        Consent.action == row.action,
        or_(Consent.action == "collect", Consent.purpose == row.purpose),
        Consent.recipient_id == row.recipient_id,
        Consent.state.in_(STANDING),
        or_(Consent.valid_until.is_(None), Consent.valid_until > now),
    )
    since: datetime | None = await connection.scalar(query)
    return since


async def list_collected(
    connection: AsyncConnection, person_id: UUID, row: ConsentRow, before: datetime | None = None
) -> list[UUID]:
    """The type's records that the consent's app sent, last changed before a moment if one is given.

    In the order of their last change.
    """
    rows = await (await driver(connection)).fetch(
        COLLECTED, person_id, row.type, row.recipient_id, before
    )
    return [found[0] for found in rows]


async def delete_collected(
    connection: AsyncConnection,
    person: Principal,
    row: ConsentRow,
    *,
    before: datetime | None = None,
) -> int:
    """Deletes what the consent's app sent of its type; how many. The caller holds the gate.

    Tombstones stay for the change feed; they keep no time of measurement.
    """
    found = await list_collected(connection, person.person_id, row, before)
    return await bury(connection, person.person_id, found, BY_WITHDRAWAL)


async def list_features_lost(
    connection: AsyncConnection, person: PersonCaller, row: ConsentRow
) -> list[str]:
    """Codes `<type>.<feature>` of what stops working: `sync`, and each purpose that read it."""
    name = BY_NUMBER[row.type].name
    if row.action == "read":
        return [f"{name}.{row.purpose}"]
    query = select(Consent.purpose).where(
        Consent.person_id == person.person_id,
        Consent.type == row.type,
        Consent.action == "read",
        Consent.state == "active",
        or_(Consent.valid_until.is_(None), Consent.valid_until > clock.now()),
    )
    readers = (await connection.scalars(query.distinct())).all()
    return [f"{name}.sync", *(f"{name}.{purpose}" for purpose in sorted(readers))]
