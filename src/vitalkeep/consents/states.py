"""What becomes of a consent after it was given. Every function runs behind the person's gate."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Conflict
from vitalkeep.consents.events import Actor, Happened, Principal
from vitalkeep.consents.models import STANDING, Consent
from vitalkeep.consents.stored import (
    ConsentRow,
    change,
    get_consent,
    has_ended,
    open_outcome,
    seal_outcome,
)

FREEZE_FOR: Final = timedelta(days=30)


async def pause(connection: AsyncConnection, person: Principal, row: ConsentRow) -> ConsentRow:
    """Has the app collect nothing until it is resumed; who reads goes on reading.

    Raises Conflict for a consent that has ended or is one to read.
    """
    return await _move(connection, person, row, "active", "paused")


async def resume(connection: AsyncConnection, person: Principal, row: ConsentRow) -> ConsentRow:
    """Ends a pause. Raises Conflict for a consent that has ended or is one to read."""
    return await _move(connection, person, row, "paused", "active")


async def _move(
    connection: AsyncConnection, person: Principal, row: ConsentRow, before: str, after: str
) -> ConsentRow:
    now = clock.now()
    if row.action != "collect":
        raise Conflict("Only collecting can be paused; reading ends with a withdrawal.")
    if row.state not in STANDING or has_ended(row, now):
        raise Conflict("The consent has ended: the person has to give it again.")
    if row.state == before:
        event: Happened = "paused" if after == "paused" else "resumed"
        await change(connection, person, row, event, {}, at=now, state=after)
    return await get_consent(connection, person, row.consent_id)


async def expire(
    connection: AsyncConnection, person: Principal, row: ConsentRow, now: datetime
) -> None:
    """Enters that a standing consent has run out; it did so when its time was over."""
    ended = {"state": "expired", "changed_at": row.valid_until}
    await change(connection, person, row, "expired", {}, at=now, actor="server", **ended)


async def narrow(
    connection: AsyncConnection,
    person: Principal,
    row: ConsentRow,
    platform: str,
    now: datetime,
) -> None:
    """Ends a standing consent whose grant the phone or Google no longer has; data stays."""
    told = {"platform": platform}
    await change(
        connection, person, row, "narrowed", told, at=now, actor="platform", state="narrowed"
    )


async def withdraw(
    connection: AsyncConnection,
    person: Principal,
    row: ConsentRow,
    outcome: Mapping[str, object],
    actor: Actor = "self",
) -> None:
    """Ends a consent, or what is left of one that has ended, and keeps what that did.

    What is frozen is held for 30 days.
    """
    now = clock.now()
    frozen_until = now + FREEZE_FOR if outcome["frozen"] else None
    told = {name: outcome[name] for name in ("stored_data", "deleted", "frozen")}
    if frozen_until is not None:
        told["frozen_until"] = frozen_until
    await change(
        connection,
        person,
        row,
        "withdrawn",
        told,
        at=now,
        actor=actor,
        state="withdrawn",
        withdrawn_at=now,
        frozen_until=frozen_until,
        outcome=seal_outcome(person, row, outcome),
    )


async def unfreeze(
    connection: AsyncConnection, person: Principal, given: Sequence[ConsentRow], now: datetime
) -> None:
    """Releases what earlier consents of an app for these types let in, now that they are given
    anew. All are given to one recipient.
    """
    types = {row.type for row in given if row.action == "collect"}
    if not types:
        return
    query = select(Consent).where(
        Consent.person_id == person.person_id,
        Consent.type.in_(types),
        Consent.action == "collect",
        Consent.recipient_id == given[0].recipient_id,
        Consent.frozen_until.is_not(None),
    )
    for row in (await connection.execute(query)).all():
        outcome = {**(open_outcome(person, row) or {}), "became": "unfrozen"}
        sealed = seal_outcome(person, row, outcome)
        await change(
            connection, person, row, "unfrozen", {}, at=now, frozen_until=None, outcome=sealed
        )


async def note_frozen_deleted(
    connection: AsyncConnection, person: Principal, row: ConsentRow, deleted: int
) -> None:
    """Enters that what was frozen has been deleted."""
    outcome = {**(open_outcome(person, row) or {}), "became": "deleted"}
    await change(
        connection,
        person,
        row,
        "frozen_deleted",
        {"deleted": deleted},
        at=clock.now(),
        actor="server",
        frozen_until=None,
        outcome=seal_outcome(person, row, outcome),
    )
