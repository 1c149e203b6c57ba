"""What a person sees before they leave, and the act itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from fastapi import Request
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import request_transaction
from vitalkeep.base.errors import ConfirmTokenInvalid
from vitalkeep.base.keys import Keyring
from vitalkeep.base.logs import fault, get_log
from vitalkeep.base.session import speak_for
from vitalkeep.care.cases import list_own_cases
from vitalkeep.connectors.models import Connection as Provided
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.erasure import deactivate
from vitalkeep.erasure.certificate import (
    CERTIFICATE_KEPT,
    ID_KEPT,
    PAPER_KEPT,
    Erased,
    Retained,
    list_retained,
)
from vitalkeep.erasure.journal import begin, finish, seal_person
from vitalkeep.erasure.models import Erasure
from vitalkeep.erasure.recipients import list_recipients
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.models import Record
from vitalkeep.web.sessions import Session, find_leaver
from vitalkeep.web.texts import Language, catalogue, text, write_day

KEPT_KEYS: Final = {
    CERTIFICATE_KEPT: "kept_certificate",
    ID_KEPT: "kept_id",
    PAPER_KEPT: "kept_paper",
}


@dataclass(frozen=True, slots=True)
class KindOfRecord:
    """How many live records of a type there are, and over which time they begin."""

    type: str
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who was given a consent: `app`, `organization` or `person`; a relative as they are called."""

    kind: str
    name: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that stays: the key of its text, or its own words where there is none yet."""

    key: str | None
    what: str
    basis: str
    until: str | None = None
    days: int | None = None


async def list_kinds(connection: AsyncConnection, person_id: UUID) -> list[KindOfRecord]:
    """The person's live records by type."""
    start = Record.start_time
    query = (
        select(Record.type, func.count(), func.min(start), func.max(start))
        .where(Record.person_id == person_id, Record.sealed.is_not(None))
        .group_by(Record.type)
        .order_by(Record.type)
    )
    rows = (await connection.execute(query)).all()
    return [KindOfRecord(BY_NUMBER[row[0]].name, row[1], row[2], row[3]) for row in rows]


async def list_readers(connection: AsyncConnection, person: PersonCaller) -> list[Recipient]:
    """Everybody who was ever given a consent, relatives by the name that the person gave them."""
    cases = await list_own_cases(connection, person)
    called = {each.relative.id: each.relative.label for each in cases if each.relative}
    return [
        Recipient(each.kind, each.name or called.get(each.recipient_id))
        for each in await list_recipients(connection, person.person_id)
    ]


async def list_connections(connection: AsyncConnection, person_id: UUID) -> Sequence[str]:
    """The providers with a grant of the person's: `google_fit`, `google_health`."""
    query = select(Provided.provider).where(
        Provided.person_id == person_id, Provided.sealed_tokens.is_not(None)
    )
    return (await connection.scalars(query.distinct().order_by(Provided.provider))).all()


def list_kept(language: Language, zone: str, *, until: datetime) -> list[Kept]:
    """What would stay of somebody who left now, as a certificate would say it."""
    now = clock.now()
    example = Erased(now, now, until, rows_deleted={}, epoch=0)
    return [to_kept(each, language, zone) for each in list_retained(example)]


def to_kept(told: Retained, language: Language, zone: str) -> Kept:
    """A certificate's words in the person's language."""
    until = told.until and write_day(datetime.fromisoformat(told.until), language, zone)
    return Kept(KEPT_KEYS.get(told.what), told.what, told.basis, until)


def list_kept_in_general(days: int) -> list[Kept]:
    """What stays, for who has not signed in."""
    now = clock.now()
    example = Erased(now, now, now + timedelta(days=days), rows_deleted={}, epoch=0)
    return [
        Kept(KEPT_KEYS.get(each.what), each.what, each.basis, days=days if each.until else None)
        for each in list_retained(example)
    ]


def name_of_type(kind: str, language: Language) -> str:
    """What people call a type of record."""
    key = f"type_{kind}"
    return text(key, language) if key in catalogue() else kind.replace("_", " ")


async def leave(request: Request, session: Session, confirm_token: str) -> UUID:
    """Deletes everything of the signed-in person; the id of the erasure.

    Once begun it is finished, by the worker if need be: whatever stops it here is only logged, and
    the erasure's page says how far it is. Raises SessionEnded; ConfirmTokenInvalid also for who is
    leaving already, whom the account's page leads on.
    """
    state = request.app.state
    person_id = session.person_id
    async with request_transaction(request) as connection:
        await speak_for(connection, person_id=person_id)
        if not await find_leaver(connection, session):
            raise ConfirmTokenInvalid
        wanted = deactivate.confirmed_erasure(state.keyring, person_id, confirm_token)
        erasure_id = await begin(connection, state.keyring, person_id, wanted, route="web")
    try:
        await finish(state.engine, state.keyring, state.settings, erasure_id)
    except Exception as error:
        get_log().error("erasure_not_finished", **fault(error))
    return erasure_id


async def find_begun(connection: AsyncConnection, keyring: Keyring, person_id: UUID) -> UUID | None:
    """The erasure of somebody who is leaving, or has left and is not forgotten yet."""
    query = select(Erasure.erasure_id)
    sealed = seal_person(keyring, person_id)
    return await connection.scalar(query.where(Erasure.sealed_person == sealed))
