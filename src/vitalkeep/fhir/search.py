"""Searching Observations: which types a query means, and its page, through the door of care.

The door reads by type, start and time of change. An exact code of a type that has several is looked
at behind it, so such a page opens more records than it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.keys import Keyring
from vitalkeep.base.paging import read_place, write_place
from vitalkeep.care import reading
from vitalkeep.care.reading_denied import Wanted
from vitalkeep.datatypes.descriptors import DataType, JsonObject
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.datatypes.times import to_instant
from vitalkeep.fhir import vocabulary as words
from vitalkeep.fhir.bundles import CURSOR, Entry, to_entry
from vitalkeep.fhir.identifiers import join_ids
from vitalkeep.fhir.observations import to_code, to_observation
from vitalkeep.fhir.parameters import (
    MAX_COUNT,
    Between,
    Query,
    Token,
    read_between,
    read_count,
    read_patient,
    read_tokens,
)
from vitalkeep.fhir.patients import reference
from vitalkeep.persons.access import StaffCaller
from vitalkeep.records.query import Position

PARAMETERS: Final = ("patient", "code", "category", "date", "_lastUpdated", "_count", CURSOR)
PURPOSE: Final = "fhir.observations"
MOST_READS: Final = 5
"""How often a page looks further when nothing fits; then it is empty and says where to go on."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search of Observations, read."""

    case_id: UUID
    codes: Sequence[Sequence[Token]]
    categories: Sequence[Sequence[Token]]
    date: Between
    changed: Between
    count: int
    after: Position


@dataclass(frozen=True, slots=True)
class Found:
    """A page, and the cursor of the next one, if there is more."""

    entries: list[Entry]
    following: str | None


def read_search(query: Query, keyring: Keyring) -> Search:
    """The search that a query means. Raises InvalidSearch, InvalidCursor, NotFound."""
    case_id = read_patient(query)
    return Search(
        case_id,
        read_tokens(query, "code"),
        read_tokens(query, "category"),
        read_between(query, "date"),
        read_between(query, "_lastUpdated"),
        read_count(query),
        _read_cursor(keyring, case_id, query.text(CURSOR)),
    )


async def search_observations(
    connection: AsyncConnection, keyring: Keyring, staff: StaffCaller, search: Search
) -> Found:
    """A page of a case's Observations by start, written down as read.

    Raises what the door raises: NotFound, and ConsentMissing for a code whose type is not agreed.
    """
    types = [each for each in TYPES if is_meant(each, search)]
    if not (search.codes and types):
        wanted = Wanted(data="records", types=[], since=search.date.since, until=search.date.until)
        case = await reading.open_case(connection, keyring, staff, search.case_id, wanted)
        # Without a code a search means all that may be read, of these categories.
        types = [each for each in types if each.number in case.types]
    if not types:
        return Found([], None)
    entries: list[Entry] = []
    after: Position | None = search.after
    for _ in range(MOST_READS):
        asked = reading.Asked(
            [each.number for each in types],
            search.date.since,
            search.date.until,
            after or Position(),
            search.count if is_exact(search, types) else MAX_COUNT,
            search.changed.to_changed(),
        )
        page = await reading.read_case(connection, keyring, staff, search.case_id, asked)
        entries, after = _take(search, page.records, page.following)
        if entries or after is None:
            break
    following = None if after is None else _cursor(keyring, search.case_id, after)
    return Found(entries, following)


def _take(
    search: Search, records: Sequence[bytes], following: Position | None
) -> tuple[list[Entry], Position | None]:
    """The first of the records that fit, and the place behind the last one looked at."""
    entries: list[Entry] = []
    for index, each in enumerate(records):
        record: JsonObject = orjson.loads(each)
        if not fits(record, search):
            continue
        entries.append(to_entry(of_case(record, search.case_id)))
        if len(entries) == search.count and (index + 1 < len(records)):
            return entries, _place(record)
    return entries, following


def of_case(record: JsonObject, case_id: UUID) -> JsonObject:
    """The Observation of a record that was read through a case."""
    observation_id = join_ids(case_id, UUID(str(record["id"])))
    return to_observation(record, observation_id=observation_id, subject=reference(case_id))


def is_meant(kind: DataType, search: Search) -> bool:
    """Whether Observations of the type can have a code and a category that are asked for."""
    fhir = kind.fhir
    loinc = [fhir.loinc, *fhir.with_code, *(each.loinc for each in fhir.codes if each.loinc)]
    codes = [(words.TYPE, kind.name), *((words.LOINC, code) for code in loinc)]
    category = [(words.CATEGORY, fhir.category)]
    return _all_match(search.codes, codes) and _all_match(search.categories, category)


def is_exact(search: Search, types: Sequence[DataType]) -> bool:
    """Whether everything fits that the door gives of these types: then no more is opened."""
    return not (search.codes and any(each.fhir.codes for each in types))


def fits(record: JsonObject, search: Search) -> bool:
    """Whether a record of a type that is meant has the exact code."""
    codings = cast(list[dict[str, str]], to_code(BY_NAME[str(record["type"])], record)["coding"])
    return _all_match(search.codes, [(each["system"], each["code"]) for each in codings])


def _all_match(lists: Sequence[Sequence[Token]], codings: Sequence[tuple[str, str]]) -> bool:
    return all(any(_matches(token, codings) for token in tokens) for tokens in lists)


def _matches(token: Token, codings: Sequence[tuple[str, str]]) -> bool:
    """`code`, `system|code`, or `system|` for every code of a system."""
    if token.system and not token.code:
        return any(token.system == system for system, _ in codings)
    return any(token.system in (None, system) and token.code == code for system, code in codings)


def _place(record: JsonObject) -> Position:
    start = record["time"] if "time" in record else record["start"]
    return Position(to_instant(str(start)), UUID(str(record["id"])))


def _cursor(keyring: Keyring, case_id: UUID, place: Position) -> str:
    return write_place(keyring, PURPOSE, str(case_id), (place.start, place.record_id))


def _read_cursor(keyring: Keyring, case_id: UUID, text: str | None) -> Position:
    place = read_place(keyring, PURPOSE, str(case_id), text)
    return Position() if place is None else Position(*place)
