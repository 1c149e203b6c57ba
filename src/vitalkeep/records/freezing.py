"""Deleting what a withdrawal froze, once its 30 days are over."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.base.db import transaction
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.keys import Keyring
from vitalkeep.consents.models import Consent
from vitalkeep.consents.states import note_frozen_deleted
from vitalkeep.consents.stored import get_consent
from vitalkeep.consents.sweeping import list_due, open_principal
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.withdrawal import delete_collected


async def delete_frozen(engine: AsyncEngine, keyring: Keyring, now: datetime) -> int:
    """Deletes the frozen records whose time is over; how many.

    Consent by consent, each behind its person's gate and in a transaction of its own: stopped at
    any point, the next run finds the rest. Two runs at once do no harm.
    """
    deleted = 0
    due = select(Consent.person_id, Consent.consent_id).where(Consent.frozen_until <= now)
    for person_id, consent_id in await list_due(engine, due):
        try:
            deleted += await _delete_frozen_of(engine, keyring, now, person_id, consent_id)
        except Unauthenticated:
            continue  # they are leaving, and take everything along
    return deleted


async def _delete_frozen_of(
    engine: AsyncEngine, keyring: Keyring, now: datetime, person_id: UUID, consent_id: UUID
) -> int:
    async with transaction(engine) as connection:
        await take_gate(connection, person_id)
        person = await open_principal(connection, keyring, person_id)
        row = await get_consent(connection, person, consent_id)
        if row.frozen_until is None or row.frozen_until > now:
            return 0
        deleted = await delete_collected(connection, person, row)
        await note_frozen_deleted(connection, person, row, deleted)
        return deleted
