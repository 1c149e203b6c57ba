"""Entering in the ledger what only time has brought about: consents that have run out."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base.db import transaction
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.keys import Keyring
from vitalkeep.base.sealing import PersonKey
from vitalkeep.consents.models import STANDING, STANDS, Consent
from vitalkeep.consents.states import expire
from vitalkeep.consents.stored import get_consent, has_ended
from vitalkeep.persons.access import open_key
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.models import PersonKeyRow


@dataclass(frozen=True, slots=True)
class Absent:
    """A person who is not calling: whose ledger it is, and what opens it."""

    person_id: UUID
    key: PersonKey


async def expire_consents(engine: AsyncEngine, keyring: Keyring, now: datetime) -> int:
    """Enters the expiry of every standing consent that has run out; how many.

    They let nothing in or out from the moment they run out, entered or not. Each is a transaction
    of its own behind its person's gate: a run that was cut short or made twice does no harm.
    """
    entered = 0
    # The condition stands in the text: only so can the planner tell that the partial index covers.
    due = select(Consent.person_id, Consent.consent_id).where(STANDS, Consent.valid_until <= now)
    for person_id, consent_id in await list_due(engine, due):
        try:
            entered += await _expire_one(engine, keyring, now, person_id, consent_id)
        except Unauthenticated:
            continue  # they are leaving, and take their ledger along
    return entered


async def _expire_one(
    engine: AsyncEngine, keyring: Keyring, now: datetime, person_id: UUID, consent_id: UUID
) -> int:
    async with transaction(engine) as connection:
        await take_gate(connection, person_id)
        person = await open_principal(connection, keyring, person_id)
        row = await get_consent(connection, person, consent_id)
        if row.state not in STANDING or not has_ended(row, now):
            return 0
        await expire(connection, person, row, now)
        return 1


async def list_due(engine: AsyncEngine, due: Select[UUID, UUID]) -> list[tuple[UUID, UUID]]:
    """Persons and consents that a sweep has to look at, a person's own one after the other."""
    async with transaction(engine) as connection:
        ordered = due.order_by(Consent.person_id, Consent.consent_id)
        return [(person, consent) for person, consent in await connection.execute(ordered)]


async def open_principal(connection: AsyncConnection, keyring: Keyring, person_id: UUID) -> Absent:
    """The person with their key. The caller holds the gate, so they have not left."""
    query = select(PersonKeyRow.epoch, PersonKeyRow.wrapped_key).where(
        PersonKeyRow.person_id == person_id
    )
    row = (await connection.execute(query)).one()
    return Absent(person_id, open_key(keyring, person_id, row.epoch, row.wrapped_key))
