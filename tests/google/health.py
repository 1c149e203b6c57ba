"""The Google Health API v4: lists, one stream of all sources, single points, identity."""

import base64
import json
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request

from tests.google.accounts import Token
from tests.google.catalog import GOOGLEHEALTH, HEALTH_TYPES, HealthType
from tests.google.filters import Filter, parse_filter
from tests.google.health_store import HealthPoint, HealthStore, Key
from tests.google.refusals import Refused
from tests.google.world import Here

ROOT: Final = "/v4/users/me"
FAMILIES: Final = {
    "users/me/dataSourceFamilies/all-sources": None,
    "users/me/dataSourceFamilies/google-wearables": {"FITBIT"},
    "users/me/dataSourceFamilies/google-sources": {"FITBIT", "FIT", "FITBIT_WEB_API", "NEST"},
}


router = APIRouter(prefix=ROOT)


def caller(request: Request, world: Here) -> Token:
    """Who asks. Raises Refused."""
    token = world.tokens.bearer(request.headers.get("authorization"))
    if token is None:
        message = "Request had invalid authentication credentials."
        raise Refused(401, "INVALID_AUTHENTICATOR", message)
    return token


Caller = Annotated[Token, Depends(caller)]


@router.get("/identity")
async def identity(token: Caller, world: Here) -> dict[str, str]:
    """The id that notifications name."""
    needed = world.identity_scope
    if not any(s == needed if needed else s.startswith(GOOGLEHEALTH) for s in token.scopes):
        raise no_scope()
    require_profile(token.user.health)
    name, legacy = "users/me/identity", token.user.health.user_id[-6:]
    return {"name": name, "healthUserId": token.user.health.user_id, "legacyUserId": legacy}


@router.get("/dataTypes/{kebab}/dataPoints")
async def list_points(kebab: str, token: Caller, request: Request) -> dict[str, Any]:
    """Every source's points."""
    kind, query = readable_type(token, kebab), dict(request.query_params)
    store, chosen = token.user.health, to_filter(kind, query)
    points = candidates(store, kind, chosen, to_cursor(kind, query))
    page, following = cut(points, kind, query)
    found = [each.to_json(store.user_id) for each in page]
    return {"dataPoints": found, **following} if found else {}


@router.get("/dataTypes/{kebab}/dataPoints:reconcile")
async def reconcile(kebab: str, token: Caller, request: Request) -> dict[str, Any]:
    """One stream: of points with the same times one is left."""
    kind, query = readable_type(token, kebab), dict(request.query_params)
    store, chosen = token.user.health, to_filter(kind, query)
    points = candidates(store, kind, chosen, to_cursor(kind, query))
    page, following = cut(one_each(points), kind, query)
    found = [each.to_reconciled(store.user_id) for each in page]
    return {"dataPoints": found, **following} if found else {}


@router.get("/dataTypes/{kebab}/dataPoints/{point_id}")
async def get_point(kebab: str, point_id: str, token: Caller) -> dict[str, Any]:
    """One point, of the types that allow it."""
    kind, store = readable_type(token, kebab), token.user.health
    if not kind.has_ids:
        message = f"The data type {kebab} does not support get."
        raise Refused(400, "UNSUPPORTED_DATA_TYPE_ACTION", message)
    point = store.find(kebab, point_id)
    if point is None:
        raise Refused(404, "DATA_POINT_NOT_FOUND", "The data point was not found.")
    return point.to_json(store.user_id)


def no_scope() -> Refused:
    """The 403 of a token that lacks the scope."""
    message = "Request had insufficient authentication scopes."
    return Refused(403, "MISSING_OAUTH_SCOPE", message)


def require_profile(store: HealthStore) -> None:
    """Raises Refused for an account without a profile."""
    if not store.linked:
        message = "The account is not linked to a Google Health profile."
        raise Refused(400, "ACCOUNT_NOT_LINKED", message, rpc="FAILED_PRECONDITION")


def readable_type(token: Token, kebab: str) -> HealthType:
    """The type of that name. Raises Refused for an unknown type, a missing scope or profile."""
    kind = HEALTH_TYPES.get(kebab)
    if kind is None:
        message = f"Invalid data type ID referenced in the parent data type collection: {kebab}"
        raise Refused(400, "INVALID_PARENT_DATA_TYPE_COLLECTION", message)
    if f"{GOOGLEHEALTH}{kind.scope}.readonly" not in token.scopes:
        raise no_scope()
    require_profile(token.user.health)
    return kind


def to_filter(kind: HealthType, query: dict[str, str]) -> Filter:
    """Filter and family of sources together. Raises Refused."""
    parsed = parse_filter(query.get("filter", ""), kind)
    family = query.get("dataSourceFamily", "users/me/dataSourceFamilies/all-sources")
    if family not in FAMILIES:
        raise Refused(400, "INVALID_DATA_SOURCE_FAMILY", "The data source family is unknown.")
    platforms = FAMILIES[family]

    def passes(point: HealthPoint) -> bool:
        known = platforms is None or point.source["platform"] in platforms
        return known and parsed.test(point)

    return Filter(passes, parsed.low_ns, parsed.high_ns)


def candidates(
    store: HealthStore, kind: HealthType, chosen: Filter, before: Key | None
) -> Iterator[HealthPoint]:
    """What passes the filter, newest start first, from below the page token."""
    high = chosen.high_ns if before is None else min(chosen.high_ns, before[0] + 1)
    for point in store.between(kind.kebab, chosen.low_ns, high):
        if (before is None or point.key < before) and chosen.test(point):
            yield point


def one_each(points: Iterator[HealthPoint]) -> Iterator[HealthPoint]:
    """Of neighbours with the same times the newest, which hides the echoes of it."""
    last: tuple[int, int] | None = None
    for point in points:
        if (point.start_ns, point.end_ns) != last:
            yield point
        last = point.start_ns, point.end_ns


def cut(
    points: Iterator[HealthPoint], kind: HealthType, query: dict[str, str]
) -> tuple[list[HealthPoint], dict[str, str]]:
    """One page, and the token of the next; sizes above the most are cut down. Raises Refused."""
    usual, most = kind.page_sizes
    text = query.get("pageSize") or "0"
    if not text.isdecimal():
        raise Refused(400, "INVALID_PAGE_SIZE", "The page size has to be a number from 0 on.")
    size = min(int(text) or usual, most)
    found = list(islice(points, size + 1))
    page = found[:size]
    if len(found) <= size:
        return page, {}
    return page, {"nextPageToken": write_token(bound_of(kind, query), page[-1].key)}


def bound_of(kind: HealthType, query: dict[str, str]) -> str:
    """What a page token is good for."""
    return f"{kind.kebab} {query.get('filter', '')} {query.get('dataSourceFamily', '')}"


def to_cursor(kind: HealthType, query: dict[str, str]) -> Key | None:
    """Where the page token points. Raises Refused for one of another list."""
    text = query.get("pageToken")
    if not text:
        return None
    refused = Refused(400, "INVALID_PAGE_TOKEN", "The page token is not of this list.")
    try:
        bound, start, seq = json.loads(base64.urlsafe_b64decode(text))
    except ValueError:
        raise refused from None
    if bound != bound_of(kind, query):
        raise refused
    return start, seq


def write_token(bound: str, key: Key) -> str:
    """A page token."""
    return base64.urlsafe_b64encode(json.dumps([bound, *key]).encode()).decode()
