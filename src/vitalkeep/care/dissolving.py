"""Dissolving a team: not while it works on open cases, which somebody has to take first."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import Conflict
from vitalkeep.care.models import Case, CaseTeam
from vitalkeep.persons import teams
from vitalkeep.persons.organizations import lock_organization


async def dissolve_team(connection: AsyncConnection, organization_id: UUID, team_id: UUID) -> None:
    """Deletes a team of the organization; its members stay staff.

    Raises NotFound, and Conflict while it works on an open case.
    """
    await lock_organization(connection, organization_id)
    await teams.get_team(connection, organization_id, team_id)
    held = (
        select(CaseTeam)
        .join(Case, (Case.person_id == CaseTeam.person_id) & (Case.case_id == CaseTeam.case_id))
        .where(CaseTeam.team_id == team_id, Case.state == "open")
    )
    if await connection.scalar(select(exists(held))):
        raise Conflict("The team works on open cases: a coordinator gives them to others first.")
    await teams.delete_team(connection, team_id)
