"""Where Google Health sends its notifications, and the handshake before it does.

Nobody signs in here: whoever calls has to know the secret that the operator gave Google, and what
is more than the handshake has to be signed by Google.
"""

import hmac
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from vitalkeep.base.db import request_transaction
from vitalkeep.base.errors import (
    BatchTooLarge,
    DependencyUnavailable,
    MalformedBody,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.limits import read_body
from vitalkeep.base.metrics import NOTIFICATIONS
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.base.session import speak_for
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.identities import digest_of, find_owners
from vitalkeep.connectors.keyset import HEADERS, NotificationKeys
from vitalkeep.connectors.notifications import (
    VERIFICATION,
    Notice,
    Outcome,
    read_notices,
    to_instants,
)
from vitalkeep.connectors.providers import GOOGLE_HEALTH
from vitalkeep.connectors.refetches import Reach, clip, list_reach, note
from vitalkeep.connectors.windows import Window
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.models import Person

LIMIT: Final = 256 * 1024
"""Bytes of a body: an entry has some 500."""
BEARER: Final = "bearer "
NOT_SET_UP: Final = (
    "This server takes no notifications of Google Health: its operator has to set "
    "VITALKEEP_GOOGLE_HEALTH_WEBHOOK_SECRET."
)
NO_SECRET: Final = "Send the secret of the subscriber in `Authorization`."  # noqa: S105 - a text

router = APIRouter(tags=["connections"])

_INTERVAL: Final = {
    "type": "object",
    "properties": {
        "physicalTimeInterval": {
            "type": "object",
            "properties": {"startTime": {"type": "string"}, "endTime": {"type": "string"}},
        }
    },
}
_DATA: Final = {
    "type": "object",
    "properties": {
        "version": {"type": "string"},
        "healthUserId": {"type": "string"},
        "operation": {"type": "string"},
        "dataType": {"type": "string"},
        "intervals": {"type": "array", "items": _INTERVAL},
    },
}
EXAMPLE: Final = [
    {
        "data": {
            "version": "1",
            "clientProvidedSubscriptionName": "vitalkeep",
            "healthUserId": "8512524441117254421",
            "operation": "UPSERT",
            "dataType": "steps",
            "intervals": [
                {
                    "physicalTimeInterval": {
                        "startTime": "2026-11-20T12:00:00Z",
                        "endTime": "2026-11-20T12:05:00Z",
                    }
                }
            ],
        }
    }
]
_ENTRY: Final = {
    "type": "object",
    "properties": {"type": {"type": "string"}, "data": _DATA},
}
BODY: Final[dict[str, object]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"oneOf": [{"type": "array", "items": _ENTRY}, _ENTRY]},
                "example": EXAMPLE,
            }
        },
    },
    "parameters": [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}}
        for name in HEADERS
    ],
}


async def read_notification(request: Request) -> bytes:
    """The body of whoever knows the secret; before any connection is held.

    Raises NotFound, Unauthenticated, BatchTooLarge, MalformedBody.
    """
    settings: Settings = request.app.state.settings
    secret = settings.google_health_webhook_secret
    if secret is None:
        raise NotFound(NOT_SET_UP)
    if not knows(request.headers.get("authorization", ""), secret.get_secret_value()):
        raise Unauthenticated(NO_SECRET)
    return await read_body(request, LIMIT)


def knows(given: str, secret: str) -> bool:
    """Whether a header's value is the secret, each with or without `Bearer`."""
    one, other = (
        (each[len(BEARER) :] if each.lower().startswith(BEARER) else each).encode()
        for each in (given, secret)
    )
    return bool(other) and hmac.compare_digest(one, other)


@router.post(
    "/v1/google-health/notifications",
    status_code=204,
    response_class=Response,
    responses={
        201: {"description": "The handshake: the endpoint knows the secret"},
        **problems(NotFound, Unauthenticated, MalformedBody, BatchTooLarge, DependencyUnavailable),
    },
    openapi_extra={**BODY, **REPEATABLE},
)
async def receive_notification(
    request: Request, body: Annotated[bytes, Depends(read_notification)]
) -> Response:
    """For Google Health alone: tells that data have changed, which are then read again.

    Answered once that is stored. Whom or what the server does not know is passed over.
    """
    try:
        told: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    if told == VERIFICATION:
        return Response(status_code=201)
    keys: NotificationKeys = request.app.state.notification_keys
    await keys.check(request.headers, body)
    if not isinstance(told, dict | list):
        raise MalformedBody
    for outcome, count in (await take(request, told)).items():
        NOTIFICATIONS.labels(outcome).inc(count)
    return Response(status_code=204)


async def take(request: Request, told: object) -> Counter[Outcome]:
    """Notes what is to be read again, in a transaction for each person; how many entries came to
    what. An account that several apps connected counts for each.
    """
    outcomes: Counter[Outcome] = Counter()
    notices: dict[bytes, list[Notice]] = defaultdict(list)
    for each in read_notices(told):
        if isinstance(each, Notice):
            notices[digest_of(request.app.state.keyring, each.user_id)].append(each)
        else:
            outcomes[each] += 1
    if not notices:
        return outcomes
    async with request_transaction(request) as connection:
        owners = await find_owners(connection, notices.keys())
    first_days = request.app.state.settings.google_first_days
    for digest, listed in notices.items():
        for owner in owners.get(digest, []):
            async with request_transaction(request) as connection:
                outcomes += await _note(connection, *owner, first_days, listed)
        if digest not in owners:
            outcomes["unknown_person"] += len(listed)
    return outcomes


async def _note(
    connection: AsyncConnection,
    person_id: UUID,
    client_id: UUID,
    first_days: int,
    notices: list[Notice],
) -> Counter[Outcome]:
    """Notes what may be read for one connection."""
    await speak_for(connection, person_id=person_id)
    try:
        await take_gate(connection, person_id)
    except Unauthenticated:  # they have left a moment ago
        return Counter({"unknown_person": len(notices)})
    zone = await connection.scalar(select(Person.time_zone).where(Person.person_id == person_id))
    platform = GOOGLE_HEALTH.platform
    reach = await list_reach(connection, person_id, platform, client_id, first_days)
    told: dict[int, list[Window]] = defaultdict(list)
    outcomes: Counter[Outcome] = Counter()
    for each in notices:
        windows = to_windows(each, reach, zone or "UTC")
        if windows:
            told[each.type] += windows
        outcomes["noted" if windows else _reason(each, reach)] += 1
    if told:
        await note(connection, person_id, platform, client_id, told)
    return outcomes


def to_windows(notice: Notice, reach: Reach, zone: str) -> list[Window]:
    """What of a notice can be read again; spans that have no time in UTC can't."""
    if notice.type not in reach:
        return []
    found = []
    for span in notice.spans:
        try:
            found.append(clip(to_instants(span, zone), reach[notice.type]))
        except OverflowError:
            continue
    return [each for each in found if each is not None]


def _reason(notice: Notice, reach: Mapping[int, object]) -> Outcome:
    return "out_of_reach" if notice.type in reach else "not_collected"
