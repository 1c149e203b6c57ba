"""Reading again what Google told has changed: fetched, compared and written as a pull does it."""

from vitalkeep.base.db import bound_transaction
from vitalkeep.base.logs import get_log
from vitalkeep.connectors.faults import GoogleFault
from vitalkeep.connectors.reading import Read, read_windows
from vitalkeep.connectors.refetches import Waiting, advance
from vitalkeep.connectors.runs import Run
from vitalkeep.connectors.writing import hold, write
from vitalkeep.datatypes.registry import BY_NUMBER


async def refetch(run: Run, read: Read, number: int, waiting: list[Waiting]) -> bool:
    """Reads again what waits of one type; False if the type may not be collected any more.

    More in an hour than can be taken in is given up, or the type would never be pulled again.
    Raises GoogleFault, LeaseLost, Unauthenticated.
    """
    for each in waiting:
        try:
            if not await _read_again(run, read, number, each):
                return False
        except GoogleFault as fault:
            if fault.code != "too_much_data":
                raise
            get_log().warning("refetch_given_up", provider=run.provider.name, code=fault.code)
            async with bound_transaction(run.engine, person_id=run.person.person_id) as connection:
                await hold(connection, run.person, run.provider, run.lease)
                await advance(connection, run.person.person_id, each, each.window.end)
    return True


async def _read_again(run: Run, read: Read, number: int, waiting: Waiting) -> bool:
    name, person = BY_NUMBER[number].name, run.person
    async for window, batch in read_windows(read, name, *waiting.window):
        async with bound_transaction(run.engine, person_id=person.person_id) as connection:
            if not await write(
                connection, person, run.provider, run.lease, number, window, batch, retry_at=None
            ):
                return False
            await advance(connection, person.person_id, waiting, window.end)
    return True
