"""Who is at the browser: nobody yet, or a person who signed in a moment ago.

A session lives in a sealed cookie and is good while the person's `token_epoch` is the one it was
begun under. So signing out, here or in the app, ends it on the server, too.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.keys import Keyring, base64url
from vitalkeep.base.session import speak_for
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.lookup import NO_APP, load_person
from vitalkeep.persons.models import Person
from vitalkeep.web.pages import delete_cookies, set_cookie
from vitalkeep.web.refusals import FormNotOurs, SessionEnded
from vitalkeep.web.tickets import open_ticket, seal_ticket

VISIT: Final = "vitalkeep_visit"
SESSION: Final = "vitalkeep_session"
VISIT_LASTS: Final = timedelta(minutes=30)
SESSION_LASTS: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=3)
"""A session can be made longer more than ten times. Source: WCAG 2.2, 2.2.1."""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person at a browser; `form` is the token that their forms have to carry."""

    session_id: str
    person_id: UUID
    epoch: int
    began_at: datetime
    form: str


def begin_session(keyring: Keyring, person_id: UUID, epoch: int) -> Session:
    """A session for somebody who has just shown who they are."""
    return _session(keyring, secrets.token_hex(16), person_id, epoch, clock.now())


def _session(
    keyring: Keyring, session_id: str, person_id: UUID, epoch: int, began_at: datetime
) -> Session:
    return Session(session_id, person_id, epoch, began_at, form_token(keyring, session_id))


def keep_session(request: Request, answer: Response, session: Session) -> Response:
    """Gives the browser the session for the next 15 minutes, and takes what came before it."""
    lasts = time_left(session)
    content = {
        "id": session.session_id,
        "person": str(session.person_id),
        "epoch": session.epoch,
        "began": session.began_at.timestamp(),
    }
    ticket = seal_ticket(request.app.state.keyring, SESSION, content, lasts)
    set_cookie(request, answer, SESSION, ticket, lasts)
    return delete_cookies(request, answer, VISIT)


def time_left(session: Session) -> timedelta:
    """How long the session lasts from now: 15 minutes, but no longer than three hours in all."""
    return min(SESSION_LASTS, session.began_at + LONGEST - clock.now())


def require_session(request: Request) -> Session:
    """The session of the request's cookie; the person has still to be loaded.

    Raises SessionEnded.
    """
    keyring: Keyring = request.app.state.keyring
    found = open_ticket(keyring, SESSION, request.cookies.get(SESSION, ""))
    if found is None:
        raise SessionEnded
    began_at = datetime.fromtimestamp(float(str(found["began"])), tz=clock.now().tzinfo)
    person_id, epoch = UUID(str(found["person"])), int(str(found["epoch"]))
    session = _session(keyring, str(found["id"]), person_id, epoch, began_at)
    request.scope["caller_kind"] = "person"
    if time_left(session) <= timedelta(0):
        raise SessionEnded
    return session


SignedIn = Annotated[Session, Depends(require_session)]


async def find_leaver(connection: AsyncConnection, session: Session) -> bool:
    """Whether the person is still here; False if they are leaving or have left.

    Raises SessionEnded for a session that was ended on the server.
    """
    query = select(Person.state, Person.token_epoch).where(Person.person_id == session.person_id)
    row = (await connection.execute(query)).first()
    if row is None or row.state != "active":
        return False
    if row.token_epoch != session.epoch:
        raise SessionEnded
    return True


async def load_leaver(
    connection: AsyncConnection, keyring: Keyring, session: Session
) -> PersonCaller | None:
    """The signed-in person; None if they are leaving or have left. Raises SessionEnded."""
    await speak_for(connection, person_id=session.person_id)
    if not await find_leaver(connection, session):
        return None
    return await load_person(connection, keyring, session.person_id, NO_APP)


def form_token(keyring: Keyring, visitor: str) -> str:
    """What a form has to carry to be known as one of this visitor's pages."""
    return base64url(keyring.digest("web-form", visitor)[:24])


def check_form(form: Mapping[str, str], expected: str | None) -> None:
    """Raises FormNotOurs unless the form carries the token of the visitor's own page."""
    given = form.get("form", "").encode()
    if expected is None or not hmac.compare_digest(given, expected.encode()):
        raise FormNotOurs


def find_visit(request: Request) -> dict[str, object] | None:
    """What was noted for this browser before anybody signed in, or None."""
    return open_ticket(request.app.state.keyring, VISIT, request.cookies.get(VISIT, ""))


def keep_visit(request: Request, answer: Response, note: Mapping[str, object]) -> Response:
    """Has the browser bring the note back within 30 minutes."""
    ticket = seal_ticket(request.app.state.keyring, VISIT, note, VISIT_LASTS)
    set_cookie(request, answer, VISIT, ticket, VISIT_LASTS)
    return answer
