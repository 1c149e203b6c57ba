"""Reading a stretch of time of one type from a provider, in windows that fit into memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import TypeAlias

from vitalkeep.connectors.calling import TooMuch
from vitalkeep.connectors.faults import GoogleFault
from vitalkeep.connectors.windows import Batch, Window, halve, span_of

Read: TypeAlias = Callable[[Window], Awaitable[Batch]]


async def read_windows(
    read: Read, type_name: str, start: datetime, end: datetime
) -> AsyncIterator[tuple[Window, Batch]]:
    """Everything in `[start, end)`, oldest first; both are full hours in UTC.

    Windows get shorter where there is too much in them. Raises GoogleFault.
    """
    span = span_of(type_name)
    while start < end:
        window = Window(start, min(start + span, end))
        try:
            batch = await read(window)
        except TooMuch:
            shorter = halve(span)
            if shorter is None:
                raise GoogleFault("too_much_data") from None
            span = shorter
            continue
        yield window, batch
        start = window.end
