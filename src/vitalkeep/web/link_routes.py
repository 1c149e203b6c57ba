"""The route by which an app's backend lets one of its users leave from a browser."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from vitalkeep.base.bodies import RequestBody
from vitalkeep.base.db import Connection
from vitalkeep.base.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated, problems
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.persons.access import Bearer, require_claims
from vitalkeep.persons.oauth import MAX_EXTERNAL_ID
from vitalkeep.persons.routes import LOCALE
from vitalkeep.persons.tokens import AccessClaims
from vitalkeep.web.links import Asked, make_link

router = APIRouter(tags=["account"])


class DeactivationLinkRequest(RequestBody):
    """Which of the app's users the link is for.

    `external_id` is the app's own user id, the `subject_token` with which it signs them in;
    `locale` says in which language the page opens, the account's if it is absent.
    """

    external_id: str = Field(min_length=1, max_length=MAX_EXTERNAL_ID, examples=["user-0001"])
    locale: Annotated[str, Field(pattern=LOCALE, max_length=35, examples=["ja"])] | None = None


class DeactivationLink(BaseModel):
    """Where the person goes, once, until `expires_at`. Send it to nobody else."""

    url: str = Field(
        examples=["https://health.jp.example/client/deactivate/link?lang=ja&token=t0Kfq…"]
    )
    expires_at: datetime


def require_app(request: Request, credentials: Bearer) -> AccessClaims:
    """The app whose backend calls. Raises Unauthenticated, TokenExpired or Forbidden."""
    return require_claims(request, credentials, "app")


@router.post(
    "/v1/deactivation-links",
    status_code=201,
    responses=problems(Unauthenticated, Forbidden, NotFound, InvalidRequest),
    openapi_extra=REPEATABLE,
)
async def create_deactivation_link(
    request: Request,
    app: Annotated[AccessClaims, Depends(require_app)],
    connection: Connection,
    wanted: DeactivationLinkRequest,
) -> DeactivationLink:
    """A link with which one of the app's users leaves from a browser, without the app.

    It works once, for half an hour. Opened, it refuses the access tokens that the person holds
    now; refresh tokens stay good. Nothing is deleted before the person has confirmed.
    """
    state = request.app.state
    asked = Asked(app.client_id, wanted.external_id, wanted.locale)
    link = await make_link(connection, state.keyring, state.settings, asked)
    return DeactivationLink(url=link.url, expires_at=link.expires_at)
