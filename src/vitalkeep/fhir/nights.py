"""A night's total and its parts, from one record of sleep. Pure.

Counts as the daily summaries do: time in no stage, or in one that is not known, is asleep.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple, TypedDict, cast

from vitalkeep.datatypes.times import to_instant
from vitalkeep.summaries.sleep import NOT_ASLEEP

MINUTE = timedelta(minutes=1)


class Stage(TypedDict):
    """A stage of a record of sleep."""

    start: str
    end: str
    stage: str


class Night(NamedTuple):
    """How long somebody slept, and how long each stage lasted that there was."""

    asleep: timedelta
    in_stage: dict[str, timedelta]


def stages_of(record: Mapping[str, object]) -> list[Stage]:
    """The stages of a record of sleep."""
    return cast(list[Stage], record["stages"])


def to_night(record: Mapping[str, object]) -> Night:
    """Totals of a canonical record of sleep."""
    in_stage: defaultdict[str, timedelta] = defaultdict(timedelta)
    for each in stages_of(record):
        in_stage[each["stage"]] += to_instant(each["end"]) - to_instant(each["start"])
    session = to_instant(str(record["end"])) - to_instant(str(record["start"]))
    awake = sum((in_stage[name] for name in NOT_ASLEEP & in_stage.keys()), timedelta())
    return Night(session - awake, dict(in_stage))


def minutes(length: timedelta) -> float:
    """Minutes to the microsecond's nearest; whole ones without a fraction."""
    value = round(length / MINUTE, 6)
    return int(value) if value.is_integer() else value
