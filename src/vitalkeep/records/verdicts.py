"""The verdict on each pushed record, and why one was not written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NotRequired, TypeAlias, TypedDict
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import driver
from vitalkeep.consents.models import Consent
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.models import BY_PERSON

VerdictStatus = Literal["created", "updated", "unchanged", "stale", "suppressed", "rejected"]
STATUSES: tuple[VerdictStatus, ...] = (
    "created", "updated", "unchanged", "stale", "suppressed", "rejected",
)  # fmt: skip

Unwritten: TypeAlias = tuple[int, UUID, int, int, datetime]
"""A record that the upsert left out: place in the push, id, number of the type, version, start."""
Period: TypeAlias = tuple[datetime | None, datetime | None]
"""The starts `[from, until)` that a consent covers; None for no bound."""


STORED = """
SELECT record_id, version, deleted_by FROM records WHERE person_id = $1 AND record_id = ANY($2)
"""


class Verdict(TypedDict):
    """What became of one pushed record; a plain dictionary, since a push makes a thousand."""

    status: VerdictStatus
    id: NotRequired[str]
    code: NotRequired[str]
    pointer: NotRequired[str]
    detail: NotRequired[str]


def rejection(position: int, code: str, pointer: str, detail: str) -> Verdict:
    """The verdict on a record that can't be stored; `pointer` is relative to the record."""
    return {
        "status": "rejected",
        "code": code,
        "pointer": f"/records/{position}{pointer}",
        "detail": detail,
    }


async def explain(
    connection: AsyncConnection, person: PersonCaller, unwritten: Sequence[Unwritten], now: datetime
) -> dict[int, Verdict]:
    """Why the upsert left records out, by their place: no consent, or nothing to change.

    Runs behind the gate, so what it reads is what the upsert saw.
    """
    periods, withdrawn = await collect_consents(connection, person, now)
    ids = [unwritten_id for _, unwritten_id, *_ in unwritten]
    rows = await (await driver(connection)).fetch(STORED, person.person_id, ids)
    stored = {row[0]: (row[1], row[2]) for row in rows}
    verdicts = {}
    for position, record_id, type_number, version, start in unwritten:
        given = periods.get(type_number, [])
        if not any(covers(period, start) for period in given):
            gone = not given and type_number in withdrawn
            code = "consent_withdrawn" if gone else "consent_missing"
            verdicts[position] = rejection(position, code, "/type", _no_consent(type_number))
            continue
        kept_version, deleted_by = stored[record_id]
        status: VerdictStatus = "unchanged"
        if kept_version > version:
            status = "stale"
        elif deleted_by == BY_PERSON:
            status = "suppressed"
        verdicts[position] = {"status": status, "id": str(record_id)}
    return verdicts


async def collect_consents(
    connection: AsyncConnection, person: PersonCaller, now: datetime
) -> tuple[dict[int, list[Period]], set[int]]:
    """What the person's app may send at this moment: the periods in force by number of the type,
    and the types of which a consent was withdrawn.
    """
    query = select(Consent.type, Consent.state, Consent.data_from, Consent.data_until).where(
        Consent.person_id == person.person_id,
        Consent.recipient_id == person.client_id,
        Consent.action == "collect",
        or_(
            Consent.state == "withdrawn",
            and_(
                Consent.state == "active",
                or_(Consent.valid_until.is_(None), Consent.valid_until > now),
            ),
        ),
    )
    periods: dict[int, list[Period]] = {}
    withdrawn: set[int] = set()
    for row in (await connection.execute(query)).all():
        if row.state == "withdrawn":
            withdrawn.add(row.type)
        else:
            periods.setdefault(row.type, []).append((row.data_from, row.data_until))
    return periods, withdrawn


def covers(period: Period, start: datetime) -> bool:
    """Whether a record that starts then lies in the period."""
    since, until = period
    return (since is None or since <= start) and (until is None or start < until)


def _no_consent(type_number: int) -> str:
    scope = f"{BY_NUMBER[type_number].name}.collect"
    return f"no consent in force for {scope}, given to the sending app, covers this record"
