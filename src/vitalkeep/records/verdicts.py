"""The verdict on each pushed record, and why one was not written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.consents.models import Consent
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.models import BY_PERSON, Record

VerdictStatus = Literal["created", "updated", "unchanged", "stale", "suppressed", "rejected"]
STATUSES: tuple[VerdictStatus, ...] = (
    "created", "updated", "unchanged", "stale", "suppressed", "rejected",
)  # fmt: skip

Unwritten: TypeAlias = tuple[int, UUID, int, int]
"""A record that the upsert left out: place in the push, id, number of the type, version."""


class Verdict(BaseModel):
    """What became of one pushed record; `pointer` and `code` only where it was rejected."""

    status: VerdictStatus
    id: UUID | None = None
    code: str | None = Field(default=None, examples=["out_of_range"])
    pointer: str | None = Field(default=None, examples=["/records/1/count"])
    detail: str | None = None


def rejection(position: int, code: str, pointer: str, detail: str) -> Verdict:
    """The verdict on a record that can't be stored; `pointer` is relative to the record."""
    return Verdict(
        status="rejected", code=code, pointer=f"/records/{position}{pointer}", detail=detail
    )


async def explain(
    connection: AsyncConnection, person: PersonCaller, unwritten: Sequence[Unwritten], now: datetime
) -> dict[int, Verdict]:
    """Why the upsert left records out, by their place: no consent, or nothing to change.

    Runs behind the gate, so what it reads is what the upsert saw.
    """
    missing = await consent_gaps(connection, person, now)
    ids = [record_id for _, record_id, _, _ in unwritten]
    query = select(Record.record_id, Record.version, Record.deleted_by).where(
        Record.person_id == person.person_id, Record.record_id.in_(ids)
    )
    stored = {row[0]: (row[1], row[2]) for row in (await connection.execute(query)).all()}
    verdicts = {}
    for position, record_id, type_number, version in unwritten:
        code = missing.get(type_number)
        if code is None and record_id not in stored:
            # The type is covered, this record's time is not.
            code = "consent_missing"
        if code is not None:
            verdicts[position] = rejection(position, code, "/type", _no_consent(type_number))
            continue
        kept_version, deleted_by = stored[record_id]
        status: VerdictStatus = "unchanged"
        if kept_version > version:
            status = "stale"
        elif deleted_by == BY_PERSON:
            status = "suppressed"
        verdicts[position] = Verdict(status=status, id=record_id)
    return verdicts


async def consent_gaps(
    connection: AsyncConnection, person: PersonCaller, now: datetime
) -> dict[int, str]:
    """The reject code of each type that the person's app may not send at this moment."""
    mine = (
        Consent.person_id == person.person_id,
        Consent.recipient_id == person.client_id,
        Consent.action == "collect",
    )
    in_force = (
        Consent.state == "active",
        or_(Consent.valid_until.is_(None), Consent.valid_until > now),
    )
    active = set((await connection.scalars(select(Consent.type).where(*mine, *in_force))).all())
    withdrawn = set(
        (
            await connection.scalars(
                select(Consent.type).where(*mine, Consent.state == "withdrawn")
            )
        ).all()
    )
    return {
        number: "consent_withdrawn" if number in withdrawn else "consent_missing"
        for number in BY_NUMBER
        if number not in active
    }


def _no_consent(type_number: int) -> str:
    scope = f"{BY_NUMBER[type_number].name}.collect"
    return f"no consent in force for {scope}, given to the sending app, covers this record"
