"""Routes of teams, for an organization's administrators; coordinators may look."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from vitalkeep.base.bodies import RequestBody
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.care.dissolving import dissolve_team
from vitalkeep.care.routes_organization import Name
from vitalkeep.persons import teams
from vitalkeep.persons.access import SignedInStaff
from vitalkeep.persons.roles import require_power

router = APIRouter(tags=["organization"])
SIGNED_IN = problems(Unauthenticated, Forbidden)
CHANGING = problems(Unauthenticated, Forbidden, InvalidRequest, Conflict)


class TeamView(BaseModel):
    """A team and who is in it; only its active clinical staff read records."""

    id: UUID
    name: str
    staff: list[UUID]
    created_at: datetime


class TeamList(BaseModel):
    """The organization's teams by name."""

    teams: list[TeamView]


class TeamRequest(RequestBody):
    """A team's name, unique in its organization, and who is in it."""

    name: Name
    staff: list[UUID] = Field(default=[], max_length=200)


class TeamUpdate(RequestBody):
    """Another name, or other members (all of them); what is absent stays."""

    name: Name | None = None
    staff: list[UUID] | None = Field(default=None, max_length=200)


def to_view(team: teams.TeamSummary) -> TeamView:
    """A team on the wire."""
    return TeamView(id=team.id, name=team.name, staff=team.staff, created_at=team.created_at)


@router.get("/v1/organization/teams", responses=SIGNED_IN)
async def list_teams(caller: SignedInStaff, connection: Connection) -> TeamList:
    """The organization's teams."""
    require_power(caller, "see_staff")
    found = await teams.list_teams(connection, caller.organization_id)
    return TeamList(teams=[to_view(team) for team in found])


@router.post("/v1/organization/teams", status_code=201, responses=CHANGING)
async def add_team(caller: SignedInStaff, connection: Connection, wanted: TeamRequest) -> TeamView:
    """Add a team."""
    require_power(caller, "manage")
    team_id = await teams.add_team(connection, caller.organization_id, wanted.name, wanted.staff)
    return to_view(await teams.get_team(connection, caller.organization_id, team_id))


@router.patch(
    "/v1/organization/teams/{team_id}",
    responses={**CHANGING, **problems(NotFound)},
    openapi_extra=REPEATABLE,
)
async def change_team(
    caller: SignedInStaff, connection: Connection, team_id: UUID, change: TeamUpdate
) -> TeamView:
    """Change a team's name or members; who is in it no more loses its cases at once."""
    require_power(caller, "manage")
    changed = await teams.change_team(
        connection, caller.organization_id, team_id, change.name, change.staff
    )
    return to_view(changed)


@router.delete(
    "/v1/organization/teams/{team_id}",
    status_code=204,
    responses={**CHANGING, **problems(NotFound)},
)
async def delete_team(caller: SignedInStaff, connection: Connection, team_id: UUID) -> None:
    """Dissolve a team that holds no open case; its members stay staff."""
    require_power(caller, "manage")
    await dissolve_team(connection, caller.organization_id, team_id)
