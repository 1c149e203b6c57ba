"""Moving a person from Google Fit to Google Health: both are pulled from, then Fit's part ends.

It begins when a person who has connected Google Fit connects Google Health with the same app, for
the types that both grant. Google Health is asked for what began in the last week before that, so
the weeks before stay as Google Fit brought them. Once both have been pulled, what came twice is
folded and Google Fit is not asked for the type any more; with its last type the connection goes.

The grant at Google Fit is not revoked then: Google has one for all scopes of the project, and
revoking it would end Google Health, too. It goes with the last connection.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.faults import MOVE
from vitalkeep.connectors.folding import fold_span
from vitalkeep.connectors.granted import change_connection, change_type
from vitalkeep.connectors.models import Connection, ConnectionType
from vitalkeep.connectors.providers import GOOGLE_FIT, GOOGLE_HEALTH, Provider
from vitalkeep.connectors.stored import (
    ConnectionRow,
    TypeRow,
    find_connection,
    is_one,
    list_types,
)
from vitalkeep.connectors.windows import LOOK_BACK, floor_hour
from vitalkeep.consents.models import STANDING
from vitalkeep.consents.platforms import rests_on
from vitalkeep.consents.scopes import Scope, scope_of
from vitalkeep.consents.stored import list_rows
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate

OVERLAP: Final = timedelta(days=7)
"""What both are asked for. A Fit that can't be pulled from any more is waited for as long."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def list_carried(
    connection: AsyncConnection, person: PersonCaller, provider: Provider
) -> frozenset[Scope]:
    """What the app collects by a grant of Google Fit alone, when Google Health is connected.

    Such a consent has to be given anew, on Google Health's grant, or it would end with Fit's.
    """
    if provider is not GOOGLE_HEALTH:
        return frozenset()
    return frozenset(
        scope_of(row.type, row.action)
        for row in await list_rows(connection, person)
        if row.recipient_id == person.client_id
        and row.action == "collect"
        and row.state in STANDING
        and rests_on(person, row, GOOGLE_FIT.platform)
        and not rests_on(person, row, GOOGLE_HEALTH.platform)
    )


async def begin_move(connection: AsyncConnection, person: PersonCaller, provider: Provider) -> None:
    """Has Google Health begin a week before the last pull from Google Fit, and that pulled again.

    The caller holds the gate, and has just entered what Google Health grants.
    """
    fit = await find_connection(connection, person, GOOGLE_FIT.platform)
    if provider is not GOOGLE_HEALTH or fit is None:
        return
    now = clock.now()
    pulled = {row.type: row for row in await list_types(connection, person, GOOGLE_FIT.platform)}
    for row in await list_types(connection, person, GOOGLE_HEALTH.platform):
        before = pulled.get(row.type)
        if before is None or before.last_success_at is None or row.pulled_to is not None:
            continue
        since = floor_hour(min(now, before.last_success_at) - OVERLAP)
        await change_type(
            connection, person, GOOGLE_HEALTH.platform, row.type, since=since, pulled_to=since
        )
    if fit.state == "active" and fit.lease is None:
        # Ahead of Google Health, which is due now: so the first pulls can end the move.
        ahead = now - timedelta(minutes=1)
        await change_connection(connection, person, GOOGLE_FIT.platform, due_at=ahead)


async def finish_move(engine: AsyncEngine, settings: Settings, person: PersonCaller) -> None:
    """Ends at Google Fit what has been pulled from both; call it after a pull from either.

    What Google Health tells of the overlap only later is folded then. Raises Unauthenticated.
    """
    async with bound_transaction(engine, person_id=person.person_id) as connection:
        await take_gate(connection, person.person_id)
        health = await find_connection(connection, person, GOOGLE_HEALTH.platform)
        if health is None or health.state != "active":
            return
        fit = await find_connection(connection, person, GOOGLE_FIT.platform)
        # A run that is under way would go on writing what has just been folded.
        if fit is not None and fit.state != "disconnecting" and fit.lease is None:
            await _end_what_is_moved(connection, settings, person, fit, health)
        await _fold_late(connection, person)


async def _fold_late(connection: AsyncConnection, person: PersonCaller) -> None:
    """Folds the overlap again after each look back, for as long as nights may be worked on."""
    now = clock.now()
    for row in await list_types(connection, person, GOOGLE_HEALTH.platform):
        looked_back = row.looked_back_at is not None and row.looked_back_at == row.last_success_at
        if row.since is not None and looked_back and now <= row.since + 3 * OVERLAP:
            await fold_span(connection, person, row.type, row.since, now)


async def _end_what_is_moved(
    connection: AsyncConnection,
    settings: Settings,
    person: PersonCaller,
    fit: ConnectionRow,
    health: ConnectionRow,
) -> None:
    now = clock.now()
    begun = max(fit.connected_at, health.connected_at)
    brought = {
        row.type: row
        for row in await list_types(connection, person, GOOGLE_HEALTH.platform)
        if row.granted and row.last_success_at is not None and row.last_success_at >= begun
    }
    types = await list_types(connection, person, GOOGLE_FIT.platform)
    ending = [
        row.type
        for row in types
        if row.type in brought
        and (now - begun >= OVERLAP or _is_pulled(fit, row, begun, brought[row.type]))
    ]
    first = now - max(LOOK_BACK, timedelta(days=settings.google_first_days))
    for number in ending:
        await fold_span(connection, person, number, brought[number].since or first, now)
    await _drop(connection, person, ending)
    if ending and len(ending) == len(types):
        this = is_one(Connection, person.person_id, GOOGLE_FIT.platform, person.client_id)
        await connection.execute(delete(Connection).where(this))


def _is_pulled(fit: ConnectionRow, row: TypeRow, begun: datetime, after: TypeRow) -> bool:
    """Whether Google Fit has told all it had when the move began, and Google Health after it; or
    has no more to tell.
    """
    if fit.state == "ended" or not row.granted or row.problem == "consent_missing":
        return True
    return begun <= (row.last_success_at or EPOCH) <= (after.last_success_at or EPOCH)


async def _drop(
    connection: AsyncConnection, person: PersonCaller, numbers: Collection[int]
) -> None:
    these = is_one(ConnectionType, person.person_id, GOOGLE_FIT.platform, person.client_id)
    await connection.execute(delete(ConnectionType).where(these, ConnectionType.type.in_(numbers)))


async def has_moved(connection: AsyncConnection, person: PersonCaller) -> bool:
    """Whether the calling app is connected to Google Health."""
    row = await find_connection(connection, person, GOOGLE_HEALTH.platform)
    return row is not None and row.state == "active"


def connection_problem(row: ConnectionRow, *, moved: bool) -> str | None:
    """The code of what a person is told of a connection: to move on, before what passes by itself.

    `moved`: Google Health is connected, too, so that only what it lacks is left.
    """
    if row.provider == GOOGLE_FIT.platform and row.move_asked_at is not None and not moved:
        return MOVE
    problem: str | None = row.problem
    return problem


def type_problem(row: ConnectionRow, each: TypeRow, *, moved: bool) -> str | None:
    """The code of what a person is told of one type of a connection."""
    problem: str | None = each.problem
    over = row.move_asked_at is not None or row.problem == MOVE or moved
    if problem is not None or row.provider != GOOGLE_FIT.platform or not over:
        return problem
    return None if BY_NUMBER[each.type].name in GOOGLE_HEALTH.supported else "not_in_google_health"
