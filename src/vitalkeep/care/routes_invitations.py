"""Routes of invitations: an organization's, a relative's, and the person who accepts one."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends, Request

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
from vitalkeep.care import acceptance, cases, family, invitations
from vitalkeep.care.schemas import (
    Acceptance,
    AcceptedInvitation,
    InvitationCode,
    InvitationList,
    InvitationPreview,
    InvitationRequest,
    WatchRequest,
)
from vitalkeep.persons.access import SignedInPerson, SignedInStaff, require_person

router = APIRouter(tags=["cases"])
SIGNED_IN = problems(Unauthenticated, Forbidden)
INVITING = problems(Unauthenticated, Forbidden, InvalidRequest)
TAKING_BACK = problems(Unauthenticated, Forbidden, NotFound, InvalidRequest)


@router.post("/v1/cases/invitations", status_code=201, responses=INVITING)
async def create_invitation(
    request: Request, staff: SignedInStaff, connection: Connection, asked: InvitationRequest
) -> InvitationCode:
    """Ask a person for scopes: hand them the code, which works once."""
    require_ahead(asked.expires_at)
    invited = await invitations.invite(
        connection,
        request.app.state.keyring,
        staff,
        invitations.Asked(
            purpose=asked.purpose,
            scopes=asked.scopes,
            staff_ids=asked.staff,
            team_ids=asked.teams,
            policy=asked.policy,
            expires_at=asked.expires_at,
        ),
    )
    return InvitationCode(id=invited.id, code=invited.code, expires_at=invited.expires_at)


@router.get("/v1/cases/invitations", response_model_exclude_none=True, responses=SIGNED_IN)
async def list_invitations(staff: SignedInStaff, connection: Connection) -> InvitationList:
    """The invitations that wait: one's own, for a coordinator all of the organization's."""
    return InvitationList(invitations=await invitations.list_invitations(connection, staff))


@router.delete("/v1/cases/invitations/{invitation_id}", status_code=204, responses=TAKING_BACK)
async def take_back_invitation(
    staff: SignedInStaff, connection: Connection, invitation_id: UUID
) -> None:
    """Take an invitation back: its code opens nothing any more."""
    await invitations.take_back(connection, staff, invitation_id)


@router.post(
    "/v1/me/invitations",
    status_code=201,
    responses={**INVITING, **problems(Conflict)},
)
async def ask_relative(
    request: Request, person: SignedInPerson, connection: Connection, asked: WatchRequest
) -> InvitationCode:
    """Ask a relative to let the caller watch over them: hand them the code, which works once."""
    require_ahead(asked.expires_at)
    invited = await family.ask_relative(
        connection,
        request.app.state.keyring,
        person,
        invitations.Asked(purpose=asked.purpose, scopes=asked.scopes, expires_at=asked.expires_at),
    )
    return InvitationCode(id=invited.id, code=invited.code, expires_at=invited.expires_at)


@router.get("/v1/me/invitations", response_model_exclude_none=True, responses=SIGNED_IN)
async def list_my_invitations(person: SignedInPerson, connection: Connection) -> InvitationList:
    """What the caller asked of relatives and nobody has accepted yet."""
    return InvitationList(invitations=await family.list_own_invitations(connection, person))


@router.delete("/v1/me/invitations/{invitation_id}", status_code=204, responses=TAKING_BACK)
async def take_back_my_invitation(
    person: SignedInPerson, connection: Connection, invitation_id: UUID
) -> None:
    """Take back what was asked of a relative: the code opens nothing any more."""
    await family.take_back_own(connection, person, invitation_id)


@router.get(
    "/v1/me/invitations/{code}",
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(NotFound)},
    dependencies=[Depends(require_person)],
)
async def preview_invitation(
    request: Request, connection: Connection, code: str
) -> InvitationPreview:
    """Who asks for what, until when; looking uses nothing up."""
    return await acceptance.preview(connection, request.app.state.keyring, code)


@router.post(
    "/v1/me/invitations/{code}/acceptance",
    status_code=201,
    response_model_exclude_none=True,
    responses={**SIGNED_IN, **problems(NotFound, InvalidRequest, Conflict)},
)
async def accept_invitation(
    request: Request,
    person: SignedInPerson,
    connection: Connection,
    code: str,
    accepted: Acceptance,
) -> AcceptedInvitation:
    """Accept an invitation: opens a case with those of its scopes that the person agrees to."""
    agreed = acceptance.Agreed(
        scopes=accepted.scopes,
        label=accepted.label,
        relative_label=accepted.relative_label,
        policy=accepted.policy,
        valid_until=accepted.valid_until,
    )
    keyring = request.app.state.keyring
    case_id, consents = await acceptance.accept(connection, keyring, person, code, agreed)
    mine = await cases.list_own_cases(connection, person)
    opened = next(case for case in mine if case.id == case_id)
    return AcceptedInvitation(case=opened, consents=consents)


def require_ahead(expires_at: datetime | None) -> None:
    """Raises InvalidRequest for an end that has passed."""
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidRequest(
            "expires_at has to lie ahead.", errors=[{"pointer": "/expires_at", "code": "past"}]
        )
