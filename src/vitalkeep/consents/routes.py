"""Routes of policies and consents. Withdrawal is in `records`, which deletes what was stored."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from vitalkeep.base import clock
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.consents import ledger
from vitalkeep.consents.platforms import take_grants
from vitalkeep.consents.policies import (
    PolicyDocument,
    PolicyRef,
    PolicySummary,
    get_policy,
    list_policies,
)
from vitalkeep.consents.purposes import PURPOSES
from vitalkeep.consents.receipt_schemas import ConsentReceipt
from vitalkeep.consents.receipts import issue_receipt
from vitalkeep.consents.renewal import with_questions
from vitalkeep.consents.requests import require_grantable, sort_scopes
from vitalkeep.consents.schemas import (
    ConsentEventList,
    ConsentEventView,
    ConsentList,
    ConsentRequest,
    ConsentView,
    GivenConsents,
    GrantsTaken,
    PlatformGrants,
    Recipient,
)
from vitalkeep.consents.states import pause, resume
from vitalkeep.persons.access import PersonCaller, SignedInPerson
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.models import Client, Organization

StateChange: TypeAlias = Callable[
    [AsyncConnection, PersonCaller, ledger.ConsentRow], Awaitable[ledger.ConsentRow]
]
router = APIRouter()
SIGNED_IN = problems(Unauthenticated, Forbidden)


class PolicyList(BaseModel):
    """The published policies."""

    policies: list[PolicySummary]


@router.get("/v1/policies", tags=["policies"], response_model_exclude_none=True)
async def list_all_policies(connection: Connection) -> PolicyList:
    """The published policies, without their texts."""
    return PolicyList(policies=await list_policies(connection))


@router.get(
    "/v1/policies/{policy_id}/{version}/{locale}",
    tags=["policies"],
    response_model_exclude_none=True,
    responses=problems(NotFound),
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
) -> GivenConsents:
    """Give scopes to one recipient for one purpose; one consent a scope.

    A scope that can't be granted fails none of the others: `refused` says why. Giving an active
    consent again answers the same consent; on other terms a new one takes its place.
    """
    require_grantable(request.purpose, request.recipient.kind)
    if request.valid_until is not None and request.valid_until <= clock.now():
        raise invalid("/valid_until", "past", "valid_until has to lie ahead.")
    if request.data_from and request.data_until and request.data_until <= request.data_from:
        raise invalid("/data_until", "empty_period", "data_until has to lie after data_from.")
    try:
        policy = await get_policy(connection, request.policy)
    except NotFound as unknown:
        raise invalid("/policy", "unknown_policy", unknown.detail) from None
    kind = await require_recipient(connection, request.recipient, request.purpose)
    wanted = sort_scopes(request, policy, kind)
    grant = ledger.Grant(
        scopes=list(wanted.granted),
        asked={scope: text for scope, text in wanted.granted.items() if text != str(scope)},
        recipient=request.recipient,
        purpose=request.purpose,
        policy=request.policy,
        policy_sha256=policy.sha256,
        source=request.source,
        valid_until=request.valid_until,
        data_from=request.data_from,
        data_until=request.data_until,
    )
    consents = await ledger.give(connection, person, grant)
    for each in wanted.refused:
        await ledger.enter_refusal(connection, person, grant, each.scope, each.code)
    return GivenConsents(consents=consents, refused=wanted.refused)


def invalid(pointer: str, code: str, detail: str) -> InvalidRequest:
    """A refusal that points at one place of the body."""
    return InvalidRequest(detail, errors=[{"pointer": pointer, "code": code}])


async def require_recipient(connection: AsyncConnection, recipient: Recipient, purpose: str) -> str:
    """The recipient's kind, of an organization its own: the recipient exists and may have this
    purpose. Raises InvalidRequest.
    """
    if recipient.kind == "app":
        query = select(Client.client_id).where(Client.client_id == recipient.id)
        if await connection.scalar(query) is not None:
            return "app"
    if recipient.kind == "organization":
        kind = await connection.scalar(
            select(Organization.kind).where(Organization.organization_id == recipient.id)
        )
        if kind in PURPOSES[purpose].organizations:
            return str(kind)
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
    """The person's consents, newest first; with what has to be consented to again, and why."""
    only_active = state == "active"
    views = await ledger.list_consents(connection, person, only_active=only_active)
    return ConsentList(consents=await with_questions(connection, views))


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
    (view,) = await with_questions(connection, [ledger.to_view(person, row, clock.now())])
    return view


@router.get(
    "/v1/me/consents/{consent_id}/receipt",
    tags=["consents"],
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(NotFound, InvalidRequest)},
)
async def get_my_consent_receipt(
    request: Request, person: SignedInPerson, connection: Connection, consent_id: UUID
) -> ConsentReceipt:
    """A signed receipt of one consent and its history (ISO/IEC TS 27560:2023), to be kept."""
    row = await ledger.get_consent(connection, person, consent_id)
    state = request.app.state
    return await issue_receipt(connection, state.keyring, state.settings, person, row)


CHANGES_STATE: Final[dict[str, Any]] = {
    "tags": ["consents"],
    "response_model_exclude_none": True,
    "responses": {**SIGNED_IN, **problems(NotFound, Conflict, InvalidRequest)},
    "openapi_extra": REPEATABLE,
}


@router.post("/v1/me/consents/{consent_id}/pause", **CHANGES_STATE)
async def pause_consent(
    person: SignedInPerson, connection: Connection, consent_id: UUID
) -> ConsentView:
    """Have the app collect nothing until it is resumed; others go on reading what is stored."""
    return await change_state(connection, person, consent_id, pause)


@router.post("/v1/me/consents/{consent_id}/resume", **CHANGES_STATE)
async def resume_consent(
    person: SignedInPerson, connection: Connection, consent_id: UUID
) -> ConsentView:
    """End a pause."""
    return await change_state(connection, person, consent_id, resume)


async def change_state(
    connection: AsyncConnection, person: PersonCaller, consent_id: UUID, change: StateChange
) -> ConsentView:
    """Takes the gate, changes the consent and shows it. Raises NotFound, Conflict."""
    await take_gate(connection, person.person_id)
    row = await ledger.get_consent(connection, person, consent_id)
    changed = await change(connection, person, row)
    return ledger.to_view(person, changed, clock.now())


@router.put(
    "/v1/me/platform-grants",
    tags=["consents"],
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(InvalidRequest)},
)
async def report_platform_grants(
    person: SignedInPerson, connection: Connection, request: PlatformGrants
) -> GrantsTaken:
    """Report all that the phone or Google grants the calling app now.

    Consents that rest on a grant which is gone end, what they let in stays. Nothing is widened: a
    grant without a consent makes none, and one that comes back revives none.
    """
    return await take_grants(connection, person, request.platform, request.granted)


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
