"""One-time links into leaving, which an app's backend asks for and hands to its user.

A link is a sealed ticket with the person's token epoch. Opening it raises the epoch, so it opens
once, newer links void older ones, and whatever signs the person out voids them all. The app's
access tokens are refused then, too, and are renewed as when their 15 minutes are over.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import NotFound, Unauthenticated
from vitalkeep.base.keys import Keyring
from vitalkeep.base.settings import Settings
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.lookup import UNKNOWN
from vitalkeep.persons.models import Client, Person
from vitalkeep.persons.sign_in import find_person_id
from vitalkeep.web.refusals import LinkUnusable
from vitalkeep.web.texts import to_language
from vitalkeep.web.tickets import open_ticket, seal_ticket

KIND: Final = "link"
LINK_LASTS: Final = timedelta(minutes=30)
PATH: Final = "/client/deactivate/link"


@dataclass(frozen=True, slots=True)
class Link:
    """Where the person goes, and until when."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link says: whose it is, of which app, under which epoch."""

    person_id: UUID
    client_id: UUID
    epoch: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Which user of which app a link is for, and in which language (BCP 47) it opens."""

    client_id: UUID
    external_id: str
    locale: str | None


async def make_link(
    connection: AsyncConnection, keyring: Keyring, settings: Settings, asked: Asked
) -> Link:
    """A link for the person whom the app calls so. Nothing is stored.

    Raises NotFound for a user whom the app has not signed in here, or who has left.
    """
    digest = keyring.digest("sign-in", str(asked.client_id), asked.external_id)
    person_id = await find_person_id(connection, digest)
    query = select(Person.token_epoch, Person.locale)
    mine = (Person.person_id == person_id, Person.state == "active")
    row = (await connection.execute(query.where(*mine))).first()
    if row is None:
        raise NotFound(UNKNOWN)
    content = {
        "person": str(person_id), "client": str(asked.client_id), "epoch": row.token_epoch,
    }  # fmt: skip
    token = seal_ticket(keyring, KIND, content, LINK_LASTS)
    language = to_language(asked.locale or row.locale)
    base = settings.public_url.rstrip("/")
    url = f"{base}{PATH}?{urlencode({'lang': language, 'token': token})}"
    return Link(url, clock.now() + LINK_LASTS)


async def look_at_link(connection: AsyncConnection, keyring: Keyring, token: str) -> Opened:
    """What the link says, without spending it: mail scanners look, too. Raises LinkUnusable."""
    opened = _read(keyring, token)
    query = select(Person.token_epoch)
    mine = (Person.person_id == opened.person_id, Person.state == "active")
    if await connection.scalar(query.where(*mine)) != opened.epoch:
        raise LinkUnusable
    return opened


async def spend_link(connection: AsyncConnection, keyring: Keyring, token: str) -> tuple[UUID, int]:
    """The person whom the link signs in, and their new epoch. Of two at once one gets through.

    Raises LinkUnusable.
    """
    opened = _read(keyring, token)
    try:
        await take_gate(connection, opened.person_id)
    except Unauthenticated:
        raise LinkUnusable from None
    spent = (
        update(Person)
        .where(Person.person_id == opened.person_id, Person.token_epoch == opened.epoch)
        .values(token_epoch=Person.token_epoch + 1)
        .returning(Person.token_epoch)
    )
    epoch: int | None = await connection.scalar(spent)
    if epoch is None:
        raise LinkUnusable
    return opened.person_id, epoch


def _read(keyring: Keyring, token: str) -> Opened:
    found = open_ticket(keyring, KIND, token)
    if found is None:
        raise LinkUnusable
    epoch = int(str(found["epoch"]))
    return Opened(UUID(str(found["person"])), UUID(str(found["client"])), epoch)


async def find_app_name(connection: AsyncConnection, client_id: str | None) -> str | None:
    """What the app of this id is called, or None."""
    try:
        wanted = UUID(client_id or "")
    except ValueError:
        return None
    return await connection.scalar(select(Client.name).where(Client.client_id == wanted))
