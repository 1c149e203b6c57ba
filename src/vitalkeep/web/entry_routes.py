"""Pages for who has not signed in: what leaving is, and the two ways in."""

import secrets
from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from vitalkeep.base.db import Connection, request_transaction
from vitalkeep.base.errors import NotFound
from vitalkeep.persons.routes import TokenForm
from vitalkeep.web import google_sign_in as google
from vitalkeep.web.leaving import list_kept_in_general
from vitalkeep.web.links import find_app_name, look_at_link, spend_link
from vitalkeep.web.pages import (
    ASSETS,
    HEADERS,
    go_to,
    language_of,
    path_to,
    settings_of,
    show_page,
)
from vitalkeep.web.refusals import FormNotOurs
from vitalkeep.web.sessions import (
    begin_session,
    check_form,
    find_visit,
    form_token,
    keep_session,
    keep_visit,
)
from vitalkeep.web.texts import to_language

router = APIRouter(include_in_schema=False)
MEDIA_TYPES = {"client.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
PAGE = "/client/deactivate"
ACCOUNT = "/client/deactivate/account"


@router.get(PAGE)
async def show_public_page(
    request: Request, connection: Connection, client: str | None = None, notice: str | None = None
) -> Response:
    """What leaving is, for everybody; an unknown app is not named."""
    settings = settings_of(request)
    start = path_to(request, f"{PAGE}/google") if google.is_configured(settings) else None
    return show_page(
        request,
        "public.html",
        app=await find_app_name(connection, client),
        google=start,
        signed_out=notice == "signed_out",
        kept=list_kept_in_general(settings.backup_days),
    )


@router.get(f"{PAGE}/link")
async def show_link(request: Request, connection: Connection, token: str = "") -> Response:
    """The page that a one-time link opens. Looking at it spends nothing."""
    keyring = request.app.state.keyring
    opened = await look_at_link(connection, keyring, token)
    note = find_visit(request) or {}
    visitor = str(note.get("visitor") or secrets.token_hex(16))
    answer = show_page(
        request,
        "link.html",
        app=await find_app_name(connection, str(opened.client_id)),
        token=token,
        form=form_token(keyring, visitor),
    )
    return keep_visit(request, answer, {**note, "visitor": visitor})


@router.post(f"{PAGE}/link")
async def open_link(request: Request, form: TokenForm, connection: Connection) -> Response:
    """Signs the person in by a one-time link, which is spent."""
    keyring = request.app.state.keyring
    visitor = (find_visit(request) or {}).get("visitor")
    check_form(form, form_token(keyring, str(visitor)) if visitor else None)
    person_id, epoch = await spend_link(connection, keyring, form.get("token", ""))
    return keep_session(request, go_to(request, ACCOUNT), begin_session(keyring, person_id, epoch))


@router.get(f"{PAGE}/google")
async def start_google(request: Request) -> Response:
    """Sends the browser to Google. A link, not a form: `form-action` would bind its redirects."""
    started = google.start(settings_of(request))
    answer = RedirectResponse(started.url, 303, headers=HEADERS)
    noted = {**(find_visit(request) or {}), **started.note, "language": language_of(request)}
    return keep_visit(request, answer, noted)


@router.get(google.CALLBACK)
async def finish_google(request: Request) -> Response:
    """Signs in the person whom Google named, if they are known here."""
    state, note = request.app.state, find_visit(request)
    request.state.language = to_language(str((note or {}).get("language", "")))
    certificates = state.token_endpoint.certificates
    # Google may be slow: no connection is held while it is asked.
    identity = await google.identify(state.settings, certificates, note, answer_of(request))
    async with request_transaction(request) as connection:
        person_id, epoch = await google.find_person(connection, state.keyring, identity)
    session = begin_session(state.keyring, person_id, epoch)
    return keep_session(request, go_to(request, ACCOUNT), session)


def answer_of(request: Request) -> Mapping[str, str]:
    """Google's answer. Raises FormNotOurs when a parameter is given twice."""
    pairs = request.query_params.multi_items()
    if len(dict(pairs)) != len(pairs):
        raise FormNotOurs
    return dict(pairs)


@router.get("/client/assets/{name}")
async def get_asset(name: str) -> Response:
    """The stylesheet and the icon: the address changes with the file."""
    if name not in MEDIA_TYPES:
        raise NotFound
    headers = {**HEADERS, "Cache-Control": "public, max-age=86400"}
    return Response((ASSETS / name).read_bytes(), headers=headers, media_type=MEDIA_TYPES[name])
