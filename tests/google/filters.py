"""The filter of `dataPoints.list`: AIP-160 cut down to `>=` and `<`, joined by AND."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tests.google.catalog import HEALTH_TYPES, HealthType
from tests.google.health_store import HealthPoint
from tests.google.moments import NS, to_ns
from tests.google.refusals import Refused

RESTRICTION: Final = re.compile(r'(?P<member>[A-Za-z0-9_.]+)\s*(?P<op>>=|<)\s*"(?P<time>[^"]*)"')
PHYSICAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
CIVIL: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?)?")
MEMBERS: Final = {
    "interval": {"interval.start_time": "physical", "interval.civil_start_time": "civil"},
    "sample": {"sample_time.physical_time": "physical", "sample_time.civil_time": "civil"},
    "session": {"interval.end_time": "physical", "interval.civil_end_time": "civil"},
}
WIDEST_NS: Final = 18 * 3600 * NS  # no local time is further from UTC
Test = Callable[[HealthPoint], bool]


@dataclass(frozen=True)
class Filter:
    """What passes, and the starts between which it all lies."""

    test: Test
    low_ns: int = 0
    high_ns: int = 2**63


def refuse(reason: str, message: str) -> Refused:
    """The refusal of a filter."""
    return Refused(400, reason, message)


def parse_filter(text: str, kind: HealthType) -> Filter:
    """A filter for one type. Raises Refused."""
    if not text.strip():
        return Filter(lambda _: True)
    parts = [parse_restriction(each, kind) for each in re.split(r"\s+AND\s+", text.strip())]
    low, high = max(part.low_ns for part in parts), min(part.high_ns for part in parts)
    return Filter(lambda point: all(part.test(point) for part in parts), low, high)


def parse_restriction(text: str, kind: HealthType) -> Filter:
    """One comparison of a time. Raises Refused."""
    found = RESTRICTION.fullmatch(text)
    if found is None:
        raise refuse("INVALID_FILTER_FORMAT", "The filter is not of the form member op value.")
    clock = member_clock(found["member"], kind)
    at, upper = parse_time(found["time"], clock), found["op"] == "<"

    def passes(point: HealthPoint) -> bool:
        time_ns = point.end_ns if kind.shape == "session" else point.start_ns
        wall = time_ns if clock == "physical" else wall_ns(time_ns, point.offset_s)
        return wall < at if upper else wall >= at

    if kind.shape == "session":
        return Filter(passes)
    slack = 0 if clock == "physical" else WIDEST_NS
    return Filter(passes, high_ns=at + slack) if upper else Filter(passes, low_ns=at - slack)


def wall_ns(time_ns: int, offset_s: int) -> int:
    """The clock on the wall, as if it were UTC."""
    return time_ns + offset_s * NS


def member_clock(member: str, kind: HealthType) -> str:
    """`physical` or `civil`. Raises Refused for what can't be filtered on."""
    prefix, _, rest = member.partition(".")
    known = MEMBERS[kind.shape]
    if prefix != kind.snake:
        others = {each.snake for each in HEALTH_TYPES.values()}
        if prefix in others:
            reason = "INVALID_DATA_POINT_FILTER_COLLECTION_MISMATCH"
        else:
            reason = "INVALID_DATA_POINT_FILTER_DATA_TYPE_RESTRICTION"
        raise refuse(reason, f"'{prefix}' is not the data type of the collection.")
    if rest not in known:
        reason = "INVALID_DATA_POINT_FILTER_DATA_TYPE_MEMBER"
        raise refuse(reason, f"Member '{member}' is not supported for filtering.")
    return known[rest]


def parse_time(text: str, clock: str) -> int:
    """Nanoseconds; of the clock on the wall as if it were UTC. Raises Refused."""
    form = PHYSICAL if clock == "physical" else CIVIL
    try:
        if form.fullmatch(text):
            at = datetime.fromisoformat(text)
            return to_ns(at.replace(tzinfo=UTC) if clock == "civil" else at)
    except ValueError:
        pass  # refused below, as any other text is
    name = "TIMESTAMP" if clock == "physical" else "CIVIL_DATE_TIME"
    raise refuse(f"INVALID_DATA_POINT_FILTER_{name}_FORMAT", "The time can't be read.")
