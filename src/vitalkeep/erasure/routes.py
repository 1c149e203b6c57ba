"""Routes of leaving."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from sqlalchemy import select

from vitalkeep.base.bodies import RequestBody
from vitalkeep.base.db import Connection, request_transaction
from vitalkeep.base.errors import (
    ConfirmTokenInvalid,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.session import speak_for
from vitalkeep.erasure import deactivate as leaving
from vitalkeep.erasure.certificate import Certificate, Notice, Route, kept
from vitalkeep.erasure.journal import begin, finish
from vitalkeep.erasure.models import Erasure
from vitalkeep.erasure.settling import from_text
from vitalkeep.persons.access import Bearer, PersonCaller, SignedInPerson, require_person

router = APIRouter(tags=["account"])


class ErasureRecipient(BaseModel):
    """An organization that was given consents."""

    id: UUID
    name: str


class ErasureRelative(BaseModel):
    """A relative who watches; `label` is what the person calls them."""

    kind: Literal["person"] = "person"
    label: str | None = None


class DeactivationPreview(BaseModel):
    """What leaving will delete and keep. `confirm_token` is good for five minutes.

    Keep `erasure_id`: it finds the certificate even if the answer to the deactivation is lost.
    """

    records: dict[str, int] = Field(examples=[{"steps": 812, "weight": 30}])
    recipients: list[ErasureRecipient]
    relatives: list[ErasureRelative] = Field(examples=[[{"kind": "person", "label": "母"}]])
    kept: list[str]
    erasure_id: UUID
    confirm_token: str


class DeactivationRequest(RequestBody):
    """The token of the preview that the person saw."""

    confirm_token: str = Field(max_length=512)


class Deactivation(BaseModel):
    """Everything is deleted; the certificate says so."""

    erasure_id: UUID
    certificate: Certificate


class ErasureStatus(BaseModel):
    """How far an erasure has come: `erasing`, `erased`, or `shredded` once no backup can bring it
    back.

    While it is `erasing` nothing can be read or written any more, and it will be finished whatever
    happens; `erased_at` and `certificate` are absent. `shredded_certificate` says the last,
    signed; until then it and `shredded_at` are absent.
    """

    erasure_id: UUID
    stage: str
    route: Route | None = None
    requested_at: datetime
    erased_at: datetime | None = None
    recipients: list[Notice] | None = None
    certificate: Certificate | None = None
    shredded_at: datetime | None = None
    shredded_certificate: Certificate | None = None


async def require_leaver(request: Request, credentials: Bearer) -> PersonCaller:
    """The signed-in person, in a transaction of its own: each step of leaving has one, too."""
    async with request_transaction(request) as connection:
        return await require_person(request, credentials, connection)


Leaver = Annotated[PersonCaller, Depends(require_leaver)]


@router.get(
    "/v1/me/deactivation",
    response_model_exclude_none=True,
    responses=problems(Unauthenticated, Forbidden),
)
async def preview_deactivation(
    request: Request, person: SignedInPerson, connection: Connection
) -> DeactivationPreview:
    """What leaving will delete, who is told, and what stays. Nothing is changed."""
    state = request.app.state
    found = await leaving.preview(connection, state.keyring, person)
    return DeactivationPreview(
        records=found.records,
        recipients=[ErasureRecipient(id=each[0], name=each[1]) for each in found.recipients],
        relatives=[ErasureRelative(label=label) for label in found.relatives],
        kept=kept(state.settings.backup_days),
        erasure_id=found.erasure_id,
        confirm_token=found.confirm_token,
    )


@router.post(
    "/v1/me/deactivation",
    response_model_exclude_none=True,
    responses=problems(Unauthenticated, Forbidden, ConfirmTokenInvalid, InvalidRequest),
)
async def deactivate(
    request: Request, person: Leaver, confirm: DeactivationRequest
) -> Deactivation:
    """Delete the account and everything in it, now and for good; the answer proves it.

    If no answer comes, ask `GET /v1/erasures/{erasure_id}` with the preview's id: once begun, it
    is finished. Confirmed on several devices at once, it is one erasure with one certificate.
    """
    state = request.app.state
    wanted = leaving.confirmed_erasure(state.keyring, person.person_id, confirm.confirm_token)
    async with request_transaction(request) as connection:
        await speak_for(connection, person_id=person.person_id)
        erasure_id = await begin(connection, state.keyring, person.person_id, wanted)
    certificate = await finish(state.engine, state.keyring, state.settings, erasure_id)
    return Deactivation(erasure_id=erasure_id, certificate=certificate)


@router.get(
    "/v1/erasures/{erasure_id}",
    response_model_exclude_none=True,
    responses=problems(NotFound, InvalidRequest),
)
async def get_erasure(connection: Connection, erasure_id: UUID) -> ErasureStatus:
    """An erasure by its unguessable id: stage, times and certificates. Needs no token."""
    query = select(Erasure).where(Erasure.erasure_id == erasure_id)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound("There is no such erasure; the id is in the deactivation's preview.")
    return ErasureStatus(
        erasure_id=row.erasure_id,
        stage=row.stage,
        route=row.route,
        requested_at=row.requested_at,
        erased_at=row.erased_at,
        recipients=row.outcomes and from_text(row.outcomes),
        certificate=row.certificate and Certificate.model_validate_json(row.certificate),
        shredded_at=row.shredded_at,
        shredded_certificate=row.shredded_certificate
        and Certificate.model_validate_json(row.shredded_certificate),
    )
