"""Routes of care: a person's cases and invitations, a staff member's cases and their records."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from vitalkeep.base import clock
from vitalkeep.base.bodies import Moment, RequestBody
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    problems,
)
from vitalkeep.base.keys import Keyring
from vitalkeep.care import cases, invitations
from vitalkeep.consents.policies import PolicyRef
from vitalkeep.consents.schemas import ConsentView, ShortText
from vitalkeep.persons.access import SignedInPerson, SignedInStaff

router = APIRouter(tags=["cases"])
SIGNED_IN = problems(Unauthenticated, Forbidden)


class CaseOrganization(BaseModel):
    """The organization that works on a case."""

    id: UUID
    name: str


class CaseView(BaseModel):
    """A case; `label` is the name the person chose to show, `scopes` what is consented to now."""

    id: UUID
    organization: CaseOrganization
    purpose: str
    label: str | None = None
    scopes: list[str]
    state: str
    opened_at: datetime


class CaseList(BaseModel):
    """Cases, newest first."""

    cases: list[CaseView]


class InvitationRequest(RequestBody):
    """What an organization asks a person for; `staff` are colleagues who will work on the case."""

    purpose: str = Field(max_length=40, examples=["guidance"])
    scopes: list[ShortText] = Field(min_length=1, max_length=100, examples=[["steps.read"]])
    staff: list[UUID] = Field(default=[], max_length=100)
    expires_at: Moment | None = None


class InvitationCode(BaseModel):
    """The code to hand to the person; it works once."""

    code: str
    expires_at: datetime


class Acceptance(RequestBody):
    """Which of the asked scopes the person agrees to, and the name that staff will see."""

    scopes: list[ShortText] = Field(min_length=1, max_length=100, examples=[["steps.read"]])
    label: str | None = Field(default=None, min_length=1, max_length=100)
    policy: PolicyRef | None = None


class AcceptedInvitation(BaseModel):
    """The opened case and the consents it rests on."""

    case: CaseView
    consents: list[ConsentView]


def to_view(summary: cases.CaseSummary) -> CaseView:
    """A case on the wire."""
    return CaseView(
        id=summary.id,
        organization=CaseOrganization(id=summary.organization_id, name=summary.organization_name),
        purpose=summary.purpose,
        label=summary.label,
        scopes=summary.scopes,
        state=summary.state,
        opened_at=summary.opened_at,
    )


@router.get("/v1/me/cases", response_model_exclude_none=True, responses=SIGNED_IN)
async def list_my_cases(person: SignedInPerson, connection: Connection) -> CaseList:
    """The person's cases: who works with them, for what, and what they can read now."""
    found = await cases.list_own_cases(connection, person)
    return CaseList(cases=[to_view(summary) for summary in found])


@router.post(
    "/v1/me/invitations/{code}/acceptance",
    status_code=201,
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(NotFound, InvalidRequest)},
)
async def accept_invitation(
    request: Request,
    person: SignedInPerson,
    connection: Connection,
    code: str,
    acceptance: Acceptance,
) -> AcceptedInvitation:
    """Accept an organization's invitation: opens a case with the scopes the person agrees to."""
    case_id, consents = await invitations.accept(
        connection,
        request.app.state.keyring,
        person,
        code,
        invitations.Agreed(
            scopes=acceptance.scopes, label=acceptance.label, policy=acceptance.policy
        ),
    )
    mine = await cases.list_own_cases(connection, person)
    opened = next(summary for summary in mine if summary.id == case_id)
    return AcceptedInvitation(case=to_view(opened), consents=consents)


@router.post(
    "/v1/cases/invitations",
    status_code=201,
    responses={**SIGNED_IN, **problems(InvalidRequest)},
)
async def create_invitation(
    request: Request, staff: SignedInStaff, connection: Connection, asked: InvitationRequest
) -> InvitationCode:
    """Ask a person for scopes: hand them the code, which works once."""
    if asked.expires_at is not None and asked.expires_at <= clock.now():
        raise InvalidRequest(
            "expires_at has to lie ahead.", errors=[{"pointer": "/expires_at", "code": "past"}]
        )
    code, expires_at = await invitations.invite(
        connection,
        request.app.state.keyring,
        staff,
        invitations.Asked(
            purpose=asked.purpose,
            scopes=asked.scopes,
            staff_ids=asked.staff,
            expires_at=asked.expires_at,
        ),
    )
    return InvitationCode(code=code, expires_at=expires_at)


@router.get("/v1/cases", response_model_exclude_none=True, responses=SIGNED_IN)
async def list_cases(request: Request, staff: SignedInStaff, connection: Connection) -> CaseList:
    """The open cases that the staff member works on."""
    keyring: Keyring = request.app.state.keyring
    found = await cases.list_staff_cases(connection, keyring, staff)
    return CaseList(cases=[to_view(summary) for summary in found])


@router.get(
    "/v1/cases/{case_id}",
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(NotFound, InvalidRequest)},
)
async def get_case(
    request: Request, staff: SignedInStaff, connection: Connection, case_id: UUID
) -> CaseView:
    """One case that the staff member works on."""
    keyring: Keyring = request.app.state.keyring
    return to_view(await cases.get_staff_case(connection, keyring, staff, case_id))
