"""Provision records: what was provided to whom, rolled up per recipient and day.

Source: APPI art. 29 and rule 19 of the PPC's rules. Of a provision under consent the record names
the recipient, the person, the items and that consent was given. Looks that gave nothing provided
nothing, and denied ones neither. Relatives stand in the access log only.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.persons.access import PersonCaller

Place: TypeAlias = tuple[date, UUID, str]
"""Date, recipient and purpose of the last record of a page."""

ROLLED_UP: Final = text(
    """
    SELECT * FROM (
        SELECT (e.at AT TIME ZONE :zone)::date AS date, e.organization_id, o.name, o.kind,
               e.purpose, array_agg(DISTINCT e.type) AS types,
               array_agg(DISTINCT e.consent_id) AS consent_ids, sum(e.count)::bigint AS count
        FROM access_events e JOIN organizations o ON o.organization_id = e.organization_id
        WHERE e.person_id = :person_id AND e.outcome = 'given' AND e.count > 0
        GROUP BY 1, 2, 3, 4, 5
    ) rolled_up
    WHERE (CAST(:first AS date) IS NULL OR date >= :first)
      AND (CAST(:last AS date) IS NULL OR date <= :last)
      AND (CAST(:date AS date) IS NULL
           OR (date, organization_id, purpose) < (:date, :organization_id, :purpose))
    ORDER BY date DESC, organization_id DESC, purpose DESC LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Period:
    """Dates in the person's time zone, both included."""

    first: date | None
    last: date | None


async def list_provisions(
    connection: AsyncConnection,
    person: PersonCaller,
    period: Period,
    *,
    after: Place | None,
    limit: int,
) -> tuple[list[RowMapping], Place | None]:
    """Provisions of the person's data, newest first, and where the next page starts, if any.

    They are computed from access events, which are kept for three years (docs/retention.md).
    Leaving deletes the events, and these with them: afterwards only the recipients' own records of
    what they received (art. 30) tell of it.
    """
    day, organization_id, purpose = after or (None, None, None)
    values = {
        "zone": person.time_zone,
        "person_id": person.person_id,
        "first": period.first,
        "last": period.last,
        "date": day,
        "organization_id": organization_id,
        "purpose": purpose,
        "limit": limit + 1,
    }
    rows = (await connection.execute(ROLLED_UP, values)).mappings().all()
    last = rows[limit - 1] if len(rows) > limit else None
    place = None if last is None else (last["date"], last["organization_id"], last["purpose"])
    return list(rows[:limit]), place
