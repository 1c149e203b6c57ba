"""Shapes of consents on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from vitalkeep.base.bodies import Moment, RequestBody
from vitalkeep.consents.policies import PolicyRef
from vitalkeep.consents.purposes import RecipientKind

SourceKind = Literal["in_app", "health_connect", "google_oauth", "paper", "operator"]
ConsentState = Literal["active", "withdrawn", "expired"]
ShortText = Annotated[str, Field(min_length=1, max_length=300)]


class Recipient(RequestBody):
    """Who may: an app (its client id), an organization or another person."""

    kind: RecipientKind
    id: UUID


class ConsentSource(RequestBody):
    """Where the consent was given, and what shows it: permissions, OAuth scopes, a screen's id."""

    kind: SourceKind
    evidence: list[ShortText] = Field(default=[], max_length=100)


class ConsentRequest(RequestBody):
    """Scopes given to one recipient for one purpose, under one policy text.

    `scopes` takes our names (`steps.collect`), Health Connect read permissions and Google scope
    URLs; one of theirs may cover several of ours.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "scopes": ["steps.collect", "android.permission.health.READ_SLEEP"],
                "recipient": {"kind": "app", "id": "7d9f0a52-5a0b-4a86-9d0e-0f4f6f9b8a11"},
                "purpose": "storage",
                "policy": {"id": "wellness", "version": "2026-11-01", "locale": "ja"},
                "source": {"kind": "in_app", "evidence": ["screen:sync-consent"]},
            }
        },
    )

    scopes: list[ShortText] = Field(min_length=1, max_length=100)
    recipient: Recipient
    purpose: str = Field(max_length=40)
    policy: PolicyRef
    source: ConsentSource
    valid_until: Moment | None = None
    data_from: Moment | None = None
    data_until: Moment | None = None


class ConsentView(BaseModel):
    """One consent as the person sees it."""

    id: UUID
    scope: str = Field(examples=["steps.collect"])
    recipient: Recipient
    purpose: str
    policy: PolicyRef | None = None
    source: ConsentSource
    state: ConsentState
    given_at: datetime
    valid_until: datetime | None = None
    data_from: datetime | None = None
    data_until: datetime | None = None
    withdrawn_at: datetime | None = None


class ConsentList(BaseModel):
    """Consents, newest first."""

    consents: list[ConsentView]


class ConsentEventView(BaseModel):
    """One entry of the ledger; `hash` chains it to the entry before.

    `actor` is who did it: `self`, or the `organization` or `relative` that closed a case.
    """

    number: int
    event: str
    consent_id: UUID
    recorded_at: datetime
    actor: str = Field(examples=["self"])
    scope: str
    purpose: str
    recipient: Recipient
    policy: PolicyRef | None = None
    source: ConsentSource | None = None
    hash: str


class ConsentEventList(BaseModel):
    """The person's ledger, oldest first."""

    events: list[ConsentEventView]
