"""Pages: templates, languages, headers, cookies, and problems as pages."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypedDict
from urllib.parse import urlencode, urlsplit

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import RedirectResponse

from vitalkeep.base.errors import Problem
from vitalkeep.base.settings import UNDECLARED, Settings
from vitalkeep.web import texts
from vitalkeep.web.texts import Language, to_language

BASE_PATH: Final = "/client"
ASSETS: Final = Path(__file__).parent / "assets"
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
}
"""Of everything under `/client`; `X-Content-Type-Options` comes with every answer anyway."""
SAME_PAGE: Final = {"unauthenticated": "session_ended", "token_expired": "session_ended"}

TEMPLATES: Final = Environment(
    loader=PackageLoader("vitalkeep.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def language_of(request: Request) -> Language:
    """The language that was chosen: by the address, or where that can't say, by the sign-in."""
    chosen = request.query_params.get("lang")
    return to_language(chosen or getattr(request.state, "language", None))


def settings_of(request: Request) -> Settings:
    """The application's settings."""
    settings: Settings = request.app.state.settings
    return settings


def path_to(request: Request, path: str, **query: str | None) -> str:
    """The path of a page in the request's language, below the prefix that a proxy may add."""
    prefix = urlsplit(settings_of(request).public_url).path.rstrip("/")
    asked = {name: value for name, value in query.items() if value}
    return f"{prefix}{path}?{urlencode({'lang': language_of(request), **asked})}"


def show_page(request: Request, template: str, *, status: int = 200, **content: object) -> Response:
    """The page in the request's language."""
    language, settings = language_of(request), settings_of(request)

    def t(key: str, **values: object) -> str:
        return texts.text(key, language, **values)

    page = TEMPLATES.get_template(template).render(
        t=t,
        language=language,
        other=lambda wanted: _in_language(request, wanted),
        url=lambda path, **query: path_to(request, path, **query),
        style=path_to(request, f"{BASE_PATH}/assets/client.css", v=version("client.css")),
        icon=path_to(request, f"{BASE_PATH}/assets/icon.svg", v=version("icon.svg")),
        public=settings.public_url.rstrip("/"),
        company=declared(settings.controller_name),
        address=declared(settings.controller_address),
        contact=declared(settings.controller_contact),
        **content,
    )
    return Response(page, status, headers=HEADERS, media_type="text/html; charset=utf-8")


def _in_language(request: Request, language: str) -> str:
    """This page in another language. An answer to a form has none: its page is shown."""
    kept = {name: value for name, value in request.query_params.items() if name != "lang"}
    prefix = urlsplit(settings_of(request).public_url).path.rstrip("/")
    return f"{prefix}{request.url.path}?{urlencode({**kept, 'lang': language})}"


def declared(setting: str) -> str | None:
    """What the operator says of themselves, if they do."""
    return None if setting == UNDECLARED else setting


@cache
def version(name: str) -> str:
    """Changes with the file, so that a browser never shows a page with an old one."""
    return hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:12]


def go_to(request: Request, path: str, **query: str | None) -> Response:
    """See Other: what a form did is not done again by looking at what came of it."""
    return RedirectResponse(path_to(request, path, **query), 303, headers=HEADERS)


def set_cookie(request: Request, answer: Response, name: str, value: str, age: timedelta) -> None:
    """Gives the browser a cookie for our pages only."""
    answer.set_cookie(name, value, max_age=int(age.total_seconds()), **_scope_of(request))


def delete_cookies(request: Request, answer: Response, *names: str) -> Response:
    """Has the browser forget these cookies; the answer."""
    for name in names:
        answer.delete_cookie(name, **_scope_of(request))
    return answer


def _scope_of(request: Request) -> "CookieScope":
    # Strict would keep the cookie back when Google sends the browser to us.
    public = urlsplit(settings_of(request).public_url)
    return {
        "path": f"{public.path.rstrip('/')}{BASE_PATH}",
        "secure": public.scheme == "https",
        "httponly": True,
        "samesite": "lax",
    }


class CookieScope(TypedDict):
    """To whom a browser gives a cookie back."""

    path: str
    secure: bool
    httponly: bool
    samesite: Literal["lax"]


def problem_page(problem: Problem, request: Request) -> Response:
    """The page of a problem: what happened, what became of the data, what to do, a reference."""
    key = getattr(problem, "page", SAME_PAGE.get(problem.code, problem.code))
    known = f"problem_{key}" if f"problem_{key}_title" in texts.catalogue() else "problem_other"
    answer = show_page(
        request,
        "problem.html",
        status=problem.status,
        key=known,
        reference=request.scope.get("request_id", ""),
    )
    answer.headers.update(problem.headers)
    return answer
