"""The application: Google's three services on one address, faults and quotas before them all.

In a test: `google = create_google()`, `google.state.world` is the World, and
`router.route(host__in=HOSTS).mock(side_effect=answers(google))` lets respx lead calls there.
As a process: `python -m tests.google --port 8765`, changed over `POST /world`.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from tests.google import control, fit, health, oauth
from tests.google.refusals import Refused, render
from tests.google.world import Call, World, now

HOSTS: Final = (
    "accounts.google.com",
    "oauth2.googleapis.com",
    "www.googleapis.com",
    "fitness.googleapis.com",
    "health.googleapis.com",
    "www.gstatic.com",
)
KEYSET: Final = "/googlehealthapi/webhooks/webhooks_public_keyset.json"
KINDS: Final = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"/o/oauth2/v2/auth", "oauth.authorize"),
        (r"/token", "oauth.token"),
        (r"/revoke", "oauth.revoke"),
        (r"/oauth2/v1/certs", "certs.x509"),
        (r"/oauth2/v3/certs", "certs.jwks"),
        (KEYSET, "keyset"),
        (fit.ROOT + r"/dataSources", "fit.sources"),
        (fit.ROOT + r"/dataSources/[^:]+:(?P<type>[^:]+):.+/datasets/[^/]+", "fit.datasets"),
        (fit.ROOT + r"/dataSources/[^:]+:(?P<type>[^:]+):.+/dataPointChanges", "fit.changes"),
        (fit.ROOT + r"/dataset:aggregate", "fit.aggregate"),
        (fit.ROOT + r"/sessions", "fit.sessions"),
        (health.ROOT + r"/identity", "health.identity"),
        (health.ROOT + r"/dataTypes/(?P<type>[^/]+)/dataPoints", "health.list"),
        (health.ROOT + r"/dataTypes/(?P<type>[^/]+)/dataPoints:reconcile", "health.reconcile"),
        (health.ROOT + r"/dataTypes/(?P<type>[^/]+)/dataPoints/[^/]+", "health.get"),
    )
)
Next = Callable[[Request], Awaitable[Response]]


def create_google(clock: Callable[[], datetime] = now, world: World | None = None) -> FastAPI:
    """Google, with `state.world` to change it by. `clock` is used if no world is given."""
    world = world or World(clock)
    app = FastAPI(openapi_url=None)
    app.state.world = world
    for room in (oauth, fit, health, control):
        app.include_router(room.router)

    @app.get(KEYSET)
    async def keyset() -> JSONResponse:
        """The keys of notifications."""
        headers = {"Cache-Control": "public, max-age=3600"}
        return JSONResponse(world.webhook_keys.keyset(), headers=headers)

    @app.exception_handler(Refused)
    async def refuse(request: Request, refused: Refused) -> Response:
        """Words a refusal as the API would that was called."""
        return render(api_of(classify(request)[0]), refused)

    @app.middleware("http")
    async def watch(request: Request, call_next: Next) -> Response:
        """Records each request but those to the stand-in itself, and lets it fail."""
        kind, data_type = classify(request)
        if kind == "world":
            return await call_next(request)
        call = await record(world, request, kind, data_type)
        answer = await attempt(world, request, call, call_next)
        call.status = answer.status_code
        return answer

    return app


def classify(request: Request) -> tuple[str, str | None]:
    """The kind of a request and the data type it is about."""
    path = request.scope["path"]
    for pattern, kind in KINDS:
        found = pattern.fullmatch(path)
        if found:
            data_type = found.groupdict().get("type") or request.query_params.get("dataTypeName")
            return kind, data_type
    return ("world" if path.startswith("/world") else "unknown"), None


def api_of(kind: str) -> str:
    """Whose error bodies a kind of request gets."""
    api = kind.partition(".")[0]
    return api if api in ("fit", "health") else "oauth"


async def record(world: World, request: Request, kind: str, data_type: str | None) -> Call:
    """Writes a request down."""
    token = world.tokens.bearer(request.headers.get("authorization"))
    form: dict[str, str] = {}
    if kind.startswith("oauth."):
        form = dict(parse_qsl((await request.body()).decode()))
    call = Call(
        kind, request.method, request.scope["path"], dict(request.query_params), form, data_type,
        token.user.sub if token else None,
    )  # fmt: skip
    world.calls.append(call)
    return call


async def attempt(world: World, request: Request, call: Call, call_next: Next) -> Response:
    """The answer: a fault's, the quota's, or the right one."""
    api = api_of(call.kind)
    wrong = world.faults.find(call.kind, call.data_type)
    if wrong is not None:
        return await world.faults.answer(api, request, wrong)
    try:
        if call.user is not None:
            world.quota.check(api, call.user, world.clock())
    except Refused as refused:
        return render(api, refused)
    return await call_next(request)


def answers(app: FastAPI) -> Callable[[httpx.Request], Awaitable[httpx.Response]]:
    """A side effect for respx: every request it gets is answered by the application."""
    transport = httpx.ASGITransport(app=app)

    async def answer(request: httpx.Request) -> httpx.Response:
        given = await transport.handle_async_request(request)
        content = await given.aread()
        return httpx.Response(given.status_code, headers=given.headers, content=content)

    return answer


def addresses(base: str) -> dict[str, str]:
    """The settings that lead the package to a stand-in at `base`, by their names."""
    return {
        "google_authorize_url": f"{base}/o/oauth2/v2/auth",
        "google_token_url": f"{base}/token",
        "google_revoke_url": f"{base}/revoke",
        "google_certs_url": f"{base}/oauth2/v1/certs",
        "google_fit_url": f"{base}{fit.ROOT}",
        "google_health_url": base,
        "google_health_keyset_url": f"{base}{KEYSET}",
    }
