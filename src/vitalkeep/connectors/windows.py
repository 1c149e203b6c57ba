"""Which stretches of time are asked for, as pure functions: whole UTC hours, oldest first.

A pull goes again over what it has been over before: phones and watches hand in late what they
measured, and nothing but its absence tells what was deleted. Two days each time, a month daily.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from vitalkeep.records.parse import Outcome

HOUR: Final = timedelta(hours=1)
OVERLAP: Final = timedelta(days=2)
LOOK_BACK: Final = timedelta(days=30)
LOOK_BACK_EVERY: Final = timedelta(days=1)
LONGEST_WAIT: Final = timedelta(days=14)
"""How far back a night is looked for that Google had not finished yet."""
DENSE: Final = frozenset({"heart_rate", "steps", "distance", "oxygen_saturation", "blood_glucose"})
DENSE_SPAN: Final = timedelta(days=3)
"""230,000 heart beats in 90 days are 7,700 in one window."""
SPAN: Final = timedelta(days=15)


class Window(NamedTuple):
    """Times `[start, end)`, both full hours in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """All that a provider holds of one type in a window.

    `whole`: what is not in it is not at the provider. `by_end`: records belong to the window by
    their end, else by their start. `pending_from`: something from then on is still to change.
    """

    outcomes: Sequence[Outcome]
    whole: bool = True
    by_end: bool = False
    pending_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """One pull of a type: from where to where, and whether it is one that looks far back."""

    start: datetime
    end: datetime
    far: bool

    def not_before(self, since: datetime | None) -> "Pass":
        """The same, without what lies before a full hour, if there is one."""
        return self if since is None else replace(self, start=max(self.start, since))


def plan(
    pulled_to: datetime | None, looked_back_at: datetime | None, first_days: int, now: datetime
) -> Pass:
    """Where a pull begins, given where the last one came to and when one last looked far back."""
    end = floor_hour(now) + HOUR
    if pulled_to is None:
        return Pass(floor_hour(now - timedelta(days=first_days)), end, far=True)
    if looked_back_at is None or looked_back_at <= now - LOOK_BACK_EVERY:
        return Pass(min(floor_hour(now - LOOK_BACK), pulled_to), end, far=True)
    return Pass(pulled_to, end, far=False)


def next_start(pending_from: datetime | None, now: datetime) -> datetime:
    """Where the pull after a finished one begins."""
    usual = floor_hour(now - OVERLAP)
    if pending_from is None:
        return usual
    return max(min(usual, floor_hour(pending_from)), floor_hour(now - LONGEST_WAIT))


def span_of(type_name: str) -> timedelta:
    """How long a window of this type is, unless there is too much in it."""
    return DENSE_SPAN if type_name in DENSE else SPAN


def halve(span: timedelta) -> timedelta | None:
    """Half as long, in whole hours; None where it can't be shorter."""
    return None if span <= HOUR else max(HOUR, span // 2 // HOUR * HOUR)


def floor_hour(moment: datetime) -> datetime:
    """The full hour at or before a moment in UTC."""
    return moment.replace(minute=0, second=0, microsecond=0)
