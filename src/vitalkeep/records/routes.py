"""Routes of the person's own records: push, list, get."""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

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
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.base.paging import read_place, write_place
from vitalkeep.persons.access import Bearer, PersonCaller, SignedInPerson, require_claims
from vitalkeep.records import query
from vitalkeep.records.changes import changes_cursor
from vitalkeep.records.deletion import delete_reported
from vitalkeep.records.dialects import DialectName, list_gone, parse_dialect, point_into_body
from vitalkeep.records.ingest import Ingested, ingest
from vitalkeep.records.parse import parse_canonical
from vitalkeep.records.published import CANONICAL_BODY, json_answer
from vitalkeep.records.published_dialects import DIALECT_BODY
from vitalkeep.records.pushes import WORTH, digest_of, find_repeated
from vitalkeep.records.schemas import (
    PushResult,
    RecordQuery,
    RecordQueryParameters,
    known_types,
)
from vitalkeep.records.verdicts import STATUSES, Verdict, VerdictStatus

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
    openapi_extra={**CANONICAL_BODY, **REPEATABLE},
)
async def push_records(
    request: Request, body: PushBody, person: SignedInPerson, connection: Connection
) -> Response:
    """Push up to 1,000 records; each gets its own verdict, and sending again is harmless."""
    sent = Sent.read(person, "", body)
    done = await answer_repeated(connection, person, sent)
    if done is None:
        outcomes = parse_canonical(body, clock.now())
        done = await ingest(connection, person, outcomes, sent.digest)
    keyring: Keyring = request.app.state.keyring
    return json_response(push_result(keyring, person, done, sent))


@router.post(
    "/v1/me/records/{dialect}",
    response_model=PushResult,
    responses=PUSH,
    openapi_extra={**DIALECT_BODY, **REPEATABLE},
)
async def push_dialect_records(
    request: Request,
    body: PushBody,
    person: SignedInPerson,
    connection: Connection,
    dialect: DialectName,
) -> Response:
    """Push records, or changes, as somebody else's software emits them; pointers are into that.

    Deletions that a phone's own store reports are carried out with the records, in one transaction.
    """
    keyring: Keyring = request.app.state.keyring
    sent = Sent.read(person, dialect, body)
    done = await answer_repeated(connection, person, sent)
    if done is not None:
        return json_response(push_result(keyring, person, done, sent))
    push = parse_dialect(body, dialect, person.client_id, clock.now())
    digest = None if push.deletions else sent.digest
    done = await ingest(connection, person, push.outcomes, digest)
    deleted = None
    if push.deletions:
        deleted = await delete_reported(connection, person, list_gone(push, done.verdicts))
        done = replace(done, feed=done.feed + deleted)
    point_into_body(push, done.verdicts)
    return json_response(push_result(keyring, person, done, sent, deleted=deleted))


@dataclass(frozen=True, slots=True)
class Sent:
    """A body: its SHA-256, and what it is known again by, None where that isn't worth it."""

    sha256: bytes
    digest: bytes | None

    @classmethod
    def read(cls, person: PersonCaller, dialect: str, body: bytes) -> "Sent":
        """Of this person, in this dialect ("" for our own shape)."""
        sha256 = hashlib.sha256(body).digest()
        return cls(sha256, digest_of(person, dialect, sha256) if len(body) >= WORTH else None)


async def answer_repeated(
    connection: AsyncConnection, person: PersonCaller, sent: Sent
) -> Ingested | None:
    """What a push that comes again byte for byte did: nothing. None if it has to be read."""
    now = clock.now()
    repeated = sent.digest and await find_repeated(connection, person, sent.digest, now)
    if not repeated:
        return None
    verdicts: list[Verdict] = [{"status": "unchanged", "id": each} for each in repeated.record_ids]
    return Ingested(verdicts, repeated.feed, now)


def count(done: Ingested) -> Counter[VerdictStatus]:
    """How many records of a push got which status; told to the metrics, too."""
    counts = Counter(verdict["status"] for verdict in done.verdicts)
    for status, number in counts.items():
        RECORDS.labels(status).inc(number)
    return counts


def push_result(
    keyring: Keyring,
    person: PersonCaller,
    done: Ingested,
    sent: Sent,
    *,
    deleted: int | None = None,
) -> bytes:
    """The answer to a push as JSON; `deleted` only where the body named deletions."""
    counts = count(done)
    return orjson.dumps(
        {
            "results": done.verdicts,
            "counts": {status: counts[status] for status in STATUSES},
            **({} if deleted is None else {"deleted": deleted}),
            "received_sha256": sent.sha256.hex(),
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


def to_windows(wanted: RecordQuery, types: list[int]) -> list[query.Window]:
    """The asked period for each type, for the person themselves."""
    since = wanted.since or query.FOREVER_AGO
    until = wanted.until or query.FAR_AHEAD
    return [query.Window(number, since, until, frozen=True) for number in types]


def read_cursor(keyring: Keyring, owner: str, cursor: str | None) -> query.Position:
    """Where a page starts. Raises InvalidCursor unless it was made for this owner's list."""
    place = read_place(keyring, "records", owner, cursor)
    return query.Position() if place is None else query.Position(*place)


def to_page(keyring: Keyring, owner: str, page: query.Page) -> bytes:
    """A page of records as JSON."""
    body = b'{"records":[' + b",".join(page.records) + b"]"
    if page.following is not None:
        place = page.following.start, page.following.record_id
        body += b',"next_cursor":"' + write_place(keyring, "records", owner, place).encode() + b'"'
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
    record = await query.find_record(
        connection, person.person_id, person.key, record_id, frozen=True
    )
    if record is None:
        raise NotFound("There is no such record.")
    return json_response(record)
