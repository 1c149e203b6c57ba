"""The Fitness API: data sources, datasets, changes and aggregates."""

import base64
import json
import re
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from tests.google.accounts import Token
from tests.google.aggregates import aggregate
from tests.google.catalog import FIT_TYPES, FITNESS, GMS, FitType
from tests.google.fit_sessions import list_sessions
from tests.google.fit_store import FitPoint, FitStore, Key
from tests.google.refusals import Refused
from tests.google.world import Here

ROOT: Final = "/fitness/v1/users/me"
RANGE: Final = re.compile(r"(\d{1,19})-(\d{1,19})")


router = APIRouter(prefix=ROOT)


def caller(request: Request, world: Here) -> Token:
    """Who asks. Raises Refused."""
    token = world.tokens.bearer(request.headers.get("authorization"))
    if token is None:
        raise Refused(401, "authError", "Request had invalid authentication credentials.")
    return token


Caller = Annotated[Token, Depends(caller)]


@router.get("/dataSources")
async def data_sources(
    token: Caller, names: Annotated[list[str] | None, Query(alias="dataTypeName")] = None
) -> dict[str, Any]:
    """The sources of the named types, or of all that the token may read."""
    kinds = [known_type(name) for name in names or ()]
    for kind in kinds:
        require_scope(token, kind)
    if not kinds:
        kinds = [kind for kind in FIT_TYPES.values() if may_read(token, kind)]
    store = token.user.fit
    return {"dataSource": [each for kind in kinds for each in list_sources(store, kind)]}


@router.get("/dataSources/{source:path}/datasets/{dataset}")
async def datasets(
    source: str, dataset: str, token: Caller, world: Here, limit: str | None = None,
    page: Annotated[str, Query(alias="pageToken")] = "",
) -> dict[str, Any]:  # fmt: skip
    """One page: the newest points that are left, oldest first within the page."""
    kind = readable_source(token, source)
    found = RANGE.fullmatch(dataset)
    if found is None or int(found[1]) > int(found[2]):
        raise bad("Invalid dataset id: minimum and maximum time in nanoseconds")
    start_ns, end_ns = int(found[1]), int(found[2])
    size = min(to_limit(limit, world.fit_page), world.fit_page)
    before = read_page(page, f"{source} {dataset}")
    points = (
        each
        for each in token.user.fit.between(kind.name, start_ns, end_ns, before)
        if each.seen_by(source)
    )
    return to_dataset(source, (start_ns, end_ns), list(islice(points, size + 1)), size)


@router.get("/dataSources/{source:path}/dataPointChanges")
async def data_point_changes(
    source: str, token: Caller, world: Here, limit: str | None = None,
    page: Annotated[str, Query(alias="pageToken")] = "",
) -> dict[str, Any]:  # fmt: skip
    """What came and went since the token; the token that comes back is for next time."""
    kind = readable_source(token, source)
    size = min(to_limit(limit, world.fit_page), world.fit_page)
    begun = read_page(page, source)
    return to_changes(token.user.fit, kind, source, begun[0] if begun else 0, size)


@router.post("/dataset:aggregate")
async def aggregates(token: Caller, request: Request) -> dict[str, Any]:
    """Buckets of at most thirty days together."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise bad("Invalid JSON payload received.") from None
    kinds = [aggregated_type(each) for each in body.get("aggregateBy", [])]
    for kind in kinds:
        require_scope(token, kind)
    return aggregate(token.user.fit, kinds, body)


@router.get("/sessions")
async def sessions(token: Caller, request: Request) -> dict[str, Any]:
    """Sessions of a time, or those that changed."""
    if not any(scope.startswith(FITNESS) for scope in token.scopes):
        raise no_scope()
    return list_sessions(token.user.fit, request.query_params)


def bad(message: str) -> Refused:
    """A 400."""
    return Refused(400, "badRequest", message)


def no_scope() -> Refused:
    """The 403 of a token that lacks the scope."""
    message = "Request had insufficient authentication scopes."
    return Refused(403, "insufficientPermissions", message)


def may_read(token: Token, kind: FitType) -> bool:
    """Whether the token has the type's read scope."""
    return f"{FITNESS}{kind.scope}.read" in token.scopes


def require_scope(token: Token, kind: FitType) -> None:
    """Raises Refused."""
    if not may_read(token, kind):
        raise no_scope()


def known_type(name: str) -> FitType:
    """The type of that name. Raises Refused."""
    kind = FIT_TYPES.get(name)
    if kind is None:
        raise bad(f"Unknown data type: {name}")
    return kind


def aggregated_type(by: dict[str, str]) -> FitType:
    """The type that one `aggregateBy` names, itself or by a source. Raises Refused."""
    of_source = by.get("dataSourceId", "").partition(":")[2].partition(":")[0]
    return known_type(by.get("dataTypeName") or of_source)


def readable_source(token: Token, source: str) -> FitType:
    """The type of a data source that exists. Raises Refused."""
    parts = source.split(":")
    kind = FIT_TYPES.get(parts[1]) if len(parts) > 1 else None
    if kind is None:
        raise bad(f"Invalid data source id: {source}")
    require_scope(token, kind)
    known = {kind.derived_id, *kind.more_derived, *token.user.fit.raw_sources(kind.name)}
    if source not in known:
        raise Refused(404, "notFound", "Data source not found")
    return kind


def to_limit(text: str | None, most: int) -> int:
    """The page's size. Raises Refused."""
    if text is None:
        return most
    if not text.isdecimal() or int(text) == 0:
        raise bad("Invalid value for limit")
    return int(text)


def list_sources(store: FitStore, kind: FitType) -> list[dict[str, Any]]:
    """The derived sources and each raw one; none if nothing was ever written."""
    raw = store.raw_sources(kind.name)
    derived = [kind.derived_id, *kind.more_derived] if raw else []
    return [to_source(kind, each) for each in (*derived, *raw)]


def to_source(kind: FitType, source: str) -> dict[str, Any]:
    """A data source as the API writes it."""
    category, _, package, stream = source.split(":", 3)
    optional: list[dict[str, Any]] = [{}, *[{"optional": True}] * (len(kind.fields) - 1)]
    fields = [
        {"name": name, "format": form, **more}
        for (name, form), more in zip(kind.fields, optional, strict=True)
    ]
    described = {
        "dataStreamId": source,
        "dataStreamName": stream,
        "type": category,
        "dataType": {"name": kind.name, "field": fields},
        "application": {"packageName": package},
        "dataQualityStandard": [],
    }
    if package == GMS:
        return described
    device = {"uid": "5d2f", "type": "phone", "manufacturer": "Example", "model": "Phone 8",
              "version": ""}  # fmt: skip
    return {**described, "device": device}


def to_dataset(
    source: str, span: tuple[int, int], found: list[FitPoint], size: int
) -> dict[str, Any]:
    """A page of a dataset, from up to one point more than it holds."""
    page = found[:size]
    dataset: dict[str, Any] = {
        "minStartTimeNs": str(span[0]),
        "maxEndTimeNs": str(span[1]),
        "dataSourceId": source,
        "point": [each.to_json(source) for each in reversed(page)],
    }
    if len(found) > size:
        bound = f"{source} {span[0]}-{span[1]}"
        dataset["nextPageToken"] = write_page(bound, page[-1].key)
    return dataset


def to_changes(
    store: FitStore, kind: FitType, source: str, begin: int, size: int
) -> dict[str, Any]:
    """`size` changes from number `begin` on, of the points that the source has."""
    found: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    offset = 0
    for change in store.changes[kind.name]:
        first, last = max(begin, offset), min(begin + size, offset + change.size)
        for number in range(first, last):
            point = change.at(number - offset)
            if point.seen_by(source):
                found[change.deleted].append(point.to_json(source))
        offset += change.size
    return {
        "dataSourceId": source,
        "insertedDataPoint": found[False],
        "deletedDataPoint": found[True],
        "nextPageToken": write_page(source, (min(begin + size, max(begin, offset)), 0, 0)),
    }


def write_page(bound: str, key: Key) -> str:
    """A page token, good for one dataset only."""
    return base64.urlsafe_b64encode(json.dumps([bound, *key]).encode()).decode()


def read_page(text: str, bound: str) -> Key | None:
    """Where a page token points. Raises Refused for one of another dataset."""
    if not text:
        return None
    try:
        of, end, start, seq = json.loads(base64.urlsafe_b64decode(text))
    except ValueError:
        raise bad("Invalid pageToken") from None
    if of != bound:
        raise bad("Invalid pageToken")
    return end, start, seq
