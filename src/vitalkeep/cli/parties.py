"""Commands that add apps and policies, and print development tokens."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import InvalidRequest, NotFound
from vitalkeep.cli.database import World, connect, open_world
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, fail
from vitalkeep.consents.policies import PolicyRef, add_policy, declare_coverage
from vitalkeep.demo.world import staff_token
from vitalkeep.persons.clients import add_client, find_client
from vitalkeep.persons.sign_in import sign_in
from vitalkeep.persons.tokens import LIFETIME_S, AccessClaims, issue

T = TypeVar("T")

client_app = typer.Typer(help="Apps that send records.", no_args_is_help=True)
policy_app = typer.Typer(help="Policy texts that consents name.", no_args_is_help=True)


def run(data: Path | None, work: Callable[[World, AsyncConnection], Awaitable[T]]) -> T:
    """Does the work in one transaction on the command's database."""

    async def inside(world: World) -> T:
        async with connect(world) as connection:
            return await work(world, connection)

    with clear_errors(), open_world(data) as world:
        return asyncio.run(inside(world))


def read_uuid(text: str, what: str) -> UUID:
    """An id given on the command line. Raises InvalidRequest."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidRequest(f"{what} is not an id: it looks like a UUID.") from None


@client_app.command("add")
def client_add(
    name: str,
    redirect_uri: Annotated[list[str] | None, typer.Option(help="May repeat.")] = None,
    google_client_id: Annotated[
        list[str] | None, typer.Option(help="Audience of Google ID tokens; may repeat.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add an app; prints its id and, this once, its secret."""

    async def work(_world: World, connection: AsyncConnection) -> tuple[UUID, str]:
        return await add_client(
            connection,
            name,
            redirect_uris=redirect_uri or [],
            google_client_ids=google_client_id or [],
        )

    client_id, secret = run(data, work)
    answer({"client_id": client_id, "client_secret": secret}, as_json=as_json)


@policy_app.command("add")
def policy_add(  # noqa: PLR0913 - one parameter an option
    file: Annotated[Path, typer.Argument(help="The text, UTF-8.", exists=True, dir_okay=False)],
    policy_id: Annotated[str, typer.Option("--id")],
    version: Annotated[str, typer.Option()],
    locale: Annotated[str, typer.Option()],
    title: Annotated[str, typer.Option()],
    covers_purpose: Annotated[
        list[str] | None, typer.Option(help="A purpose that the text speaks of; may repeat.")
    ] = None,
    covers_scope: Annotated[
        list[str] | None, typer.Option(help="A scope that it speaks of; may repeat.")
    ] = None,
    covers_recipient: Annotated[
        list[str] | None,
        typer.Option(help="app, person or a kind of organization that it speaks of; may repeat."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Publish a policy text; it can't be changed afterwards, only followed by a new version.

    Say what it covers, and a later version that covers more asks persons to consent again.
    """
    ref = PolicyRef(id=policy_id, version=version, locale=locale)
    with clear_errors():
        covers = declare_coverage(covers_purpose, covers_scope, covers_recipient)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise fail(f"{file} can't be read as UTF-8 text") from None
    added = run(data, lambda _world, conn: add_policy(conn, ref, title, text, covers))
    effective = added.effective_from.astimezone(UTC).isoformat()
    told = added.model_dump(exclude_none=True)
    answer({**told, "effective_from": effective}, as_json=as_json)


def token(
    client: Annotated[str | None, typer.Option(help="The app's id.")] = None,
    person: Annotated[str | None, typer.Option(help="The app's own id of its user.")] = None,
    staff: Annotated[str | None, typer.Option(help="A staff member's e-mail address.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print an access token, for development: of a person, a staff member or an app."""

    async def work(world: World, connection: AsyncConnection) -> str:
        if not (world.embedded or world.settings.development):
            raise InvalidRequest(
                "`vitalkeep token` is for development: it works on the embedded database, or with "
                "VITALKEEP_DEVELOPMENT=true."
            )
        if staff is not None:
            return await make_staff_token(world, connection, staff)
        return await make_app_token(world, connection, client or "", person)

    if staff is None and client is None:
        raise fail("give --client ID --person EXTERNAL_ID, or --staff EMAIL")
    made = run(data, work)
    if as_json:
        answer({"access_token": made, "expires_in": LIFETIME_S}, as_json=True)
    else:
        # Nothing else, so that a shell can take it as it is: token=$(vitalkeep token …)
        sys.stdout.write(f"{made}\n")


async def make_staff_token(world: World, connection: AsyncConnection, email: str) -> str:
    """A token of the staff member with this address. Raises NotFound."""
    found = await staff_token(connection, world.keyring, world.settings, email, UUID(int=0))
    if found is None:
        raise NotFound("No active staff member has this address; see `staff add`.")
    return found


async def make_app_token(
    world: World, connection: AsyncConnection, client: str, person: str | None
) -> str:
    """A token of the app, or of the person whom the app calls so. Raises NotFound."""
    keyring, settings = world.keyring, world.settings
    client_id = read_uuid(client, "--client")
    if await find_client(connection, str(client_id)) is None:
        raise NotFound("There is no such app; see `vitalkeep client add`.")
    if person is None:
        return issue(keyring, settings, AccessClaims(client_id, client_id, "app", 0))
    person_id, epoch = await sign_in(connection, keyring, settings, str(client_id), person)
    return issue(keyring, settings, AccessClaims(person_id, client_id, "person", epoch))
