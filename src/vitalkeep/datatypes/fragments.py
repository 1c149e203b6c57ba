"""A sample that is part of a record: HealthKit has one sample per sleep stage and no session."""

from datetime import timedelta
from typing import Final, NamedTuple

from vitalkeep.datatypes.canonical import Measurement

LONGEST_SAMPLE: Final = timedelta(days=4)
"""Longer than anybody sleeps: it bounds how far apart samples of one session can begin."""


class Fragment(NamedTuple):
    """One sample of a night, from which `records` assembles sessions.

    `sample` is a sleep measurement without stages: it says which sample this is, when it was, from
    where, and in which version. `stage` is None for time in bed, which bounds a session.
    """

    sample: Measurement
    stage: str | None
    recording_method: str | None

    def __repr__(self) -> str:
        """Times only: the stage stays out of tracebacks and logs."""
        return f"Fragment({self.sample!r})"
