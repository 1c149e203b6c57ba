"""The query of a search, as FHIR writes it: prefixes, tokens, lists, and what is not understood.

Source: HL7 FHIR R4, sections 3.1.1 (search) and 3.1.0.1.6 (content types).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from starlette.datastructures import QueryParams

from vitalkeep.base.errors import NotFound
from vitalkeep.fhir.outcomes import NotAcceptable, refuse_parameter
from vitalkeep.records.query import FAR_AHEAD, FOREVER_AGO, NO_ID, Changed

MAX_COUNT: Final = 1000
DEFAULT_COUNT: Final = 100
GENERAL: Final = frozenset({"_format", "_pretty"})
JSON_FORMATS: Final = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
ACCEPTED: Final = JSON_FORMATS | {"*/*", "application/*"}

DATE: Final = re.compile(
    r"(?P<prefix>eq|ge|gt|le|lt|sa|eb)?"
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,6})[0-9]*)?)?(?P<zone>Z|[+ -][0-9]{2}:[0-9]{2})?)?)?)?"
)
STEPS: Final = {
    "day": timedelta(days=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}
DATE_DETAIL: Final = (
    "{name} has to be a date, or a time with its offset, "
    "behind eq, ge, gt, le, lt, sa, eb or nothing."
)


@dataclass(frozen=True, slots=True)
class Token:
    """`system|code` of a search; no system means any, no code means every one of the system."""

    system: str | None
    code: str


@dataclass(frozen=True, slots=True)
class Between:
    """From `since`, inclusive, to `until`, exclusive; None for no bound."""

    since: datetime | None = None
    until: datetime | None = None

    def to_changed(self) -> Changed:
        """Records that were last written between."""
        return Changed(self.since or FOREVER_AGO, self.until or FAR_AHEAD)


@dataclass(slots=True)
class Query:
    """A search's parameters, each read once by its name; `used` is what the self link tells."""

    given: Mapping[str, list[str]]
    used: list[tuple[str, str]] = field(default_factory=list)

    def texts(self, name: str) -> list[str]:
        """Every value of a parameter."""
        found = self.given.get(name, [])
        self.used += [(name, text) for text in found]
        return found

    def text(self, name: str) -> str | None:
        """The value of a parameter that may come once. Raises InvalidSearch."""
        found = self.texts(name)
        if len(found) > 1:
            raise refuse_parameter(name, f"{name} may be given once.")
        return found[0] if found else None


def read_query(params: QueryParams, known: Sequence[str], prefer: str) -> Query:
    """The parameters that are understood.

    Raises InvalidSearch for a modifier on one of them, and for parameters that are not understood
    where the caller prefers `handling=strict`.
    """
    given: dict[str, list[str]] = {}
    strict = "handling=strict" in prefer.replace(" ", "")
    for name, text in params.multi_items():
        plain = name.partition(":")[0].partition(".")[0]
        if name in known:
            if text:
                given.setdefault(name, []).append(text)
        elif plain in known or (strict and name not in GENERAL):
            what = "no modifier and no chain" if plain in known else f"only {', '.join(known)}"
            raise refuse_parameter(plain[:64], f"This search takes {what}.")
    return Query(given)


def require_json(params: QueryParams, accept: str) -> None:
    """Raises NotAcceptable where `_format`, or else the header Accept, leaves JSON out."""
    wanted = params.get("_format")
    if wanted is not None:
        if _plain(wanted.replace(" ", "+")) not in JSON_FORMATS:
            raise NotAcceptable
    elif accept and ACCEPTED.isdisjoint(map(_plain, accept.split(","))):
        raise NotAcceptable


def _plain(media: str) -> str:
    return media.partition(";")[0].strip().lower()


def read_count(query: Query) -> int:
    """How many entries a page has at most: 100, or what is asked for up to 1,000."""
    text = query.text("_count")
    if text is None:
        return DEFAULT_COUNT
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise refuse_parameter("_count", "_count has to be a number from 1 on.")
    return min(int(text), MAX_COUNT)


def read_patient(query: Query) -> UUID:
    """The case a search is about. Raises InvalidSearch without one, NotFound for no id."""
    text = query.text("patient")
    if text is None:
        raise refuse_parameter("patient", "patient is required: a search is about one Patient.")
    return to_uuid(text.rpartition("Patient/")[2])


def read_id(query: Query) -> UUID | None:
    """The `_id` that is asked for, if any; for what can't be one, an id that nothing has."""
    text = query.text("_id")
    try:
        return None if text is None else to_uuid(text)
    except NotFound:
        return NO_ID


def to_uuid(text: str) -> UUID:
    """The id in its one form. Raises NotFound for any other: nothing is called so."""
    try:
        found = UUID(text)
    except ValueError:
        raise NotFound from None
    if str(found) != text:
        raise NotFound
    return found


def read_tokens(query: Query, name: str) -> list[list[Token]]:
    """A list for each time the parameter is given: one of each list has to fit."""
    return [list(_tokens(text)) for text in query.texts(name)]


def _tokens(text: str) -> Iterator[Token]:
    for each in text.split(","):
        system, bar, code = each.rpartition("|")
        yield Token(system if bar else None, code)


def read_between(query: Query, name: str) -> Between:
    """What all values of a date parameter leave over.

    A date without an offset is in UTC, and means all of its year, month or day; a time means all of
    its last digit. Raises InvalidSearch.
    """
    since, until = FOREVER_AGO, FAR_AHEAD
    texts = query.texts(name)
    for text in texts:
        match = DATE.fullmatch(text)
        if match is None:
            raise refuse_parameter(name, DATE_DETAIL.format(name=name))
        try:
            first, beyond = _extent(match)
        except (ValueError, OverflowError):
            raise refuse_parameter(name, DATE_DETAIL.format(name=name)) from None
        prefix = match["prefix"] or "eq"
        if prefix in ("eq", "ge", "gt", "sa"):
            since = max(since, first if prefix in ("eq", "ge") else beyond)
        if prefix in ("eq", "le", "lt", "eb"):
            until = min(until, beyond if prefix in ("eq", "le") else first)
    return Between(
        None if since == FOREVER_AGO else max(since, FOREVER_AGO),
        None if until == FAR_AHEAD else max(until, FOREVER_AGO),
    )


def _extent(match: "re.Match[str]") -> tuple[datetime, datetime]:
    """The first moment that a date or time means, and the first one beyond it."""
    part = match.groupdict()
    day = datetime(int(part["year"]), int(part["month"] or 1), int(part["day"] or 1), tzinfo=UTC)
    if part["month"] is None:
        return day, day.replace(year=day.year + 1)
    if part["day"] is None:
        return day, (day + timedelta(days=31)).replace(day=1)
    if part["hour"] is None:
        return day, day + STEPS["day"]
    fraction = part["fraction"] or ""
    first = datetime.fromisoformat(
        f"{day:%Y-%m-%d}T{part['hour']}:{part['minute']}:{part['second'] or '00'}"
        f".{fraction.ljust(6, '0')}{(part['zone'] or 'Z').replace(' ', '+')}"
    ).astimezone(UTC)
    if part["second"] is None:
        return first, first + STEPS["minute"]
    return first, first + STEPS["second"] / 10 ** len(fraction)
