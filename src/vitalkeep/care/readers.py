"""Who reads another's data: staff of an organization, or a relative; and which cases are theirs.

`STAFF_ARM` and `RELATIVE_ARM` are the ways of being a reader of one case. Each is the body of a
common table expression that the door joins with the person's consents: it answers at most one row
(person_id, purpose, state, recipient_kind, recipient_id) for the case's parameters, which
`reader_parameters` completes. Whether the case is open is the row's `state`.
"""

from typing import Annotated, Final, TypeAlias, TypedDict
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import Connection
from vitalkeep.base.errors import NotFound, Unauthenticated
from vitalkeep.base.session import speak_for
from vitalkeep.care.models import CaseHandle, Relative
from vitalkeep.persons.access import (
    Bearer,
    PersonCaller,
    StaffCaller,
    require_claims,
    require_person,
    require_staff,
)
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.roles import READERS

Reader: TypeAlias = StaffCaller | PersonCaller
"""A person reads as the relative of others, never themselves by this way."""


def id_of(reader: Reader) -> UUID:
    """Whose lists they are."""
    return reader.person_id if isinstance(reader, PersonCaller) else reader.staff_id


STAFF_ARM: Final = """
    SELECT k.person_id, k.purpose, k.state,
           'organization' AS recipient_kind, k.organization_id AS recipient_id
    FROM cases k
    JOIN staff s ON s.organization_id = k.organization_id
    WHERE k.person_id = :person_id AND k.case_id = :case_id
      AND k.organization_id = :organization_id
      AND s.staff_id = :staff_id AND s.state = 'active' AND s.role = ANY(:roles)
      AND (EXISTS (SELECT FROM case_staff cs
                   WHERE cs.person_id = k.person_id AND cs.case_id = k.case_id
                     AND cs.staff_id = s.staff_id)
           OR EXISTS (SELECT FROM case_teams ct JOIN team_members tm ON tm.team_id = ct.team_id
                      WHERE ct.person_id = k.person_id AND ct.case_id = k.case_id
                        AND tm.staff_id = s.staff_id))
"""
RELATIVE_ARM: Final = """
    SELECT k.person_id, k.purpose, k.state,
           'person' AS recipient_kind, k.relative_id AS recipient_id
    FROM cases k
    WHERE k.person_id = :person_id AND k.case_id = :case_id
      AND k.relative_id = ANY(:relative_ids)
"""


class Who(TypedDict):
    """The members of a look that say who it is."""

    staff_id: UUID | None
    organization_id: UUID | None
    relative_id: UUID | None
    role: str


def who_of_staff(staff: StaffCaller) -> Who:
    """A staff member, for their organization and in their role."""
    return Who(
        staff_id=staff.staff_id,
        organization_id=staff.organization_id,
        relative_id=None,
        role=staff.role,
    )


def who_of_relative(relative_id: UUID | None) -> Who:
    """A relative by the id that their case names; None: a person who watches nobody here."""
    role = "person" if relative_id is None else "relative"
    return Who(staff_id=None, organization_id=None, relative_id=relative_id, role=role)


async def require_reader(request: Request, credentials: Bearer, connection: Connection) -> Reader:
    """The signed-in staff member, or the person who watches others. Raises Unauthenticated."""
    claims = require_claims(request, credentials, "staff", "person")
    if claims.role == "staff":
        return await require_staff(request, credentials, connection)
    await speak_for(connection, watcher_id=claims.subject)
    return await require_person(request, credentials, connection)


SignedInReader = Annotated[Reader, Depends(require_reader)]


async def reader_parameters(connection: AsyncConnection, reader: Reader) -> dict[str, object]:
    """What the reader's arm needs beside `person_id` and `case_id`."""
    if isinstance(reader, PersonCaller):
        return {"relative_ids": await list_relative_ids(connection, reader.person_id)}
    return {
        "staff_id": reader.staff_id,
        "organization_id": reader.organization_id,
        "roles": list(READERS),
    }


async def list_relative_ids(connection: AsyncConnection, person_id: UUID) -> list[UUID]:
    """The ids under which this person watches others, or has asked to."""
    query = select(Relative.relative_id).where(Relative.person_id == person_id)
    return list((await connection.scalars(query)).all())


async def belongs_to(connection: AsyncConnection, reader: Reader) -> ColumnElement[bool]:
    """Of a handle: whether it is of the reader's organization, or of the reader as a relative."""
    if isinstance(reader, PersonCaller):
        mine = await list_relative_ids(connection, reader.person_id)
        return CaseHandle.relative_id == any_(literal(mine, ARRAY(Uuid)))
    return CaseHandle.organization_id == reader.organization_id


async def list_handles(
    connection: AsyncConnection, reader: Reader, case_id: UUID | None = None
) -> dict[UUID, UUID]:
    """Person by case, of the cases of the reader's organization or of the reader as a relative.

    Belonging is not yet being allowed to see.
    """
    query = select(CaseHandle.case_id, CaseHandle.person_id).where(
        await belongs_to(connection, reader)
    )
    if case_id is not None:
        query = query.where(CaseHandle.case_id == case_id)
    return {row.case_id: row.person_id for row in (await connection.execute(query)).all()}


async def take_gate_of_case(connection: AsyncConnection, reader: Reader, case_id: UUID) -> UUID:
    """The person behind a case that belongs to the reader's side, locked. Raises NotFound.

    A reader's own gate is not taken: no transaction ever holds two persons'.
    """
    person_id = (await list_handles(connection, reader, case_id)).get(case_id)
    if person_id is None:
        raise NotFound
    try:
        await take_gate(connection, person_id)
    except Unauthenticated:
        raise NotFound from None
    return person_id
