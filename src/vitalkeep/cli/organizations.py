"""Commands for organizations, their staff and their teams.

The operator names staff by their address and can do what an organization's administrators can.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import NotFound
from vitalkeep.care.dissolving import dissolve_team
from vitalkeep.cli.database import World
from vitalkeep.cli.output import AsJson, Data, answer, console
from vitalkeep.cli.parties import read_uuid, run
from vitalkeep.persons import organizations, staff, teams

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

org_app = typer.Typer(help="Organizations that persons can name.", no_args_is_help=True)
staff_app = typer.Typer(help="Staff of organizations.", no_args_is_help=True)
team_app = typer.Typer(help="Teams of organizations.", no_args_is_help=True)

Org = Annotated[str, typer.Argument(help="The organization's id.")]
Members = Annotated[
    list[str] | None, typer.Option("--staff", help="Address of a member; may repeat.")
]
Email = Annotated[str, typer.Argument(help="The staff member's address.")]
ROLES = "nurse, public_health_nurse, registered_dietitian, physician, coordinator, administrator"


def show(name: str, rows: Sequence["DataclassInstance"], *, as_json: bool) -> None:
    """Prints a list: one JSON object, or a line for each, so that no id is broken in two."""
    found = [{key: plain(value) for key, value in asdict(row).items()} for row in rows]
    if as_json:
        answer({name: found}, as_json=True)
        return
    for each in found:
        line = "  ".join(escape(str(value)) for value in each.values())
        console.print(line, soft_wrap=True)


def plain(value: object) -> object:
    """Ids inside a list as texts."""
    return [str(each) for each in value] if isinstance(value, list) else value


@org_app.command("add")
def org_add(
    name: str,
    kind: Annotated[
        str, typer.Option(help="medical_institution, guidance_provider, employer, insurer, family")
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add an organization; prints its id."""
    added = run(data, lambda _world, conn: organizations.add_organization(conn, name, kind))
    answer({"organization_id": added}, as_json=as_json)


@org_app.command("list")
def org_list(data: Data = None, as_json: AsJson = False) -> None:
    """List the organizations by name."""
    found = run(data, lambda _world, conn: organizations.list_organizations(conn))
    show("organizations", found, as_json=as_json)


@staff_app.command("add")
def staff_add(
    org: Org,
    email: str,
    role: Annotated[str, typer.Option(help=ROLES)],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a staff member, who signs in with this verified Google address; prints their id."""

    async def work(world: World, connection: AsyncConnection) -> UUID:
        organization_id = read_uuid(org, "ORG")
        return await organizations.add_staff(
            connection, world.keyring, organization_id, email, role
        )

    answer({"staff_id": run(data, work)}, as_json=as_json)


@staff_app.command("list")
def staff_list(org: Org, data: Data = None, as_json: AsJson = False) -> None:
    """List an organization's staff, suspended ones too."""

    async def work(world: World, connection: AsyncConnection) -> list[staff.StaffSummary]:
        organization_id = read_uuid(org, "ORG")
        await organizations.get_organization(connection, organization_id)
        return await staff.list_staff(connection, world.keyring, organization_id)

    show("staff", run(data, work), as_json=as_json)


@staff_app.command("suspend")
def staff_suspend(
    email: Email,
    force: Annotated[
        bool, typer.Option("--force", help="Even the last active administrator.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Shut a staff member out: their sessions end, and they read nothing any more."""
    change(data, email, staff.StaffChange(state="suspended", even_last=force), as_json)


@staff_app.command("resume")
def staff_resume(email: Email, data: Data = None, as_json: AsJson = False) -> None:
    """Let a suspended staff member sign in again."""
    change(data, email, staff.StaffChange(state="active"), as_json)


@staff_app.command("role")
def staff_role(
    email: Email,
    role: Annotated[str, typer.Argument(help=ROLES)],
    force: Annotated[
        bool, typer.Option("--force", help="Even the last active administrator.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give a staff member another qualification; it counts from their next request on."""
    change(data, email, staff.StaffChange(role=role, even_last=force), as_json)


def change(data: Path | None, email: str, wanted: staff.StaffChange, as_json: bool) -> None:
    """Changes the staff member with this address and prints what they are now."""

    async def work(world: World, connection: AsyncConnection) -> staff.StaffSummary:
        place = await get_place(world, connection, email)
        return await staff.change_staff(connection, world.keyring, *place, wanted)

    changed = run(data, work)
    told = {"staff_id": changed.id, "role": changed.role, "state": changed.state}
    answer(told, as_json=as_json)


async def get_place(world: World, connection: AsyncConnection, email: str) -> tuple[UUID, UUID]:
    """Organization and id of the staff member with this address. Raises NotFound."""
    place = await staff.find_place(connection, world.keyring, email)
    if place is None:
        raise NotFound("No staff member has this address; see `staff add`.")
    return place


@team_app.command("add")
def team_add(
    org: Org, name: str, members: Members = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Add a team; prints its id."""

    async def work(world: World, connection: AsyncConnection) -> UUID:
        organization_id = read_uuid(org, "ORG")
        await organizations.get_organization(connection, organization_id)
        ids = [(await get_place(world, connection, email))[1] for email in members or []]
        return await teams.add_team(connection, organization_id, name, ids)

    answer({"team_id": run(data, work)}, as_json=as_json)


@team_app.command("list")
def team_list(org: Org, data: Data = None, as_json: AsJson = False) -> None:
    """List an organization's teams with the ids of their members."""

    async def work(_world: World, connection: AsyncConnection) -> list[teams.TeamSummary]:
        organization_id = read_uuid(org, "ORG")
        await organizations.get_organization(connection, organization_id)
        return await teams.list_teams(connection, organization_id)

    show("teams", run(data, work), as_json=as_json)


@team_app.command("members")
def team_members(
    org: Org,
    team: Annotated[str, typer.Argument(help="The team's id.")],
    members: Members = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say who is in a team, all of them; nobody without --staff."""

    async def work(world: World, connection: AsyncConnection) -> teams.TeamSummary:
        ids = [(await get_place(world, connection, email))[1] for email in members or []]
        place = read_uuid(org, "ORG"), read_uuid(team, "TEAM")
        return await teams.change_team(connection, *place, name=None, staff_ids=ids)

    changed = run(data, work)
    answer({"team_id": changed.id, "staff": plain(changed.staff)}, as_json=as_json)


@team_app.command("remove")
def team_remove(
    org: Org,
    team: Annotated[str, typer.Argument(help="The team's id.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Dissolve a team that works on no open case; its members stay staff."""

    async def work(_world: World, connection: AsyncConnection) -> None:
        await dissolve_team(connection, read_uuid(org, "ORG"), read_uuid(team, "TEAM"))

    run(data, work)
    answer({"removed": team}, as_json=as_json)
