"""Pages of who has signed in to leave, and the public pages of erasures."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy import Row, select

from vitalkeep.base import clock
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import ConfirmTokenInvalid, NotFound
from vitalkeep.disclosure import export
from vitalkeep.disclosure.routes import ExportStream, accepts_gzip
from vitalkeep.erasure import deactivate
from vitalkeep.erasure.certificate import Certificate
from vitalkeep.erasure.models import Erasure
from vitalkeep.erasure.settling import from_text
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.refresh import sign_out as end_sessions
from vitalkeep.persons.routes import TokenForm
from vitalkeep.records.changes import changes_cursor
from vitalkeep.web import leaving
from vitalkeep.web.pages import (
    HEADERS,
    delete_cookies,
    go_to,
    language_of,
    settings_of,
    show_page,
)
from vitalkeep.web.refusals import SessionEnded
from vitalkeep.web.sessions import (
    SESSION,
    VISIT,
    SignedIn,
    check_form,
    find_leaver,
    keep_session,
    load_leaver,
    time_left,
)
from vitalkeep.web.texts import write_day, write_time

router = APIRouter(include_in_schema=False)
ACCOUNT: Final = "/client/deactivate/account"
NOTICES: Final = ("agree", "again")


@router.get(ACCOUNT)
async def show_account(
    request: Request, session: SignedIn, connection: Connection, notice: str | None = None
) -> Response:
    """What leaving will delete and keep, and the button that does it. Looking makes time longer."""
    keyring = request.app.state.keyring
    person = await load_leaver(connection, keyring, session)
    if person is None:
        begun = await leaving.find_begun(connection, keyring, session.person_id)
        if begun is None:
            raise SessionEnded
        return bid_farewell(request, begun)
    answer = show_page(
        request,
        "account.html",
        notice=notice if notice in NOTICES else None,
        until=write_time(clock.now() + time_left(session), language_of(request), person.time_zone),
        form=session.form,
        person=await describe(request, connection, person),
    )
    return keep_session(request, answer, session)


async def describe(
    request: Request, connection: Connection, person: PersonCaller
) -> dict[str, object]:
    """Everything that the page says of the person, in words."""
    settings, language, zone = settings_of(request), language_of(request), person.time_zone
    found = await deactivate.preview(connection, request.app.state.keyring, person)
    kinds = await leaving.list_kinds(connection, person.person_id)
    until = clock.now() + timedelta(days=settings.backup_days)
    return {
        "kinds": [
            {
                "name": leaving.name_of_type(each.type, language),
                "count": f"{each.count:,}",
                "first": write_day(each.first, language, zone),
                "last": write_day(each.last, language, zone),
            }
            for each in kinds
        ],
        "total": f"{sum(each.count for each in kinds):,}",
        "recipients": await leaving.list_readers(connection, person),
        "connections": await leaving.list_connections(connection, person.person_id),
        "kept": leaving.list_kept(language, zone, until=until),
        "rotate_hours": settings.rotate_hours,
        "backups_until": write_day(until, language, zone),
        "erasure_id": found.erasure_id,
        "confirm_token": found.confirm_token,
    }


@router.post(ACCOUNT)
async def leave_for_good(request: Request, session: SignedIn, form: TokenForm) -> Response:
    """Deletes everything of the person who ticked the box."""
    check_form(form, session.form)
    if form.get("agreed") != "yes":
        return go_to(request, ACCOUNT, notice="agree")
    try:
        erasure_id = await leaving.leave(request, session, form.get("confirm_token", ""))
    except ConfirmTokenInvalid:
        return go_to(request, ACCOUNT, notice="again")
    return bid_farewell(request, erasure_id)


def bid_farewell(request: Request, erasure_id: UUID) -> Response:
    """To the erasure's page, with no cookie left."""
    answer = go_to(request, f"/client/erasures/{erasure_id}", notice="signed_out")
    return delete_cookies(request, answer, SESSION, VISIT)


@router.post("/client/deactivate/sign-out")
async def sign_out(
    request: Request, session: SignedIn, form: TokenForm, connection: Connection
) -> Response:
    """Ends the session without leaving."""
    check_form(form, session.form)
    if await find_leaver(connection, session):
        await take_gate(connection, session.person_id)
        await end_sessions(connection, "person", session.person_id)
    answer = go_to(request, "/client/deactivate", notice="signed_out")
    return delete_cookies(request, answer, SESSION, VISIT)


@router.get("/client/deactivate/export")
async def download_export(request: Request, session: SignedIn, connection: Connection) -> Response:
    """All of the person's records, to keep."""
    state = request.app.state
    person = await load_leaver(connection, state.keyring, session)
    if person is None:
        raise SessionEnded
    owner = export.Owner(person.person_id, person.key, session.epoch)
    begun = await export.begin(connection, owner)
    answer = ExportStream(
        state.engine,
        begun,
        cursor=changes_cursor(state.keyring, person.person_id, begun.snapshot.feed),
        gzip=accepts_gzip(request.headers.get("accept-encoding", "")),
    )
    answer.headers.update(HEADERS)
    return answer


async def get_erasure(connection: Connection, erasure_id: str) -> Row[tuple[object, ...]]:
    """The journal's row of an erasure. Raises NotFound."""
    try:
        wanted = UUID(erasure_id)
    except ValueError:
        raise NotFound from None
    query = select(Erasure.__table__).where(Erasure.erasure_id == wanted)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound
    return row


@router.get("/client/erasures/{erasure_id}")
async def show_erasure(
    request: Request, connection: Connection, erasure_id: str, notice: str | None = None
) -> Response:
    """How far an erasure is, for whoever has its unguessable id."""
    row = await get_erasure(connection, erasure_id)
    settings, language = settings_of(request), language_of(request)
    zone = settings.default_time_zone
    statement = row.certificate and Certificate.model_validate_json(row.certificate).statement

    def write(moment: datetime | None) -> str | None:
        return None if moment is None else write_time(moment, language, zone)

    return show_page(
        request,
        "erasure.html",
        stage=row.stage,
        erasure_id=str(row.erasure_id),
        requested_at=write(row.requested_at),
        erased_at=write(row.erased_at),
        shredded_at=write(row.shredded_at),
        signed_out=notice == "signed_out",
        statement=statement,
        told=from_text(row.outcomes) if row.outcomes else statement and statement.recipients,
        rows=f"{sum(statement.rows_deleted.values()):,}" if statement else None,
        kept=[
            leaving.to_kept(each, language, zone)
            for each in (statement and statement.retained) or ()
        ],
        keys=settings.public_url.rstrip("/") + "/.well-known/jwks.json",
    )


@router.get("/client/erasures/{erasure_id}/certificate")
async def download_certificate(connection: Connection, erasure_id: str) -> Response:
    """The signed certificate, as a file."""
    row = await get_erasure(connection, erasure_id)
    return attach(row.certificate, f"erasure-{row.erasure_id}.json")


@router.get("/client/erasures/{erasure_id}/shredded-certificate")
async def download_second_certificate(connection: Connection, erasure_id: str) -> Response:
    """The certificate of the end of the keys, as a file."""
    row = await get_erasure(connection, erasure_id)
    return attach(row.shredded_certificate, f"erasure-{row.erasure_id}-shredded.json")


def attach(certificate: str | None, name: str) -> Response:
    """A certificate to be saved. Raises NotFound while there is none."""
    if certificate is None:
        raise NotFound
    body = orjson.dumps(orjson.loads(certificate), option=orjson.OPT_INDENT_2)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, headers=headers, media_type="application/json")
