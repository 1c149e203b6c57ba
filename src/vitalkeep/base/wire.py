"""What every request passes through: an id, the log line, metrics, and one rendering of errors."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import perf_counter
from types import MappingProxyType
from typing import TypeAlias
from uuid import uuid4

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitalkeep.base.errors import (
    BatchTooLarge,
    FieldError,
    InvalidRequest,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    Problem,
)
from vitalkeep.base.limits import MAX_INFLATED
from vitalkeep.base.logs import get_log
from vitalkeep.base.metrics import REQUESTS, SECONDS
from vitalkeep.base.outcomes import to_problem

NO_STORE = ("/v1", "/oauth", "/fhir")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
FIELD_CODES = {"missing": "missing", "extra_forbidden": "unknown_field"}


Rendering: TypeAlias = Callable[[Problem, Request], Response]
"""Makes the answer for a problem; the request's id is its scope's `request_id`."""


class RequestMiddleware:
    """Gives each request an id, logs and counts its answer, and catches what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application around another."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = perf_counter()
        request_id = uuid4().hex
        scope["request_id"] = request_id
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *extra_headers(scope, request_id)]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:  # the last resort: whatever it is becomes a problem document
            if status:
                raise
            request = Request(scope)
            answer = problem_response(request, to_problem(error, request))
            await answer(scope, receive, send_with_headers)
        finally:
            report(scope, request_id, status, perf_counter() - begun)


class BodyLimitMiddleware:
    """Refuses a body over 8 MiB on any route, before it has been read in full."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application around another."""
        received, over = 0, False

        async def receive_counted() -> Message:
            nonlocal received, over
            message = await receive()
            received += len(message.get("body", b""))
            over = over or received > MAX_INFLATED
            if over:
                raise BatchTooLarge
            return message

        async def send_unless_over(message: Message) -> None:
            # The framework turns what a body's reading raises into an answer of its own.
            if not over:
                await send(message)

        with suppress(BatchTooLarge):
            await self.app(scope, receive_counted, send_unless_over)
        if over:
            await problem_response(Request(scope), BatchTooLarge())(scope, receive, send)


def extra_headers(scope: Scope, request_id: str) -> list[tuple[bytes, bytes]]:
    """Headers of every answer; nothing of a person may be kept by a cache."""
    headers = [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]
    if scope["path"].startswith(NO_STORE):
        headers.append((b"cache-control", b"no-store"))
    return headers


def report(scope: Scope, request_id: str, status: int, seconds: float) -> None:
    """One log line and two metrics, by route template: paths hold ids, and a caller can invent
    methods.
    """
    method = scope["method"] if scope["method"] in METHODS else "other"
    route = getattr(scope.get("route"), "path", "unmatched")
    REQUESTS.labels(method, route, str(status)).inc()
    SECONDS.labels(route).observe(seconds)
    get_log().info(
        "request",
        request_id=request_id,
        method=method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 1),
        caller=scope.get("caller_kind", "anonymous"),
    )


def problem_response(request: Request, problem: Problem) -> Response:
    """The answer for a problem: a problem document, or what its path has in its place."""
    state = getattr(request.scope.get("app"), "state", None)
    renderings: Mapping[str, Rendering] = getattr(state, "renderings", {})
    path, instance = request.scope["path"], request.scope.get("request_id", "")
    for prefix, render in renderings.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return render(problem, request)
    return problem_document(problem, instance)


def problem_document(problem: Problem, instance: str) -> Response:
    """The problem as RFC 9457 writes it."""
    return Response(
        orjson.dumps(problem.document(instance)),
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )


def add_problem_handlers(
    app: FastAPI, renderings: Mapping[str, Rendering] = MappingProxyType({})
) -> None:
    """Renders every refusal, ours and the framework's, as a problem document.

    `renderings` are for paths on which a standard has another form, by the path's beginning.
    """
    app.state.renderings = renderings

    async def refuse(request: Request, problem: Exception) -> Response:
        known = problem if isinstance(problem, Problem) else to_problem(problem, request)
        return problem_response(request, known)

    async def refuse_shape(request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        problem = validation_problem(found)
        sent = request.headers.get("content-type", "")
        if "json" not in sent and any(each["loc"] == ("body",) for each in found):
            # The framework takes a body for JSON only when it is called so.
            problem.detail = "Send the body as JSON, with `Content-Type: application/json`."
        return problem_response(request, problem)

    async def refuse_body(request: Request, _error: Exception) -> Response:
        return problem_response(request, MalformedBody())

    async def refuse_path(request: Request, _error: Exception) -> Response:
        return problem_response(request, NotFound("There is no such path; see /docs."))

    async def refuse_method(request: Request, error: Exception) -> Response:
        # The framework knows the methods of the path (`Allow`, RFC 9110 section 15.5.6).
        headers: Mapping[str, str] | None = getattr(error, "headers", None)
        return problem_response(request, MethodNotAllowed(headers=headers))

    app.add_exception_handler(Problem, refuse)
    app.add_exception_handler(RequestValidationError, refuse_shape)
    app.add_exception_handler(400, refuse_body)
    app.add_exception_handler(404, refuse_path)
    app.add_exception_handler(405, refuse_method)


def validation_problem(found: Sequence[dict[str, object]]) -> Problem:
    """What the validator found, as pointers and codes; its `input` is never repeated."""
    if any(each["type"] == "json_invalid" for each in found):
        return MalformedBody()
    errors: list[FieldError] = []
    for each in found:
        location = each["loc"]
        path = location[1:] if isinstance(location, tuple) else ()
        pointer = "".join(
            "/" + str(part)[:64].replace("~", "~0").replace("/", "~1") for part in path
        )
        errors.append({"pointer": pointer, "code": FIELD_CODES.get(str(each["type"]), "invalid")})
    return InvalidRequest(errors=errors)
