"""The change feed: what was written or deleted after a cursor, in the order of its commits.

A page comes from one statement, so from one snapshot: its changes, the person's highest change
number and the highest purged one belong together. Change numbers are given behind the gate, hence
whoever sees a person's number sees every commit up to it: a cursor may stand there and skips
nothing that is still being written.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import Connection, driver
from vitalkeep.base.errors import (
    CursorExpired,
    Forbidden,
    InvalidCursor,
    InvalidRequest,
    Unauthenticated,
    problems,
)
from vitalkeep.base.keys import Keyring
from vitalkeep.base.paging import sign, unsign
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller, SignedInPerson
from vitalkeep.records.published import json_answer
from vitalkeep.records.query import COLUMNS, to_stored
from vitalkeep.records.schemas import ChangeQueryParameters, known_types
from vitalkeep.records.sealed import open_record
from vitalkeep.records.sources import list_origins

router = APIRouter(tags=["records"])

EVERY_TYPE: Final = f"""
SELECT {COLUMNS}, r.feed AS number, p.feed AS highest, p.purged_feed
FROM persons p LEFT JOIN (
    SELECT {COLUMNS}, feed FROM records
    WHERE person_id = $1 AND feed > $2 ORDER BY feed LIMIT $3
) r ON true
WHERE p.person_id = $1 ORDER BY r.feed
"""  # noqa: S608 - no value of a request is in the text
SOME_TYPES: Final = EVERY_TYPE.replace("feed > $2", "feed > $2 AND type = ANY($4::int2[])")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a person's feed: behind the change number `after`.

    `begun` is the person's highest change number when the reader began from nothing: a deletion up
    to it is of a record that the reader never saw, so it needs none of those that were purged.
    """

    after: int
    begun: int = 0


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Changes as JSON objects, the place behind them, and whether more wait there."""

    changes: list[bytes]
    following: Place
    more: bool


@router.get(
    "/v1/me/changes",
    response_class=Response,
    responses={
        **json_answer("ChangePage", "Changes, oldest first"),
        **problems(Unauthenticated, Forbidden, InvalidCursor, InvalidRequest, CursorExpired),
    },
)
async def list_changes(
    request: Request, person: SignedInPerson, connection: Connection, wanted: ChangeQueryParameters
) -> Response:
    """What was added, changed or deleted since a cursor, in the order of its commits.

    With `type` the cursor moves past changes of other types. A reader that begins anew after 410
    drops what the new reading does not bring.
    """
    keyring: Keyring = request.app.state.keyring
    page = await read_page(
        connection,
        person,
        place=read_cursor(keyring, person.person_id, wanted.cursor),
        types=known_types(wanted) if wanted.type else None,
        limit=wanted.limit,
    )
    cursor = write_cursor(keyring, person.person_id, page.following)
    body = b'{"changes":[' + b",".join(page.changes) + b'],"next_cursor":"' + cursor.encode()
    body += b'","has_more":' + (b"true}" if page.more else b"false}")
    return Response(body, media_type="application/json")


async def read_page(
    connection: AsyncConnection,
    person: PersonCaller,
    *,
    place: Place | None,
    types: list[int] | None,
    limit: int,
) -> ChangePage:
    """One page of the person's changes of these types, all if None, behind a place.

    Without a place it begins anew. Raises CursorExpired when a deletion behind the place was
    purged, Unauthenticated when the person has left meanwhile, SealBroken.
    """
    after = 0 if place is None else place.after
    raw = await driver(connection)
    if types is None:
        rows = await raw.fetch(EVERY_TYPE, person.person_id, after, limit + 1)
    else:
        rows = await raw.fetch(SOME_TYPES, person.person_id, after, limit + 1, types)
    if not rows:
        raise Unauthenticated("This account has been deleted.")
    highest, purged = rows[0]["highest"], rows[0]["purged_feed"]
    begun = highest if place is None else place.begun
    if purged > max(after, begun):
        raise CursorExpired
    # After the rows: each statement sees what was committed before it, new sources included.
    origins = await list_origins(connection, person.person_id, person.key)
    found = [row for row in rows if row["number"] is not None]
    more = len(found) > limit
    # What does not match is passed, too: the next look must not go through it again.
    reached = found[limit - 1]["number"] if more else highest
    changes = [to_change(person, row, origins) for row in found[:limit]]
    return ChangePage(changes, Place(reached, begun), more)


def to_change(person: PersonCaller, row: asyncpg.Record, origins: dict[int, bytes]) -> bytes:
    """One entry of the feed as JSON. Raises SealBroken."""
    if row["sealed"] is not None:
        record = open_record(person.key, to_stored(row), origins)
        return b'{"op":"upsert","record":' + record + b"}"
    return orjson.dumps(
        {
            "op": "delete",
            # The driver's UUID is a subclass, which orjson takes for an unknown class.
            "id": str(row["record_id"]),
            "type": BY_NUMBER[row["type"]].name,
            "deleted_at": clock.rfc3339(row["modified_at"]),
        }
    )


def read_cursor(keyring: Keyring, person_id: UUID, cursor: str | None) -> Place | None:
    """The place of a cursor. Raises InvalidCursor unless it was made for this person's feed."""
    if cursor is None:
        return None
    match unsign(keyring, "changes", str(person_id), cursor):
        case int(after):
            return Place(after)
        case [int(after), int(begun)]:
            return Place(after, begun)
    raise InvalidCursor


def write_cursor(keyring: Keyring, person_id: UUID, place: Place) -> str:
    """The cursor of a place; who has come past where they began is a reader like any other."""
    payload = place.after if place.after >= place.begun else [place.after, place.begun]
    return sign(keyring, "changes", str(person_id), payload)


def changes_cursor(keyring: Keyring, person_id: UUID, feed: int) -> str:
    """The cursor behind a change number."""
    return write_cursor(keyring, person_id, Place(feed))
