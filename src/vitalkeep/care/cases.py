"""Cases: listing them for the person, for staff and for relatives.

For everybody but the person a case without a consent in force does not exist.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    RowMapping,
    Select,
    Uuid,
    and_,
    any_,
    exists,
    false,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from vitalkeep.base import clock
from vitalkeep.base.errors import NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.paging import Place
from vitalkeep.base.sealing import PersonKey
from vitalkeep.care.models import Case, CaseHandle, CaseStaff, CaseTeam, Relative
from vitalkeep.care.readers import Reader, belongs_to
from vitalkeep.care.schemas import (
    CaseColleague,
    CaseOrganization,
    CaseRelative,
    CaseTeamView,
    CaseView,
)
from vitalkeep.care.workers import Workers, list_workers
from vitalkeep.consents.models import Consent
from vitalkeep.consents.scopes import scope_of
from vitalkeep.persons.access import PersonCaller, StaffCaller, open_key
from vitalkeep.persons.models import Organization, Person, PersonKeyRow, TeamMember
from vitalkeep.persons.roles import has_power, require_power

MOST: Final = 1000
"""Cases of one page."""


@dataclass(frozen=True, slots=True)
class CasePage:
    """Cases, and where the next page starts, if there is more."""

    cases: list[CaseView]
    following: Place | None


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around stored cases: consents in force, who works on them, living relatives."""

    scopes: "ScopesInForce"
    workers: dict[UUID, Workers]
    relatives: set[UUID]


async def list_own_cases(connection: AsyncConnection, person: PersonCaller) -> list[CaseView]:
    """The person's cases, newest first, closed ones too.

    One whose relative has left leads nowhere, and is shown as closed by them.
    """
    query = (
        select(Case, Organization.name)
        .outerjoin(Organization, Organization.organization_id == Case.organization_id)
        .where(Case.person_id == person.person_id)
        .order_by(Case.opened_at.desc(), Case.case_id)
    )
    rows = (await connection.execute(query)).mappings().all()
    around = await _look_around(connection, rows)
    return [_own_view(row, person.key, around) for row in rows]


async def list_cases(
    connection: AsyncConnection,
    keyring: Keyring,
    reader: Reader,
    *,
    case_id: UUID | None = None,
    after: Place | None = None,
    limit: int = MOST,
) -> CasePage:
    """A page of the open cases that the reader sees and that have a consent in force, newest first.

    Clinical staff see those they work on, coordinators all of their organization's, a relative
    those that they watch. Raises Forbidden for administrators, who see none.
    """
    if isinstance(reader, StaffCaller):
        require_power(reader, "see_cases")
    query = await _open_cases_of(connection, reader, case_id)
    views: list[CaseView] = []
    while len(views) <= limit:
        behind = [] if after is None else [tuple_(Case.opened_at, Case.case_id) < after]
        rows = (await connection.execute(query.where(*behind).limit(limit + 1))).mappings().all()
        around = await _look_around(connection, rows)
        shown = (_view_of_reader(row, keyring, around, reader) for row in rows)
        views += [view for view in shown if view.scopes]
        if len(rows) <= limit:
            break
        after = rows[-1]["opened_at"], rows[-1]["case_id"]
    last = views[limit - 1] if len(views) > limit else None
    return CasePage(views[:limit], None if last is None else (last.opened_at, last.id))


async def _open_cases_of(
    connection: AsyncConnection, reader: Reader, case_id: UUID | None
) -> Select[Case, str, bytes, int]:
    """The open cases that the reader sees, if there are consents, newest first."""
    query = (
        select(Case, Organization.name, PersonKeyRow.wrapped_key, PersonKeyRow.epoch)
        .join(
            CaseHandle,
            and_(CaseHandle.person_id == Case.person_id, CaseHandle.case_id == Case.case_id),
        )
        .outerjoin(Organization, Organization.organization_id == Case.organization_id)
        .join(PersonKeyRow, PersonKeyRow.person_id == Case.person_id)
        .join(Person, Person.person_id == Case.person_id)
        .where(
            await belongs_to(connection, reader),
            Case.state == "open",
            Person.state == "active",
            is_for(reader),
        )
        .order_by(Case.opened_at.desc(), Case.case_id.desc())
    )
    return query if case_id is None else query.where(CaseHandle.case_id == case_id)


async def get_case(
    connection: AsyncConnection, keyring: Keyring, reader: Reader, case_id: UUID
) -> CaseView:
    """One case that the reader sees. Raises NotFound, whatever the reason."""
    found = (await list_cases(connection, keyring, reader, case_id=case_id)).cases
    if not found:
        raise NotFound
    return found[0]


def is_for(reader: Reader) -> ColumnElement[bool]:
    """Of a case that belongs to the reader's side: whether it is for them to see."""
    if isinstance(reader, PersonCaller) or has_power(reader.role, "assign"):
        return true()
    if not has_power(reader.role, "read_records"):
        return false()
    mine = CaseStaff.person_id == Case.person_id, CaseStaff.case_id == Case.case_id
    ours = CaseTeam.person_id == Case.person_id, CaseTeam.case_id == Case.case_id
    in_team = TeamMember.team_id == CaseTeam.team_id, TeamMember.staff_id == reader.staff_id
    return or_(
        exists().where(*mine, CaseStaff.staff_id == reader.staff_id),
        exists().where(*ours, *in_team),
    )


ScopesInForce: TypeAlias = dict[tuple[UUID, UUID, str], list[str]]
"""Read scopes by person, recipient and purpose."""


async def list_scopes_in_force(
    connection: AsyncConnection, person_ids: Collection[UUID]
) -> ScopesInForce:
    """The read scopes that these persons consent to at this moment."""
    query = (
        select(Consent.person_id, Consent.recipient_id, Consent.purpose, Consent.type)
        .where(is_among(Consent.person_id, person_ids), *are_in_force())
        .order_by(Consent.type)
    )
    scopes: ScopesInForce = {}
    for row in (await connection.execute(query)).all():
        key = (row.person_id, row.recipient_id, row.purpose)
        scopes.setdefault(key, []).append(str(scope_of(row.type, "read")))
    return scopes


def are_in_force() -> tuple[ColumnElement[bool], ...]:
    """Conditions on consents to read, at this moment."""
    ends = or_(Consent.valid_until.is_(None), Consent.valid_until > clock.now())
    return Consent.action == "read", Consent.state == "active", ends


def is_among(column: InstrumentedAttribute[UUID], ids: Collection[UUID]) -> ColumnElement[bool]:
    """One array instead of a parameter for each id: PostgreSQL takes 32,767 parameters."""
    return column == any_(literal(list(ids), ARRAY(Uuid)))


def label_place(case_id: UUID) -> tuple[bytes, bytes]:
    """What a case's sealed label is bound to."""
    return b"cases.label", case_id.bytes


def relative_place(case_id: UUID) -> tuple[bytes, bytes]:
    """What the sealed name of a case's relative is bound to."""
    return b"cases.relative", case_id.bytes


async def _look_around(connection: AsyncConnection, rows: Sequence[RowMapping]) -> Around:
    person_ids = {row["person_id"] for row in rows}
    relatives = select(Relative.relative_id).where(
        Relative.relative_id == any_(literal(_relative_ids(rows), ARRAY(Uuid)))
    )
    return Around(
        await list_scopes_in_force(connection, person_ids),
        await list_workers(connection, person_ids, {row["case_id"] for row in rows}),
        set((await connection.scalars(relatives)).all()),
    )


def _relative_ids(rows: Sequence[RowMapping]) -> list[UUID]:
    return [row["relative_id"] for row in rows if row["relative_id"] is not None]


def _own_view(row: RowMapping, key: PersonKey, around: Around) -> CaseView:
    view = _view(row, key, around)
    if row["relative_id"] is None:
        return view
    sealed, case_id = row["sealed_relative"], row["case_id"]
    label = None if sealed is None else key.open(sealed, *relative_place(case_id)).decode()
    view.relative = CaseRelative(id=row["relative_id"], label=label)
    if row["state"] == "open" and row["relative_id"] not in around.relatives:
        return view.model_copy(update={"state": "closed", "closed_by": "relative", "scopes": []})
    return view


def _view_of_reader(row: RowMapping, keyring: Keyring, around: Around, reader: Reader) -> CaseView:
    key = open_key(keyring, row["person_id"], row["epoch"], row["wrapped_key"])
    view = _view(row, key, around)
    if isinstance(reader, PersonCaller):
        view.relative = CaseRelative(id=row["relative_id"])
    elif has_power(reader.role, "assign"):
        workers = around.workers.get(row["case_id"], Workers())
        view.staff = [
            CaseColleague(id=staff_id, role=role, state=state)
            for staff_id, (role, state) in sorted(workers.staff.items())
        ]
        view.teams = [
            CaseTeamView(id=team_id, name=name) for team_id, name in sorted(workers.teams.items())
        ]
    return view


def _view(row: RowMapping, key: PersonKey, around: Around) -> CaseView:
    """What both sides see of a case."""
    recipient_id, is_open = row["organization_id"] or row["relative_id"], row["state"] == "open"
    scopes = around.scopes.get((row["person_id"], recipient_id, row["purpose"]), [])
    workers = around.workers.get(row["case_id"], Workers())
    sealed, case_id = row["sealed_label"], row["case_id"]
    organization = None
    if row["organization_id"] is not None:
        organization = CaseOrganization(id=row["organization_id"], name=row["name"])
    return CaseView(
        id=case_id,
        organization=organization,
        purpose=row["purpose"],
        label=None if sealed is None else key.open(sealed, *label_place(case_id)).decode(),
        scopes=scopes if is_open else [],
        roles=workers.roles if is_open else [],
        state=row["state"],
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        closed_by=row["closed_by"],
        closure_reason=row["closure_reason"],
    )
