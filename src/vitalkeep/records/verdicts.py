"""The verdict on each pushed record, and why one was not written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple, NotRequired, TypeAlias, TypedDict

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import array, driver
from vitalkeep.consents.models import Consent
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.models import BY_PERSON

VerdictStatus = Literal["created", "updated", "unchanged", "stale", "suppressed", "rejected"]
STATUSES: tuple[VerdictStatus, ...] = (
    "created", "updated", "unchanged", "stale", "suppressed", "rejected",
)  # fmt: skip

Period: TypeAlias = tuple[datetime | None, datetime | None]
"""The starts `[from, until)` that a consent covers; None for no bound."""


KEPT: Final = f"""
SELECT u.n - 1, r.version > u.version
FROM unnest($2::text::uuid[], $3::text::int8[]) WITH ORDINALITY AS u (record_id, version, n),
     LATERAL (SELECT version, deleted_by FROM records
              WHERE person_id = $1 AND record_id = u.record_id OFFSET 0) r
WHERE r.version > u.version OR r.deleted_by = {BY_PERSON}
"""  # noqa: S608 - no value of a request is in the text
"""OFFSET 0 has each record looked up by its key; joined freely, the planner reads all of a person's
records instead.
"""
COLLECT: Final = select(Consent.type, Consent.state, Consent.data_from, Consent.data_until).where(
    Consent.person_id == bindparam("person_id"),
    Consent.recipient_id == bindparam("client_id"),
    Consent.action == "collect",
    or_(
        Consent.state == "withdrawn",
        and_(
            Consent.state == "active",
            or_(Consent.valid_until.is_(None), Consent.valid_until > bindparam("now")),
        ),
    ),
)


class Draft(NamedTuple):
    """A measurement with the id it has here (16 bytes); `position` is its place in the push."""

    position: int
    record_id: bytes
    measurement: Measurement


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
    connection: AsyncConnection,
    person: PersonCaller,
    unwritten: Sequence[Draft],
    now: datetime,
    *,
    same: Sequence[Draft] = (),
) -> dict[int, Verdict]:
    """Why records were not written, by their place: no consent, or nothing to change.

    `unwritten` are those that the upsert left out, `same` are known to be stored just so. Runs
    behind the gate, so what it reads is what the upsert saw.
    """
    periods, withdrawn = await collect_consents(connection, person, now)
    kept: dict[int, VerdictStatus] = {}
    if unwritten:
        ids = array(draft.record_id.hex() for draft in unwritten)
        versions = array(draft.measurement.version for draft in unwritten)
        rows = await (await driver(connection)).fetch(KEPT, person.person_id, ids, versions)
        kept = {row[0]: "stale" if row[1] else "suppressed" for row in rows}
    always = {number for number, given in periods.items() if (None, None) in given}
    verdicts: dict[int, Verdict] = {}
    for index, (position, record_id, measurement) in enumerate([*unwritten, *same]):
        number = measurement.type.number
        if number not in always:
            given = periods.get(number, [])
            if not any(covers(period, measurement.start) for period in given):
                gone = not given and number in withdrawn
                code = "consent_withdrawn" if gone else "consent_missing"
                verdicts[position] = rejection(position, code, "/type", _no_consent(number))
                continue
        status = kept.get(index, "unchanged")
        verdicts[position] = {"status": status, "id": uuid_text(record_id)}
    return verdicts


async def collect_consents(
    connection: AsyncConnection, person: PersonCaller, now: datetime
) -> tuple[dict[int, list[Period]], set[int]]:
    """What the person's app may send at this moment: the periods in force by number of the type,
    and the types of which a consent was withdrawn.
    """
    asked = {"person_id": person.person_id, "client_id": person.client_id, "now": now}
    periods: dict[int, list[Period]] = {}
    withdrawn: set[int] = set()
    for row in (await connection.execute(COLLECT, asked)).all():
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


def uuid_text(record_id: bytes) -> str:
    """A record's id as answers carry it."""
    digits = record_id.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
