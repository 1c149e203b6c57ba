"""The operator's desk: one operator enters a request to leave, another one approves it.

Nothing is deleted before that. Approving enters the erasure in the same journal as the app's route.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Conflict, Forbidden, NotFound, Unauthenticated
from vitalkeep.base.keys import Keyring
from vitalkeep.erasure.deactivate import ERASURE
from vitalkeep.erasure.journal import begin
from vitalkeep.erasure.models import PendingRequest, RequestPaper
from vitalkeep.erasure.papers import (
    AGENTS,
    IDENTITY_CHECKS,
    PAPERS,
    REFUSALS,
    Paper,
    fold,
    read_note,
    read_operator,
    read_paper,
    require_known,
    seal_operator,
)
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.lookup import load_person

APPROVE_WITHIN: Final = timedelta(days=14)
LEFT: Final = "The person has left meanwhile: there is nothing to approve any more."


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it comes to the desk. `identity_check` and `agent` are codes of `papers`."""

    operator: str
    identity_check: str
    agent: str | None = None
    note: str | None = None


async def enter_request(
    connection: AsyncConnection, keyring: Keyring, person: PersonCaller, asked: Asked
) -> tuple[UUID, datetime]:
    """Enters a request to erase the person: its id, and until when it can be approved.

    Raises InvalidRequest; Conflict if another one is pending; Unauthenticated if they are leaving.
    """
    operator = read_operator(asked.operator)
    require_known(asked.identity_check, IDENTITY_CHECKS, "--identity-check")
    if asked.agent is not None:
        require_known(asked.agent, AGENTS, "--agent")
    note, request_id, now = read_note(asked.note), uuid4(), clock.now()
    until = now + APPROVE_WITHIN
    await take_gate(connection, person.person_id)
    mine = PendingRequest.person_id == person.person_id
    await connection.execute(delete(PendingRequest).where(mine, PendingRequest.expires_at <= now))
    pending = (
        postgresql.insert(PendingRequest)
        .values(
            person_id=person.person_id,
            request_id=request_id,
            expires_at=until,
            sealed_note=note and person.key.seal(note.encode(), *note_place(request_id)),
        )
        .on_conflict_do_nothing()
        .returning(PendingRequest.request_id)
    )
    if await connection.scalar(pending) is None:
        raise Conflict("A request of this person is pending: see `persons erasure-requests`.")
    await connection.execute(
        insert(RequestPaper).values(
            request_id=request_id,
            identity_check=asked.identity_check,
            agent=asked.agent,
            requested_at=now,
            ends_at=until,
            state="pending",
            sealed_operator=seal_operator(keyring, request_id, b"operator", operator),
        )
    )
    return request_id, until


async def approve(
    connection: AsyncConnection,
    keyring: Keyring,
    request_id: UUID,
    operator: str,
    person_id: UUID | None = None,
) -> UUID:
    """Enters the erasure that another operator asked for; its id, to be finished by the journal.

    With `person_id` only if it is theirs. What was approved by the same operator before, and maybe
    cut off, is answered again. Raises NotFound, Conflict, and Forbidden for who entered it.
    """
    operator = read_operator(operator)
    paper, whose = await get_paper(connection, keyring, request_id)
    if fold(operator) == fold(paper.operator):
        raise Forbidden("Whoever entered a request can't approve it: ask another operator.")
    if paper.erasure_id is not None and fold(operator) == fold(paper.answered_by or ""):
        return paper.erasure_id
    person = await require_pending(connection, keyring, paper, whose)
    if person_id is not None and person_id != person.person_id:
        raise Conflict("The request is about somebody else: nothing was approved.")
    await hold_gate(connection, person.person_id)
    erasure_id = person.key.record_id(ERASURE)
    answer = {"state": "approved", "erasure_id": erasure_id}
    await enter_answer(connection, keyring, request_id, operator, answer)
    return await begin(connection, keyring, person.person_id, erasure_id, route="operator")


async def refuse(
    connection: AsyncConnection, keyring: Keyring, request_id: UUID, operator: str, reason: str
) -> None:
    """Ends a request without an erasure. From then on nothing says whose it was.

    Raises InvalidRequest, NotFound, Conflict.
    """
    operator = read_operator(operator)
    require_known(reason, REFUSALS, "--reason")
    paper, whose = await get_paper(connection, keyring, request_id)
    person = await require_pending(connection, keyring, paper, whose)
    await hold_gate(connection, person.person_id)
    answer = {"state": "refused", "refusal": reason}
    await enter_answer(connection, keyring, request_id, operator, answer)
    gone = delete(PendingRequest).where(
        PendingRequest.person_id == person.person_id, PendingRequest.request_id == request_id
    )
    await connection.execute(gone)


async def list_requests(connection: AsyncConnection, keyring: Keyring) -> list[Paper]:
    """All requests whose papers are kept, newest first."""
    newest = PAPERS.order_by(RequestPaper.requested_at.desc(), RequestPaper.request_id)
    found = []
    for row in (await connection.execute(newest)).all():
        note = None
        if row.sealed_note is not None:
            person = await find_person(connection, keyring, row.person_id)
            if person is not None:
                place = note_place(row.request_id)
                note = person.key.open(row.sealed_note, *place).decode()
        found.append(read_paper(keyring, row, note))
    return found


async def find_person(
    connection: AsyncConnection, keyring: Keyring, person_id: UUID
) -> PersonCaller | None:
    """The person, unless they are leaving."""
    try:
        return await load_person(connection, keyring, person_id)
    except NotFound:
        return None


async def get_paper(
    connection: AsyncConnection, keyring: Keyring, request_id: UUID
) -> tuple[Paper, UUID | None]:
    """A request, and whose it is while it is pending. Raises NotFound."""
    query = PAPERS.where(RequestPaper.request_id == request_id)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound("There is no such request; see `vitalkeep persons erasure-requests`.")
    return read_paper(keyring, row), row.person_id


async def require_pending(
    connection: AsyncConnection, keyring: Keyring, paper: Paper, whose: UUID | None
) -> PersonCaller:
    """The person whose request can still be answered. Raises Conflict."""
    if paper.state in ("approved", "refused"):
        raise Conflict(f"The request was {paper.state} already.")
    if paper.state == "expired":
        raise Conflict("The request was not answered within 14 days: enter it again.")
    person = None if whose is None else await find_person(connection, keyring, whose)
    if person is None:
        raise Conflict(LEFT)
    return person


async def hold_gate(connection: AsyncConnection, person_id: UUID) -> None:
    """Takes the person's gate, so that two answers, or an answer and a leaving, can't cross.

    Raises Conflict when they are leaving.
    """
    try:
        await take_gate(connection, person_id)
    except Unauthenticated:
        raise Conflict(LEFT) from None


async def enter_answer(
    connection: AsyncConnection,
    keyring: Keyring,
    request_id: UUID,
    operator: str,
    answer: Mapping[str, object],
) -> None:
    """Enters who answered and how. Raises Conflict if somebody did meanwhile."""
    entered = (
        update(RequestPaper)
        .where(RequestPaper.request_id == request_id, RequestPaper.state == "pending")
        .values(
            **answer,
            ends_at=clock.now(),
            sealed_answerer=seal_operator(keyring, request_id, b"answerer", operator),
        )
        .returning(RequestPaper.request_id)
    )
    if await connection.scalar(entered) is None:
        raise Conflict("Somebody else has answered the request meanwhile.")


def note_place(request_id: UUID) -> tuple[bytes, bytes]:
    """What a sealed note is bound to."""
    return b"pending_requests.note", request_id.bytes
