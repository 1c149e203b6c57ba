"""Routes of the person's own records: push, list, get, changes."""

import hashlib
from collections import Counter
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response

from vitalkeep.base import clock
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    BatchTooLarge,
    Forbidden,
    InvalidCursor,
    InvalidRequest,
    MalformedBody,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.keys import Keyring
from vitalkeep.base.limits import read_body
from vitalkeep.base.metrics import RECORDS
from vitalkeep.base.paging import sign, unsign
from vitalkeep.datatypes.registry import BY_NAME, BY_NUMBER, TYPES
from vitalkeep.persons.access import Bearer, PersonCaller, SignedInPerson, require_claims
from vitalkeep.records import query
from vitalkeep.records.ingest import Ingested, ingest
from vitalkeep.records.parse import Outcome, parse_canonical, parse_dialect
from vitalkeep.records.published import CANONICAL_BODY, DIALECT_BODY, json_answer
from vitalkeep.records.schemas import (
    ChangeQueryParameters,
    PushResult,
    RecordQuery,
    RecordQueryParameters,
)
from vitalkeep.records.verdicts import STATUSES, VerdictStatus

router = APIRouter(tags=["records"])
SIGNED_IN = problems(Unauthenticated, Forbidden)


async def read_push(request: Request, credentials: Bearer) -> bytes:
    """The body of a push, for a good token only.

    Comes before the connection among a route's parameters: a slow phone must not hold one.
    """
    require_claims(request, credentials, "person")
    return await read_body(request)


PushBody = Annotated[bytes, Depends(read_push)]
PUSH = problems(Unauthenticated, Forbidden, MalformedBody, BatchTooLarge, InvalidRequest)


@router.post(
    "/v1/me/records",
    response_model=PushResult,
    responses=PUSH,
    openapi_extra=CANONICAL_BODY,
)
async def push_records(
    request: Request, body: PushBody, person: SignedInPerson, connection: Connection
) -> Response:
    """Push up to 1,000 records; each gets its own verdict, and sending again is harmless."""
    outcomes = parse_canonical(body, clock.now())
    return await _push(request, person, connection, outcomes, body)


@router.post(
    "/v1/me/records/{dialect}",
    response_model=PushResult,
    responses=PUSH,
    openapi_extra=DIALECT_BODY,
)
async def push_dialect_records(
    request: Request,
    body: PushBody,
    person: SignedInPerson,
    connection: Connection,
    dialect: Literal["health-connect", "healthkit"],
) -> Response:
    """Push records as a phone's own health store emits them; pointers are into that JSON."""
    outcomes = parse_dialect(body, dialect, person.client_id, clock.now())
    return await _push(request, person, connection, outcomes, body)


async def _push(
    request: Request,
    person: PersonCaller,
    connection: Connection,
    outcomes: list[Outcome],
    body: bytes,
) -> Response:
    done = await ingest(connection, person, outcomes)
    counts = Counter(verdict["status"] for verdict in done.verdicts)
    for status, count in counts.items():
        RECORDS.labels(status).inc(count)
    return json_response(push_result(request.app.state.keyring, person, done, counts, body))


def push_result(
    keyring: Keyring,
    person: PersonCaller,
    done: Ingested,
    counts: Counter[VerdictStatus],
    body: bytes,
) -> bytes:
    """The answer to a push as JSON."""
    return orjson.dumps(
        {
            "results": done.verdicts,
            "counts": {status: counts[status] for status in STATUSES},
            "received_sha256": hashlib.sha256(body).hexdigest(),
            "committed_at": clock.rfc3339(done.at),
            "changes_cursor": changes_cursor(keyring, person.person_id, done.feed),
        }
    )


def json_response(content: bytes) -> Response:
    """An answer of finished JSON."""
    return Response(content, media_type="application/json")


@router.get(
    "/v1/me/records",
    response_class=Response,
    responses={
        **json_answer("RecordPage", "Records by start time"),
        **SIGNED_IN,
        **problems(InvalidCursor, InvalidRequest),
    },
)
async def list_records(
    request: Request, person: SignedInPerson, connection: Connection, wanted: RecordQueryParameters
) -> Response:
    """The person's records by start, oldest first, at most 1,000 a page."""
    keyring: Keyring = request.app.state.keyring
    page = await query.list_records(
        connection,
        person.person_id,
        person.key,
        to_windows(wanted, known_types(wanted)),
        after=read_cursor(keyring, str(person.person_id), wanted.cursor),
        limit=wanted.limit,
    )
    return json_response(to_page(keyring, str(person.person_id), page))


def known_types(wanted: RecordQuery) -> list[int]:
    """Numbers of the types asked for, all if none is. Raises InvalidRequest for unknown names."""
    unknown = [name for name in wanted.type if name not in BY_NAME]
    if unknown:
        raise InvalidRequest(
            f"type has to be one of: {', '.join(BY_NAME)}.",
            errors=[{"pointer": "/type", "code": "unknown_type"}],
        )
    return sorted({BY_NAME[name].number for name in wanted.type}) or [t.number for t in TYPES]


def to_windows(wanted: RecordQuery, types: list[int]) -> list[query.Window]:
    """The asked period for each type."""
    since = wanted.since or query.FOREVER_AGO
    until = wanted.until or query.FAR_AHEAD
    return [query.Window(number, since, until) for number in types]


def read_cursor(keyring: Keyring, owner: str, cursor: str | None) -> query.Position:
    """Where a page starts. Raises InvalidCursor unless it was made for this owner's list."""
    if cursor is None:
        return query.Position()
    payload = unsign(keyring, "records", owner, cursor)
    if not isinstance(payload, list):
        raise InvalidCursor
    return query.Position(datetime.fromisoformat(payload[0]), UUID(payload[1]))


def to_page(keyring: Keyring, owner: str, page: query.Page) -> bytes:
    """A page of records as JSON."""
    body = b'{"records":[' + b",".join(page.records) + b"]"
    if page.following is not None:
        place = [page.following.start.isoformat(), str(page.following.record_id)]
        body += b',"next_cursor":"' + sign(keyring, "records", owner, place).encode() + b'"'
    return body + b"}"


@router.get(
    "/v1/me/records/{record_id}",
    response_class=Response,
    responses={
        **json_answer("HealthRecord", "The record"),
        **SIGNED_IN,
        **problems(NotFound, InvalidRequest),
    },
)
async def get_record(person: SignedInPerson, connection: Connection, record_id: UUID) -> Response:
    """One record."""
    record = await query.find_record(connection, person.person_id, person.key, record_id)
    if record is None:
        raise NotFound("There is no such record.")
    return json_response(record)


@router.get(
    "/v1/me/changes",
    response_class=Response,
    responses={
        **json_answer("ChangePage", "Changes, oldest first"),
        **SIGNED_IN,
        **problems(InvalidCursor, InvalidRequest),
    },
)
async def list_changes(
    request: Request, person: SignedInPerson, connection: Connection, wanted: ChangeQueryParameters
) -> Response:
    """What was added, changed or deleted since a cursor, in the order of its commits."""
    keyring: Keyring = request.app.state.keyring
    after = 0
    if wanted.cursor is not None:
        payload = unsign(keyring, "changes", str(person.person_id), wanted.cursor)
        if not isinstance(payload, int):
            raise InvalidCursor
        after = payload
    changes, last, more = await query.list_changes(
        connection, person.person_id, person.key, after=after, limit=wanted.limit
    )
    cursor = changes_cursor(keyring, person.person_id, last)
    body = b'{"changes":[' + b",".join(map(to_change, changes)) + b'],"next_cursor":"'
    return json_response(
        body + cursor.encode() + b'","has_more":' + (b"true}" if more else b"false}")
    )


def changes_cursor(keyring: Keyring, person_id: UUID, feed: int) -> str:
    """The cursor behind a change number."""
    return sign(keyring, "changes", str(person_id), feed)


def to_change(change: query.Change) -> bytes:
    """One entry of the feed as JSON."""
    if change.record is not None:
        return b'{"op":"upsert","record":' + change.record + b"}"
    return orjson.dumps(
        {
            "op": "delete",
            # The driver's UUID is a subclass, which orjson takes for an unknown class.
            "id": str(change.record_id),
            "type": BY_NUMBER[change.type].name,
            "deleted_at": clock.rfc3339(change.at),
        }
    )
