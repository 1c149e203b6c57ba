"""Routes of an organization's administrators: where its notices go."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from vitalkeep.base.bodies import RequestBody
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated, problems
from vitalkeep.base.outbound import MAX_URL
from vitalkeep.notices import endpoints
from vitalkeep.notices.endpoints import Recipient
from vitalkeep.persons.access import SignedInStaff, StaffCaller
from vitalkeep.persons.roles import require_power

router = APIRouter(tags=["organization"])
SIGNED_IN = problems(Unauthenticated, Forbidden)
EXAMPLE = "https://notices.harbor.jp.example/vitalkeep"


class NoticeEndpointRequest(RequestBody):
    """Where notices are to go: https, a public host, no user and no fragment."""

    url: str = Field(min_length=1, max_length=MAX_URL, examples=[EXAMPLE])


class NoticeEndpointView(BaseModel):
    """Where notices go. `disabled`: the URL answered 410 and is called no more."""

    url: str = Field(examples=[EXAMPLE])
    state: str = Field(examples=["active"])
    created_at: datetime


class NoticeEndpointSecret(NoticeEndpointView):
    """The endpoint with its new secret, which is told this once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="])


def recipient_of(caller: StaffCaller) -> Recipient:
    """The organization of an administrator. Raises Forbidden for other staff."""
    require_power(caller, "manage")
    return Recipient("organization", caller.organization_id)


@router.put("/v1/organization/notices", responses={**SIGNED_IN, **problems(InvalidRequest)})
async def set_notice_endpoint(
    request: Request, caller: SignedInStaff, connection: Connection, wanted: NoticeEndpointRequest
) -> NoticeEndpointSecret:
    """Name the URL for notices; each time there is a new secret, and the old one signs no more."""
    recipient, state = recipient_of(caller), request.app.state
    secret = await endpoints.set_endpoint(
        connection,
        state.keyring,
        recipient,
        wanted.url,
        allow_private=state.settings.allow_private_notices,
    )
    set_to = await endpoints.get_endpoint(connection, recipient)
    return NoticeEndpointSecret(
        url=set_to.url, state=set_to.state, created_at=set_to.created_at, secret=secret
    )


@router.get("/v1/organization/notices", responses={**SIGNED_IN, **problems(NotFound)})
async def get_notice_endpoint(caller: SignedInStaff, connection: Connection) -> NoticeEndpointView:
    """Where the organization's notices go."""
    found = await endpoints.get_endpoint(connection, recipient_of(caller))
    return NoticeEndpointView(url=found.url, state=found.state, created_at=found.created_at)


@router.delete("/v1/organization/notices", status_code=204, responses=SIGNED_IN)
async def remove_notice_endpoint(caller: SignedInStaff, connection: Connection) -> None:
    """Have no notices sent any more, also not those that wait."""
    await endpoints.remove_endpoint(connection, recipient_of(caller))
