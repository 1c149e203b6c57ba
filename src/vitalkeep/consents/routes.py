"""Routes of policies and consents. Withdrawal is in `records`, which deletes what was stored."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.consents import ledger
from vitalkeep.consents.policies import (
    PolicyDocument,
    PolicyRef,
    PolicySummary,
    get_policy,
    list_policies,
)
from vitalkeep.consents.purposes import PURPOSES, refusal
from vitalkeep.consents.schemas import (
    ConsentEventList,
    ConsentEventView,
    ConsentList,
    ConsentRequest,
    ConsentView,
    Recipient,
)
from vitalkeep.consents.scopes import Scope, parse_scopes
from vitalkeep.persons.access import SignedInPerson
from vitalkeep.persons.models import Client, Organization

router = APIRouter()
SIGNED_IN = problems(Unauthenticated, Forbidden)


class PolicyList(BaseModel):
    """The published policies."""

    policies: list[PolicySummary]


@router.get("/v1/policies", tags=["policies"])
async def list_all_policies(connection: Connection) -> PolicyList:
    """The published policies, without their texts."""
    return PolicyList(policies=await list_policies(connection))


@router.get(
    "/v1/policies/{policy_id}/{version}/{locale}", tags=["policies"], responses=problems(NotFound)
)
async def get_policy_text(
    policy_id: str, version: str, locale: str, connection: Connection
) -> PolicyDocument:
    """One policy text with its SHA-256."""
    return await get_policy(connection, PolicyRef(id=policy_id, version=version, locale=locale))


@router.post(
    "/v1/me/consents",
    tags=["consents"],
    status_code=201,
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(InvalidRequest)},
    openapi_extra=REPEATABLE,
)
async def give_consents(
    person: SignedInPerson, connection: Connection, request: ConsentRequest
) -> ConsentList:
    """Give scopes to one recipient for one purpose; one consent a scope.

    Giving an active consent again answers the same consent.
    """
    scopes = parse_scopes(request.scopes)
    require_purpose(scopes, request.purpose, request.recipient.kind)
    await require_recipient(connection, request.recipient, request.purpose)
    if request.valid_until is not None and request.valid_until <= clock.now():
        raise invalid("/valid_until", "past", "valid_until has to lie ahead.")
    if request.data_from and request.data_until and request.data_until <= request.data_from:
        raise invalid("/data_until", "empty_period", "data_until has to lie after data_from.")
    try:
        policy = await get_policy(connection, request.policy)
    except NotFound as unknown:
        raise invalid("/policy", "unknown_policy", unknown.detail) from None
    grant = ledger.Grant(
        scopes=scopes,
        recipient=request.recipient,
        purpose=request.purpose,
        policy=request.policy,
        policy_sha256=policy.sha256,
        source=request.source,
        valid_until=request.valid_until,
        data_from=request.data_from,
        data_until=request.data_until,
    )
    return ConsentList(consents=await ledger.give(connection, person, grant))


def invalid(pointer: str, code: str, detail: str) -> InvalidRequest:
    """A refusal that points at one place of the body."""
    return InvalidRequest(detail, errors=[{"pointer": pointer, "code": code}])


def require_purpose(scopes: list[Scope], purpose: str, recipient_kind: str) -> None:
    """Raises InvalidRequest unless the purpose covers each scope for this kind of recipient."""
    for scope in scopes:
        reason = refusal(purpose, scope.action, recipient_kind)
        if reason is not None:
            raise invalid("/purpose", "purpose_not_allowed", reason)


async def require_recipient(
    connection: AsyncConnection, recipient: Recipient, purpose: str
) -> None:
    """Raises InvalidRequest unless the recipient exists and may have this purpose."""
    if recipient.kind == "app":
        query = select(Client.client_id).where(Client.client_id == recipient.id)
        if await connection.scalar(query) is not None:
            return
    if recipient.kind == "organization":
        kind = await connection.scalar(
            select(Organization.kind).where(Organization.organization_id == recipient.id)
        )
        if kind in PURPOSES[purpose].organizations:
            return
        if kind is not None:
            detail = "Organizations of this kind never get records, only statistics."
            raise invalid("/recipient/id", "recipient_not_allowed", detail)
    detail = "The recipient is not known; persons become recipients by accepting an invitation."
    raise invalid("/recipient/id", "unknown_recipient", detail)


@router.get(
    "/v1/me/consents",
    tags=["consents"],
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(InvalidRequest)},
)
async def list_my_consents(
    person: SignedInPerson, connection: Connection, state: Literal["active", "all"] = "active"
) -> ConsentList:
    """The person's consents, newest first."""
    only_active = state == "active"
    views = await ledger.list_consents(connection, person, only_active=only_active)
    return ConsentList(consents=views)


@router.get(
    "/v1/me/consents/{consent_id}",
    tags=["consents"],
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(NotFound, InvalidRequest)},
)
async def get_my_consent(
    person: SignedInPerson, connection: Connection, consent_id: UUID
) -> ConsentView:
    """One consent."""
    row = await ledger.get_consent(connection, person, consent_id)
    return ledger.to_view(person, row, clock.now())


@router.get(
    "/v1/me/consent-events",
    tags=["consents"],
    response_model_exclude_none=True,
    responses=SIGNED_IN,
)
async def list_my_consent_events(
    person: SignedInPerson, connection: Connection
) -> ConsentEventList:
    """The ledger: everything that happened to the person's consents, oldest first."""
    events = await ledger.list_events(connection, person)
    return ConsentEventList(events=[ConsentEventView.model_validate(event) for event in events])
