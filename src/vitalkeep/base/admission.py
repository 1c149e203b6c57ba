"""How many requests a process works on at once: more are refused instead of queued without end.

A request is worked on from when it asks for its database connection. Its body was read before, so
whoever sends slowly takes no place.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from vitalkeep.base.errors import Overloaded
from vitalkeep.base.metrics import IN_WORK, REFUSED


class Admission:
    """Places for `limit` requests of one process; `taken` are in use."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """A place for as long as it is open. Raises Overloaded when there is none."""
        if self.taken >= self.limit:
            REFUSED.inc()
            raise Overloaded
        self.taken += 1
        IN_WORK.inc()
        try:
            yield
        finally:
            self.taken -= 1
            IN_WORK.dec()
