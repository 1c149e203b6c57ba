"""Pulling from one connection: every granted and consented type, window by window.

Google is asked outside of every transaction. What goes wrong with one type is kept with that type
and stops no other; what is wrong with the grant itself stops the run.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.logs import get_log
from vitalkeep.base.outbound import outbound_client
from vitalkeep.base.settings import Settings
from vitalkeep.connectors import fetch_fit, fetch_health
from vitalkeep.connectors.calling import Account
from vitalkeep.connectors.changes import note_changes
from vitalkeep.connectors.faults import MOVE, GoogleFault, GrantFault, retry_time
from vitalkeep.connectors.granted import change_connection, change_type, take_scopes
from vitalkeep.connectors.providers import GOOGLE_FIT, Provider
from vitalkeep.connectors.reading import read_windows
from vitalkeep.connectors.refetches import Waiting, take_waiting
from vitalkeep.connectors.refetching import refetch
from vitalkeep.connectors.runs import Run
from vitalkeep.connectors.stored import (
    ConnectionRow,
    TypeRow,
    find_connection,
    list_types,
    open_tokens,
    seal_tokens,
)
from vitalkeep.connectors.windows import Batch, Pass, Window, next_start, plan
from vitalkeep.connectors.writing import hold, list_collected, write
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller

FRESH_FOR: Final = timedelta(seconds=60)
"""An access token that runs out sooner is renewed first."""
OF_THE_GRANT: Final = {"token_refused", "account_not_linked", MOVE}
"""Faults that no other type would be spared."""
OFF_WAIT: Final = timedelta(days=1)
MOST_OFF: Final = 7
"""Days of a Fit that is turned off, after which nobody looks again."""
MOST_LIMITED: Final = 2
UNLINKED_WAIT: Final = timedelta(hours=6)


class Due(NamedTuple):
    """What a run has before it: the connection, its types to pull, and what of them waits to be
    read again. With `waiting_only` that is all that is read: the next pull is not due yet.
    """

    row: ConnectionRow
    types: list[TypeRow]
    waiting: dict[int, list[Waiting]]
    waiting_only: bool


async def find_due(
    connection: AsyncConnection, person: PersonCaller, provider: Provider
) -> Due | None:
    """The connection and what may be asked for now; None once it is gone.

    A type without a consent in force is not asked for, and says so.
    """
    row = await find_connection(connection, person, provider.platform)
    if row is None:
        return None
    now, allowed = clock.now(), await list_collected(connection, person)
    due = []
    for each in await list_types(connection, person, provider.platform):
        consented = each.type in allowed
        if each.granted and (each.problem == "consent_missing") == consented:
            problem = None if consented else "consent_missing"
            await change_type(connection, person, provider.platform, each.type, problem=problem)
        waits = each.retry_at is not None and each.retry_at > now
        if each.granted and consented and not waits:
            due.append(each)
    waiting = await take_waiting(connection, person, provider.platform)
    waiting_only = row.pull_at is not None and row.pull_at > now
    return Due(row, due, waiting, waiting_only)


async def pull(
    engine: AsyncEngine, settings: Settings, person: PersonCaller, provider: Provider, lease: UUID
) -> None:
    """Pulls everything that is due of a connection, and says when it is due again.

    The caller has claimed it. Raises LeaseLost and Unauthenticated, when nothing is left to do.
    """
    async with bound_transaction(engine, person_id=person.person_id) as connection:
        await hold(connection, person, provider, lease)
        due = await find_due(connection, person, provider)
    tokens = None if due is None else open_tokens(person.key, due.row)
    if due is None or tokens is None:
        return
    fault: GoogleFault | None = None
    if due.types:
        run = Run(engine, settings, person, provider, lease, tokens)
        fault = await pull_types(run, due)
    async with bound_transaction(engine, person_id=person.person_id) as connection:
        await hold(connection, person, provider, lease)
        await settle(connection, settings, person, provider, due, fault)


async def pull_types(run: Run, due: Due) -> GoogleFault | None:
    """Pulls the types one after the other; the fault that ended the run before its end, if any.

    Once Google has asked twice to slow down, the others wait, too.
    """
    limited = 0
    try:
        async with outbound_client() as client:
            if run.tokens.expires_at <= clock.now() + FRESH_FOR:
                await run.renew()
            account = Account(client, run.tokens.access_token, run.renew)
            for row in due.types:
                try:
                    await deal_with_type(run, account, row, due)
                except GoogleFault as fault:
                    if fault.code in OF_THE_GRANT or isinstance(fault, GrantFault):
                        raise
                    await enter_fault(run, row, fault)
                    limited += fault.code == "rate_limited"
                    if limited == MOST_LIMITED:
                        raise
    except GoogleFault as fault:
        get_log().warning("pull_ended", provider=run.provider.name, code=fault.code)
        return fault
    return None


async def deal_with_type(run: Run, account: Account, row: TypeRow, due: Due) -> None:
    """Reads again what waits of a type, and pulls it if that is due.

    Raises GoogleFault, LeaseLost, Unauthenticated.
    """
    now, read = clock.now(), partial(fetch, run, account, BY_NUMBER[row.type].name)
    first_days = run.settings.google_first_days
    ahead = plan(row.pulled_to, row.looked_back_at, first_days, now).not_before(row.since)
    waiting = due.waiting.get(row.type, [])
    if not due.waiting_only:
        waiting = await note_changes(run, account, row, ahead) or waiting
    allowed = await refetch(run, read, row.type, waiting)
    if allowed and not due.waiting_only:
        await pull_type(run, account, row, ahead, now)


async def pull_type(run: Run, account: Account, row: TypeRow, ahead: Pass, now: datetime) -> None:
    """Pulls one type to the present. Raises GoogleFault, LeaseLost, Unauthenticated."""
    name = BY_NUMBER[row.type].name
    begun: dict[str, object] = {"looked_back_at": now} if ahead.far else {}
    read, pending_from = partial(fetch, run, account, name), None
    async for window, batch in read_windows(read, name, ahead.start, ahead.end):
        pending_from = earliest(pending_from, batch.pending_from)
        progress = {**begun, "pulled_to": window.end}
        if window.end == ahead.end:
            progress |= {
                "pulled_to": next_start(pending_from, now), "last_success_at": now,
                "problem": None, "failures": 0, "retry_at": None,
            }  # fmt: skip
        async with bound_transaction(run.engine, person_id=run.person.person_id) as connection:
            if not await write(
                connection, run.person, run.provider, run.lease, row.type, window, batch, **progress
            ):
                return


async def fetch(run: Run, account: Account, name: str, window: Window) -> Batch:
    """What the provider holds of a type in a window. Raises GoogleFault, TooMuch."""
    read = fetch_fit.fetch if run.provider is GOOGLE_FIT else fetch_health.fetch
    return await read(account, run.settings, name, str(run.person.client_id), window)


def earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two moments that need not be there."""
    return min((each for each in (one, other) if each is not None), default=None)


async def enter_fault(run: Run, row: TypeRow, fault: GoogleFault) -> None:
    """Keeps with one type what went wrong with it, and when it is tried again.

    A scope that is gone ends every type it covered, with the consents that rested on it.
    """
    name = BY_NUMBER[row.type].name
    get_log().warning("pull_failed", provider=run.provider.name, code=fault.code)
    if fault.code == "scope_missing":
        gone = run.provider.read_scope(name)
        left = tuple(scope for scope in run.tokens.scopes if scope != gone)
        run.tokens = replace(run.tokens, scopes=left)
        person, platform = run.person, run.provider.platform
        sealed = seal_tokens(person.key, platform, person.client_id, run.tokens)
        async with bound_transaction(run.engine, person_id=person.person_id) as connection:
            await hold(connection, person, run.provider, run.lease)
            await change_connection(connection, person, platform, sealed_tokens=sealed)
            await take_scopes(connection, person, run.provider, left)
        return
    failures = row.failures + 1
    retry_at = retry_time(failures, fault.wait, clock.now())
    await run.enter(row.type, problem=fault.code, failures=failures, retry_at=retry_at)


async def settle(
    connection: AsyncConnection,
    settings: Settings,
    person: PersonCaller,
    provider: Provider,
    due: Due,
    fault: GoogleFault | None,
) -> None:
    """Ends a run: the connection is due again when its first type is, or it has ended.

    What Google has told of meanwhile makes it due at once.
    """
    row, now = due.row, clock.now()
    columns: dict[str, Any] = {"lease": None, "pull_at": None}
    if fault is not None and fault.code == "authorization_ended":
        columns |= {
            "state": "ended", "problem": fault.code, "sealed_tokens": None, "due_at": None,
            "ended_at": now,
        }  # fmt: skip
    elif fault is not None and fault.code == MOVE and row.failures + 1 >= MOST_OFF:
        # The tokens stay: they are what the grant is taken back with.
        columns |= {"state": "ended", "problem": MOVE, "due_at": None, "ended_at": now}
    elif fault is not None:
        failures = row.failures + 1
        code = "google_refused" if fault.code == "token_refused" else fault.code
        unlinked = fault.code == "account_not_linked"
        wait = UNLINKED_WAIT if unlinked else OFF_WAIT if code == MOVE else fault.wait
        due_at = retry_time(failures, wait, now)
        columns |= {"problem": code, "failures": failures, "due_at": due_at}
    else:
        usual = now + timedelta(minutes=settings.google_pull_minutes)
        if due.waiting_only:
            usual = row.pull_at
        types = await list_types(connection, person, provider.platform)
        put_off = {
            each.type: each.retry_at
            for each in types
            if each.granted and each.retry_at is not None and each.retry_at > now
        }
        columns |= {"problem": None, "failures": 0, "due_at": min([usual, *put_off.values()])}
        if (await take_waiting(connection, person, provider.platform)).keys() - put_off:
            columns |= {"due_at": now, "pull_at": columns["due_at"]}
    await change_connection(connection, person, provider.platform, **columns)
