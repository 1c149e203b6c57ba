"""Pulling from one connection: every granted and consented type, window by window.

Google is asked outside of every transaction. What goes wrong with one type is kept with that type
and stops no other; what is wrong with the grant itself stops the run.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.logs import get_log
from vitalkeep.base.outbound import outbound_client
from vitalkeep.base.settings import Settings
from vitalkeep.connectors import fetch_fit, fetch_health
from vitalkeep.connectors.calling import Account, TooMuch
from vitalkeep.connectors.faults import MOVE, GoogleFault, GrantFault, retry_time
from vitalkeep.connectors.granted import change_connection, change_type, take_scopes
from vitalkeep.connectors.oauth import Tokens, refresh
from vitalkeep.connectors.providers import GOOGLE_FIT, Provider
from vitalkeep.connectors.stored import (
    ConnectionRow,
    TypeRow,
    find_connection,
    list_types,
    open_tokens,
    seal_tokens,
)
from vitalkeep.connectors.windows import (
    Batch,
    Window,
    halve,
    next_start,
    plan,
    span_of,
)
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


@dataclass(slots=True)
class Run:
    """One run over a connection that this process holds the lease of."""

    engine: AsyncEngine
    settings: Settings
    person: PersonCaller
    provider: Provider
    lease: UUID
    tokens: Tokens

    async def renew(self) -> str:
        """A fresh access token, stored before it is used. Raises GrantFault, LeaseLost."""
        before, person = self.tokens, self.person
        try:
            self.tokens = await refresh(self.settings, before)
        except GoogleFault as fault:
            raise GrantFault(fault.code, fault.wait) from None
        sealed = seal_tokens(person.key, self.provider.platform, person.client_id, self.tokens)
        async with bound_transaction(self.engine, person_id=person.person_id) as connection:
            await hold(connection, person, self.provider, self.lease)
            await change_connection(
                connection, person, self.provider.platform, sealed_tokens=sealed
            )
            if set(self.tokens.scopes) != set(before.scopes):
                await take_scopes(connection, person, self.provider, self.tokens.scopes)
        return self.tokens.access_token

    async def enter(self, number: int, **columns: object) -> None:
        """Changes columns of one type. Raises LeaseLost."""
        async with bound_transaction(self.engine, person_id=self.person.person_id) as connection:
            await hold(connection, self.person, self.provider, self.lease)
            await change_type(connection, self.person, self.provider.platform, number, **columns)


class Due(NamedTuple):
    """What a run has before it: the connection, its types to pull, and when others are to be."""

    row: ConnectionRow
    types: list[TypeRow]


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
    return Due(row, due)


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
        fault = await pull_types(run, due.types)
    async with bound_transaction(engine, person_id=person.person_id) as connection:
        await hold(connection, person, provider, lease)
        await settle(connection, settings, person, provider, due.row, fault)


async def pull_types(run: Run, types: list[TypeRow]) -> GoogleFault | None:
    """Pulls the types one after the other; the fault that ended the run before its end, if any.

    Once Google has asked twice to slow down, the others wait, too.
    """
    limited = 0
    try:
        async with outbound_client() as client:
            if run.tokens.expires_at <= clock.now() + FRESH_FOR:
                await run.renew()
            account = Account(client, run.tokens.access_token, run.renew)
            for row in types:
                try:
                    await pull_type(run, account, row)
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


async def pull_type(run: Run, account: Account, row: TypeRow) -> None:
    """Pulls one type to the present. Raises GoogleFault, LeaseLost, Unauthenticated."""
    now = clock.now()
    first_days = run.settings.google_first_days
    ahead = plan(row.pulled_to, row.looked_back_at, first_days, now).not_before(row.since)
    name = BY_NUMBER[row.type].name
    begun: dict[str, object] = {"looked_back_at": now} if ahead.far else {}
    start, span, pending_from = ahead.start, span_of(name), None
    while start < ahead.end:
        window = Window(start, min(start + span, ahead.end))
        try:
            batch = await fetch(run, account, name, window)
        except TooMuch:
            shorter = halve(span)
            if shorter is None:
                raise GoogleFault("too_much_data") from None
            span = shorter
            continue
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
        start = window.end


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
    row: ConnectionRow,
    fault: GoogleFault | None,
) -> None:
    """Ends a run: the connection is due again when its first type is, or it has ended."""
    now = clock.now()
    columns: dict[str, Any] = {"lease": None}
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
        waiting = [
            each.retry_at
            for each in await list_types(connection, person, provider.platform)
            if each.granted and each.retry_at is not None and each.retry_at > now
        ]
        columns |= {"problem": None, "failures": 0, "due_at": min([usual, *waiting])}
    await change_connection(connection, person, provider.platform, **columns)
