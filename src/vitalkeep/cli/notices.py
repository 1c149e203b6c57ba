"""Commands that say where the notices of an app or an organization go."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import NotFound
from vitalkeep.cli.database import World
from vitalkeep.cli.organizations import Org
from vitalkeep.cli.output import AsJson, Data, answer
from vitalkeep.cli.parties import read_uuid, run
from vitalkeep.notices import endpoints
from vitalkeep.notices.endpoints import Recipient, RecipientKind
from vitalkeep.persons.clients import find_client
from vitalkeep.persons.organizations import get_organization

Url: TypeAlias = Annotated[
    str | None, typer.Option("--url", help="https URL that notices are posted to.")
]
Remove: TypeAlias = Annotated[bool, typer.Option("--remove", help="Send no notices any more.")]


def client_notices(
    client: Annotated[str, typer.Argument(help="The app's id.")],
    url: Url = None,
    remove: Remove = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say where the app's notices go; prints, this once, the secret that signs them."""
    answer(change(data, ("app", client), url, remove=remove), as_json=as_json)


def org_notices(
    org: Org,
    url: Url = None,
    remove: Remove = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say where the organization's notices go; prints, this once, the secret that signs them."""
    answer(change(data, ("organization", org), url, remove=remove), as_json=as_json)


def change(
    data: Path | None, whose: tuple[RecipientKind, str], url: str | None, *, remove: bool
) -> dict[str, object]:
    """Sets or removes an endpoint, or with neither only tells what it is."""
    kind, given = whose
    if url is not None and remove:
        raise typer.BadParameter("give --url or --remove, not both")

    async def work(world: World, connection: AsyncConnection) -> dict[str, object]:
        recipient = await require_recipient(connection, kind, given)
        if remove:
            await endpoints.remove_endpoint(connection, recipient)
            return {"url": None, "state": "removed"}
        secret = None
        if url is not None:
            secret = await endpoints.set_endpoint(
                connection,
                world.keyring,
                recipient,
                url,
                allow_private=world.settings.allow_private_notices,
            )
        found = await endpoints.get_endpoint(connection, recipient)
        told: dict[str, object] = {"url": found.url, "state": found.state}
        return told if secret is None else {**told, "secret": secret}

    return run(data, work)


async def require_recipient(
    connection: AsyncConnection, kind: RecipientKind, given: str
) -> Recipient:
    """The app or organization with this id. Raises InvalidRequest, NotFound."""
    recipient_id = read_uuid(given, "The id")
    if kind == "organization":
        await get_organization(connection, recipient_id)
    elif await find_client(connection, str(recipient_id)) is None:
        raise NotFound("There is no such app; `vitalkeep client add` makes one.")
    return Recipient(kind, recipient_id)
