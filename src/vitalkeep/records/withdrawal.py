"""Withdrawing a consent: it ends at once, and what it let in goes with it.

The route stands here and not in `consents` because it deletes records.
"""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import Connection, driver
from vitalkeep.base.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated, problems
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.consents import ledger
from vitalkeep.consents.models import Consent
from vitalkeep.consents.schemas import ConsentView
from vitalkeep.datatypes.registry import BY_NUMBER
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

    Of a `collect` consent the records that its app sent are deleted. Again: the same answer.
    """
    await take_gate(connection, person.person_id)
    row = await ledger.get_consent(connection, person, consent_id)
    if row.state == "active":
        stored_data = (request or WithdrawalRequest()).stored_data
        outcome: dict[str, object] = {
            "stored_data": stored_data,
            "deleted": await delete_collected(connection, person, row),
            "frozen": 0,
            "features_lost": await list_features_lost(connection, person, row),
        }
        await ledger.withdraw(connection, person, row, outcome)
        row = await ledger.get_consent(connection, person, consent_id)
    counts = WithdrawalCounts.model_validate(
        ledger.open_outcome(person, row) or {"deleted": 0, "frozen": 0, "features_lost": []}
    )
    view = ledger.to_view(person, row, clock.now())
    return Withdrawal(consent=view, **counts.model_dump())


async def delete_collected(
    connection: AsyncConnection, person: PersonCaller, row: ledger.ConsentRow
) -> int:
    """Deletes the type's records that the consent's app sent; how many. The caller holds the gate.

    Tombstones stay for the change feed; they keep no time of measurement.
    """
    if row.action != "collect":
        return 0
    rows = await (await driver(connection)).fetch(
        COLLECTED, person.person_id, row.type, row.recipient_id
    )
    return await bury(connection, person.person_id, [found[0] for found in rows], BY_WITHDRAWAL)


async def list_features_lost(
    connection: AsyncConnection, person: PersonCaller, row: ledger.ConsentRow
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
