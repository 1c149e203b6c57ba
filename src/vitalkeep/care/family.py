"""Family watching: a person asks a relative to show them some of their records.

The relative is known to the watched person's rows by a random id only, one for each invitation,
and no transaction takes both persons' gates.
"""

from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Conflict, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.care.invitations import (
    Asked,
    Invited,
    read_scopes,
    require_purpose,
    store_invitation,
    to_view,
)
from vitalkeep.care.models import Invitation, Relative
from vitalkeep.care.schemas import InvitationView
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate

MOST_WAITING: Final = 20
"""Invitations of one person that wait at once: more than a family has, too few to spread."""


async def ask_relative(
    connection: AsyncConnection, keyring: Keyring, person: PersonCaller, asked: Asked
) -> Invited:
    """A code to hand to the relative who is to be watched.

    Raises InvalidRequest for scopes that don't exist, Conflict for too many that wait.
    """
    require_purpose(asked.purpose, "person")
    scopes = read_scopes(asked.scopes)
    await take_gate(connection, person.person_id)
    mine = (Invitation.inviter_id == person.person_id, Invitation.expires_at > clock.now())
    if (await connection.scalar(select(func.count()).where(*mine)) or 0) >= MOST_WAITING:
        raise Conflict(f"{MOST_WAITING} invitations wait already: take one back first.")
    relative_id = uuid4()
    await connection.execute(
        insert(Relative).values(person_id=person.person_id, relative_id=relative_id)
    )
    return await store_invitation(
        connection,
        keyring,
        asked,
        scopes,
        inviter_id=person.person_id,
        relative_id=relative_id,
    )


async def list_own_invitations(
    connection: AsyncConnection, person: PersonCaller
) -> list[InvitationView]:
    """The person's invitations that wait, newest first."""
    query = (
        select(Invitation)
        .where(Invitation.inviter_id == person.person_id, Invitation.expires_at > clock.now())
        .order_by(Invitation.created_at.desc(), Invitation.invitation_id)
    )
    return [to_view(row) for row in (await connection.execute(query)).mappings().all()]


async def take_back_own(
    connection: AsyncConnection, person: PersonCaller, invitation_id: UUID
) -> None:
    """Takes an invitation of the person's back: its code opens nothing. Raises NotFound."""
    await take_gate(connection, person.person_id)
    taken = (
        delete(Invitation)
        .where(Invitation.inviter_id == person.person_id, Invitation.invitation_id == invitation_id)
        .returning(Invitation.relative_id)
    )
    relative_id = await connection.scalar(taken)
    if relative_id is None:
        raise NotFound("There is no such invitation: it was accepted, or taken back.")
    await connection.execute(
        delete(Relative).where(
            Relative.person_id == person.person_id, Relative.relative_id == relative_id
        )
    )
