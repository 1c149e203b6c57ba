"""Shapes of connections on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vitalkeep.base.bodies import RequestBody
from vitalkeep.connectors.providers import ProviderName
from vitalkeep.records.deletion import TypeName


class ConnectionRequest(RequestBody):
    """Types to pull from a Google account, and where the person goes afterwards.

    `redirect_uri` has to be registered for the app; it gets `provider` and `result` (`connected`,
    `partial`, `refused`, `failed`) as query parameters.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "types": ["steps", "weight"],
                "redirect_uri": "https://app.kagami.jp.example/google",
            }
        }
    )

    types: Annotated[list[TypeName], Field(min_length=1, max_length=20)]
    redirect_uri: Annotated[str, Field(min_length=1, max_length=2000)]


class AuthorizationStarted(BaseModel):
    """Where the person agrees at Google: for ten minutes, once."""

    authorization_url: str = Field(
        examples=["https://accounts.google.com/o/oauth2/v2/auth?client_id=…&state=…"]
    )


class ConnectionProblem(BaseModel):
    """Why nothing comes, or comes later, and what the person can do about it."""

    code: str = Field(examples=["authorization_ended"])
    detail: str


class ConnectedType(BaseModel):
    """One type of a connection; `granted`: whether Google lets it be read."""

    granted: bool
    last_success_at: datetime | None = None
    problem: ConnectionProblem | None = None


class ConnectionView(BaseModel):
    """A connection of the calling app. It is pulled from while `state` is `active`.

    `ended`: Google takes the grant no more. `disconnecting`: over, but Google has still to be told.
    """

    provider: ProviderName
    state: str = Field(examples=["active"])
    types: dict[str, ConnectedType] = Field(
        examples=[{"steps": {"granted": True, "last_success_at": "2026-11-20T08:00:00Z"}}]
    )
    connected_at: datetime
    problem: ConnectionProblem | None = None


class ConnectionList(BaseModel):
    """The calling app's connections to Google accounts of the person."""

    connections: list[ConnectionView]
