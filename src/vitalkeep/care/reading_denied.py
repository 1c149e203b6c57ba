"""Refused reads are written down as well, for the person whose data it would have been.

The refused request's transaction is rolled back, so this has one of its own, when that has ended.
The person's gate is not taken: a stranger's attempts must hold up nobody's push, nor wait for one
and tell by that that the case exists; an erasure is safe, since the event names the person by a
foreign key. Whatever happens here, the answer stays the one that was decided.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.audit.trail import Data, Look, record_denial
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.errors import Problem
from vitalkeep.base.logs import fault, get_log
from vitalkeep.base.metrics import CARE_REFUSALS
from vitalkeep.care.models import Case, CaseHandle
from vitalkeep.care.readers import (
    Reader,
    Who,
    list_relative_ids,
    who_of_relative,
    who_of_staff,
)
from vitalkeep.persons.access import PersonCaller, StaffCaller

Reason: TypeAlias = Literal[
    "organization_kind",
    "role",
    "other_organization",
    "not_a_relative",
    "not_assigned",
    "closed",
    "purpose_not_allowed",
    "no_consent",
]
UNKNOWN_CASE: Final = "unknown_case"
"""What is counted when nobody has such a case, so that there is nobody to write it down for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a look is for; no `types` means all that may be read."""

    data: Data
    types: Sequence[int]
    since: datetime | None
    until: datetime | None


class Denied(Exception):
    """Why somebody was refused: the cause of the problem that they are told."""

    def __init__(self, reason: Reason, reader: Reader, case_id: UUID, wanted: Wanted) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reader = reader
        self.case_id = case_id
        self.wanted = wanted


async def record_denials(request: Request) -> AsyncIterator[None]:
    """A dependency that ends after the request's transaction, and then writes down a refusal."""
    try:
        yield
    except Problem as problem:
        if isinstance(problem.__cause__, Denied):
            await _record(request, problem.__cause__)
        raise


DENIALS: Final = [Depends(record_denials, scope="function")]
"""For `dependencies=` of every route that reads through the door: begun first, ended last."""


async def _record(request: Request, denied: Denied) -> None:
    try:
        async with bound_transaction(request.app.state.engine) as connection:
            written = await _write(connection, denied)
    except Exception as error:  # a refusal is never turned into anything else
        get_log().error("denial_not_recorded", **fault(error))
        return
    CARE_REFUSALS.labels(denied.reason if written else UNKNOWN_CASE).inc()


async def _write(connection: AsyncConnection, denied: Denied) -> bool:
    """Whether there was somebody to write it down for."""
    handle = select(CaseHandle.person_id).where(CaseHandle.case_id == denied.case_id)
    person_id = await connection.scalar(handle)
    case = select(Case.purpose, Case.relative_id).where(
        Case.person_id == person_id, Case.case_id == denied.case_id
    )
    found = (await connection.execute(case)).first()
    if person_id is None or found is None or _is_own(denied.reader, person_id):
        return False
    wanted = denied.wanted
    look = Look(
        person_id=person_id,
        **await _who(connection, denied.reader, found.relative_id),
        case_id=denied.case_id,
        purpose=found.purpose,
        records_from=wanted.since,
        records_to=wanted.until,
        data=wanted.data,
    )
    await record_denial(connection, look, denied.reason, wanted.types)
    return True


def _is_own(reader: Reader, person_id: UUID) -> bool:
    """Whether somebody came to their own data by the way of others."""
    return isinstance(reader, PersonCaller) and reader.person_id == person_id


async def _who(connection: AsyncConnection, reader: Reader, relative_id: UUID | None) -> Who:
    """Who was refused. Of another person nothing is told but that it was one, unless the case is
    theirs to watch: nobody's rows hold somebody else's id.
    """
    if isinstance(reader, StaffCaller):
        return who_of_staff(reader)
    mine = await list_relative_ids(connection, reader.person_id)
    return who_of_relative(relative_id if relative_id in mine else None)
