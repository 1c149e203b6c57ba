"""Teams: staff of one organization who work on the same cases."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Insert, Update, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Conflict, InvalidRequest, NotFound
from vitalkeep.persons.models import Staff, Team, TeamMember
from vitalkeep.persons.organizations import lock_organization


@dataclass(frozen=True, slots=True)
class TeamSummary:
    """A team and who is in it, suspended members included."""

    id: UUID
    name: str
    staff: list[UUID]
    created_at: datetime


async def list_teams(connection: AsyncConnection, organization_id: UUID) -> list[TeamSummary]:
    """The organization's teams by name."""
    query = (
        select(Team)
        .where(Team.organization_id == organization_id)
        .order_by(Team.name, Team.team_id)
    )
    rows = (await connection.execute(query)).all()
    members = select(TeamMember).where(TeamMember.team_id.in_([row.team_id for row in rows]))
    within: dict[UUID, list[UUID]] = {}
    for member in (await connection.execute(members)).all():
        within.setdefault(member.team_id, []).append(member.staff_id)
    return [
        TeamSummary(row.team_id, row.name, sorted(within.get(row.team_id, [])), row.created_at)
        for row in rows
    ]


async def get_team(
    connection: AsyncConnection, organization_id: UUID, team_id: UUID
) -> TeamSummary:
    """One team of the organization. Raises NotFound, also for those of another."""
    teams = await list_teams(connection, organization_id)
    for team in teams:
        if team.id == team_id:
            return team
    raise NotFound("Your organization has no such team.")


async def add_team(
    connection: AsyncConnection, organization_id: UUID, name: str, staff_ids: Sequence[UUID]
) -> UUID:
    """The new team's id. Raises Conflict for a name that is taken, InvalidRequest for strangers."""
    await lock_organization(connection, organization_id)
    team_id = uuid4()
    row = insert(Team).values(
        team_id=team_id, organization_id=organization_id, name=name, created_at=clock.now()
    )
    await _write(connection, row)
    await set_members(connection, organization_id, team_id, staff_ids)
    return team_id


async def change_team(
    connection: AsyncConnection,
    organization_id: UUID,
    team_id: UUID,
    name: str | None,
    staff_ids: Sequence[UUID] | None,
) -> TeamSummary:
    """Gives the team another name, or other members; None stays as it is.

    Raises NotFound, Conflict for a name that is taken, InvalidRequest for who works elsewhere.
    """
    await lock_organization(connection, organization_id)
    await get_team(connection, organization_id, team_id)
    if name is not None:
        await _write(connection, update(Team).where(Team.team_id == team_id).values(name=name))
    if staff_ids is not None:
        await set_members(connection, organization_id, team_id, staff_ids)
    return await get_team(connection, organization_id, team_id)


async def set_members(
    connection: AsyncConnection, organization_id: UUID, team_id: UUID, staff_ids: Iterable[UUID]
) -> None:
    """Has exactly these staff in the team. Raises InvalidRequest for who works elsewhere.

    The caller holds the organization.
    """
    wanted = sorted(set(staff_ids))
    query = select(Staff.staff_id).where(
        Staff.organization_id == organization_id, Staff.staff_id.in_(wanted)
    )
    if set((await connection.scalars(query)).all()) != set(wanted):
        raise InvalidRequest(
            "Everybody in a team has to work for its organization.",
            errors=[{"pointer": "/staff", "code": "unknown_staff"}],
        )
    await connection.execute(delete(TeamMember).where(TeamMember.team_id == team_id))
    if wanted:
        rows = [{"team_id": team_id, "staff_id": staff_id} for staff_id in wanted]
        await connection.execute(insert(TeamMember), rows)


async def delete_team(connection: AsyncConnection, team_id: UUID) -> None:
    """Dissolves the team; its members stay staff."""
    await connection.execute(delete(Team).where(Team.team_id == team_id))


async def list_known_teams(
    connection: AsyncConnection, organization_id: UUID, team_ids: Sequence[UUID]
) -> set[UUID]:
    """Those of the ids that are teams of the organization."""
    query = select(Team.team_id).where(
        Team.organization_id == organization_id, Team.team_id.in_(team_ids)
    )
    return set((await connection.scalars(query)).all())


async def _write(connection: AsyncConnection, statement: Insert | Update) -> None:
    try:
        await connection.execute(statement)
    except IntegrityError:
        raise Conflict("The organization has a team of that name already.") from None
