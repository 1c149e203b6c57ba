"""Routes of connections. The callback alone is called without a token: by the person's browser."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import RedirectResponse

from vitalkeep.base import clock
from vitalkeep.base.db import Connection, request_transaction
from vitalkeep.base.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.logs import get_log
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.base.settings import Settings
from vitalkeep.connectors import authorizing
from vitalkeep.connectors.authorizing import Pending, Result, enter_denial, enter_grant
from vitalkeep.connectors.disconnecting import disconnect
from vitalkeep.connectors.faults import PROBLEMS, GoogleFault
from vitalkeep.connectors.granted import change_connection
from vitalkeep.connectors.moving import connection_problem, has_moved, type_problem
from vitalkeep.connectors.oauth import Tokens, exchange, revoke
from vitalkeep.connectors.providers import BY_PATH, BY_PLATFORM, ProviderName
from vitalkeep.connectors.schemas import (
    AuthorizationStarted,
    ConnectedType,
    ConnectionList,
    ConnectionProblem,
    ConnectionRequest,
    ConnectionView,
)
from vitalkeep.connectors.stored import (
    ConnectionRow,
    TypeRow,
    find_connection,
    list_connections,
    list_types,
)
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.access import PersonCaller, SignedInPerson
from vitalkeep.persons.gate import take_gate
from vitalkeep.records.deletion import TypeName

router = APIRouter(tags=["connections"])
SIGNED_IN = problems(Unauthenticated, Forbidden)
Short = Annotated[str | None, Query(max_length=4096)]


@router.post(
    "/v1/me/connections/{provider}",
    responses={**SIGNED_IN, **problems(InvalidRequest, Conflict)},
    openapi_extra=REPEATABLE,
)
async def start_connection(
    request: Request,
    provider: ProviderName,
    person: SignedInPerson,
    connection: Connection,
    wanted: ConnectionRequest,
) -> AuthorizationStarted:
    """Begin to connect a Google account: open the URL in the person's browser.

    What they agree to there becomes consent to collect those types, under the policy that they
    agreed to last with this app, else the newest one: show it before.
    """
    url = await authorizing.begin(
        connection,
        request.app.state.settings,
        person,
        BY_PATH[provider],
        wanted.types,
        wanted.redirect_uri,
    )
    return AuthorizationStarted(authorization_url=url)


@router.get(
    "/v1/connections/callback",
    status_code=303,
    response_class=RedirectResponse,
    responses=problems(NotFound, InvalidRequest),
)
async def finish_connection(
    request: Request,
    state: Annotated[str, Query(min_length=1, max_length=200)],
    code: Short = None,
    error: Short = None,
) -> RedirectResponse:
    """Where Google sends the person back to; answers with a redirect to the app."""
    async with request_transaction(request) as connection:
        pending = await authorizing.take_pending(connection, request.app.state.keyring, state)
    result = await _conclude(request, pending, code, error)
    return RedirectResponse(
        back_to(pending.redirect_uri, pending.provider.name, result), status_code=303
    )


async def _conclude(
    request: Request, pending: Pending, code: str | None, error: str | None
) -> Result:
    """Asks Google for the tokens, without a connection held, and enters what came of it."""
    settings: Settings = request.app.state.settings
    tokens: Tokens | None = None
    try:
        if code is not None and error is None:
            tokens = await exchange(settings, code, pending.verifier, pending.asked)
            async with request_transaction(request) as connection:
                return await enter_grant(connection, pending, tokens)
        if error == "access_denied":
            async with request_transaction(request) as connection:
                await enter_denial(connection, pending)
            return "refused"
    except GoogleFault as fault:
        get_log().warning("connect_failed", provider=pending.provider.name, code=fault.code)
    except Unauthenticated:
        if tokens is not None:
            await _give_back(settings, tokens)
    return "failed"


async def _give_back(settings: Settings, tokens: Tokens) -> None:
    """Revokes a grant of somebody who left while they were at Google, as far as Google answers."""
    try:
        await revoke(settings, tokens)
    except GoogleFault as fault:
        get_log().warning("revoke_failed", code=fault.code)


def back_to(redirect_uri: str, provider: str, result: str) -> str:
    """The app's redirect_uri with what came of it among its query parameters."""
    parts = urlsplit(redirect_uri)
    query = [*parse_qsl(parts.query, keep_blank_values=True)]
    query += [("provider", provider), ("result", result)]
    return urlunsplit(parts._replace(query=urlencode(query)))


@router.get("/v1/me/connections", response_model_exclude_none=True, responses=SIGNED_IN)
async def list_my_connections(person: SignedInPerson, connection: Connection) -> ConnectionList:
    """The calling app's connections: how each stands, and what each type last brought."""
    return ConnectionList(
        connections=[
            await _view(connection, person, row)
            for row in await list_connections(connection, person)
        ]
    )


@router.post(
    "/v1/me/connections/{provider}/sync",
    status_code=202,
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(NotFound, InvalidRequest, Conflict)},
    openapi_extra=REPEATABLE,
)
async def sync_connection(
    provider: ProviderName, person: SignedInPerson, connection: Connection
) -> ConnectionView:
    """Have it pulled from as soon as may be; what Google asked to leave alone waits until then."""
    platform = BY_PATH[provider].platform
    await take_gate(connection, person.person_id)
    row = await find_connection(connection, person, platform)
    if row is None or row.state == "disconnecting":
        raise NotFound("There is no such connection.")
    if row.state == "ended":
        raise Conflict(PROBLEMS[row.problem or "authorization_ended"])
    if row.lease is None:  # else it is being pulled from right now
        await change_connection(connection, person, platform, due_at=clock.now(), pull_at=None)
    return await _view(connection, person, row)


@router.delete(
    "/v1/me/connections/{provider}",
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(NotFound, InvalidRequest)},
)
async def end_connection(
    provider: ProviderName,
    person: SignedInPerson,
    connection: Connection,
    type: Annotated[list[TypeName] | None, Query(max_length=20)] = None,
) -> ConnectionList:
    """Disconnect these types, or all; what is left. `type` may be repeated.

    The consents that came of Google's grant are withdrawn and what they let in is deleted. When the
    person's last connection goes, the grant is revoked at Google.
    """
    await disconnect(connection, person, BY_PATH[provider], type)
    return await list_my_connections(person, connection)


async def _view(
    connection: AsyncConnection, person: PersonCaller, row: ConnectionRow
) -> ConnectionView:
    types = await list_types(connection, person, row.provider)
    return to_view(row, types, moved=await has_moved(connection, person))


def to_view(row: ConnectionRow, types: Sequence[TypeRow], *, moved: bool) -> ConnectionView:
    """A connection as the person sees it; `moved`: there is one to Google Health, too."""
    return ConnectionView(
        provider=BY_PLATFORM[row.provider].name,
        state=row.state,
        types={
            BY_NUMBER[each.type].name: ConnectedType(
                granted=each.granted,
                last_success_at=each.last_success_at,
                problem=to_problem(type_problem(row, each, moved=moved)),
            )
            for each in sorted(types, key=lambda each: each.type)
        },
        connected_at=row.connected_at,
        problem=to_problem(connection_problem(row, moved=moved)),
    )


def to_problem(code: str | None) -> ConnectionProblem | None:
    """A stored problem in words."""
    return None if code is None else ConnectionProblem(code=code, detail=PROBLEMS[code])
