"""The verdict on each pushed record, and why one was not written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple, NotRequired, TypeAlias, TypedDict

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import array, driver
from vitalkeep.consents.models import Consent
from vitalkeep.consents.stored import state_at
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
COLLECT: Final = select(
    Consent.type,
    Consent.state,
    Consent.valid_until,
    Consent.data_from,
    Consent.data_until,
    Consent.changed_at,
).where(
    Consent.person_id == bindparam("person_id"),
    Consent.recipient_id == bindparam("client_id"),
    Consent.action == "collect",
)

WHY: Final[dict[str, tuple[str, str]]] = {
    "withdrawn": ("consent_withdrawn", "the consent was withdrawn"),
    "paused": ("consent_missing", "the consent is paused; it can be resumed"),
    "narrowed": ("consent_missing", "the phone or Google no longer grants it; ask anew"),
    "expired": ("consent_missing", "the consent has run out; ask anew"),
}
"""Code and reason where no consent is in force any more, by what became of the last one."""


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
    periods, ended = await collect_consents(connection, person, now)
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
                state = "" if given else ended.get(number, "")
                verdicts[position] = _no_consent(position, number, state)
                continue
        status = kept.get(index, "unchanged")
        verdicts[position] = {"status": status, "id": uuid_text(record_id)}
    return verdicts


async def collect_consents(
    connection: AsyncConnection, person: PersonCaller, now: datetime
) -> tuple[dict[int, list[Period]], dict[int, str]]:
    """What the person's app may send at this moment: the periods in force by number of the type,
    and of those that were in force once what became of the last consent.
    """
    asked = {"person_id": person.person_id, "client_id": person.client_id}
    periods: dict[int, list[Period]] = {}
    ended: dict[int, tuple[datetime, str]] = {}
    for row in (await connection.execute(COLLECT, asked)).all():
        state = state_at(row.state, row.valid_until, now)
        if state == "active":
            periods.setdefault(row.type, []).append((row.data_from, row.data_until))
            continue
        since = row.changed_at if state == row.state else row.valid_until
        # What another one took the place of says nothing any more.
        if state != "superseded" and (row.type not in ended or ended[row.type][0] < since):
            ended[row.type] = since, state
    return periods, {number: state for number, (_, state) in ended.items()}


def covers(period: Period, start: datetime) -> bool:
    """Whether a record that starts then lies in the period."""
    since, until = period
    return (since is None or since <= start) and (until is None or start < until)


def _no_consent(position: int, type_number: int, state: str) -> Verdict:
    """The verdict where nothing in force covers the record; `state`: what the last consent is."""
    scope = f"{BY_NUMBER[type_number].name}.collect"
    detail = f"no consent in force for {scope}, given to the sending app, covers this record"
    code, reason = WHY.get(state, ("consent_missing", ""))
    return rejection(position, code, "/type", f"{detail}: {reason}" if reason else detail)


def uuid_text(record_id: bytes) -> str:
    """A record's id as answers carry it."""
    digits = record_id.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
