"""Who works on a case: clinical staff and teams of its organization, as a coordinator says.

Nothing crosses organizations, and every change goes through the person's gate: who reads waits.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import Conflict, InvalidRequest
from vitalkeep.base.keys import Keyring
from vitalkeep.care.cases import get_case
from vitalkeep.care.models import CaseStaff, CaseTeam
from vitalkeep.care.readers import take_gate_of_case
from vitalkeep.care.schemas import CaseView
from vitalkeep.persons.access import StaffCaller
from vitalkeep.persons.roles import require_power
from vitalkeep.persons.staff import list_readers
from vitalkeep.persons.teams import list_known_teams


async def assign(
    connection: AsyncConnection,
    keyring: Keyring,
    coordinator: StaffCaller,
    case_id: UUID,
    staff_ids: Sequence[UUID],
    team_ids: Sequence[UUID],
) -> CaseView:
    """Has exactly these staff and teams work on the case; nobody else reads from then on.

    Raises Forbidden, NotFound, InvalidRequest for who is no active clinical colleague.
    """
    require_power(coordinator, "assign")
    person_id = await take_gate_of_case(connection, coordinator, case_id)
    await get_case(connection, keyring, coordinator, case_id)
    await require_colleagues(connection, coordinator.organization_id, staff_ids, "/staff")
    await require_teams(connection, coordinator.organization_id, team_ids)
    for table in (CaseStaff, CaseTeam):
        await connection.execute(
            delete(table).where(table.person_id == person_id, table.case_id == case_id)
        )
    await put_on_case(connection, person_id, case_id, staff_ids, team_ids)
    return await get_case(connection, keyring, coordinator, case_id)


async def hand_over(
    connection: AsyncConnection,
    keyring: Keyring,
    coordinator: StaffCaller,
    case_id: UUID,
    from_staff: UUID,
    to_staff: UUID,
) -> CaseView:
    """Puts one in the place of another, who reads nothing of the case any more.

    Done already, it changes nothing. Raises Forbidden, NotFound, InvalidRequest for who is no
    active clinical colleague, Conflict when there is no place to take.
    """
    require_power(coordinator, "assign")
    person_id = await take_gate_of_case(connection, coordinator, case_id)
    before = await get_case(connection, keyring, coordinator, case_id)
    await require_colleagues(connection, coordinator.organization_id, [to_staff], "/to")
    assigned = {each.id for each in before.staff or []}
    if from_staff == to_staff or not assigned & {from_staff, to_staff}:
        raise Conflict("Name in `from` somebody who works on the case, and in `to` somebody else.")
    if from_staff in assigned:
        place = (CaseStaff.person_id == person_id, CaseStaff.case_id == case_id)
        await connection.execute(delete(CaseStaff).where(*place, CaseStaff.staff_id == from_staff))
        if to_staff not in assigned:
            await put_on_case(connection, person_id, case_id, [to_staff], [])
    return await get_case(connection, keyring, coordinator, case_id)


async def put_on_case(
    connection: AsyncConnection,
    person_id: UUID,
    case_id: UUID,
    staff_ids: Sequence[UUID],
    team_ids: Sequence[UUID],
) -> None:
    """Adds staff and teams to a case. The caller holds the person's gate."""
    place = {"person_id": person_id, "case_id": case_id}
    if staff_ids:
        rows = [{**place, "staff_id": staff_id} for staff_id in sorted(set(staff_ids))]
        await connection.execute(insert(CaseStaff), rows)
    if team_ids:
        rows = [{**place, "team_id": team_id} for team_id in sorted(set(team_ids))]
        await connection.execute(insert(CaseTeam), rows)


async def require_colleagues(
    connection: AsyncConnection, organization_id: UUID, staff_ids: Sequence[UUID], pointer: str
) -> None:
    """Raises InvalidRequest unless all are active clinical staff of the organization."""
    if await list_readers(connection, organization_id, staff_ids) != set(staff_ids):
        raise InvalidRequest(
            "Cases are worked on by active clinical staff of your organization.",
            errors=[{"pointer": pointer, "code": "unknown_staff"}],
        )


async def require_teams(
    connection: AsyncConnection, organization_id: UUID, team_ids: Sequence[UUID]
) -> None:
    """Raises InvalidRequest unless all are teams of the organization."""
    if await list_known_teams(connection, organization_id, team_ids) != set(team_ids):
        raise InvalidRequest(
            "Teams have to be of your organization.",
            errors=[{"pointer": "/teams", "code": "unknown_team"}],
        )
