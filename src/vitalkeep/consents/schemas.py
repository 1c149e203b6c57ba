"""Shapes of consents on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from vitalkeep.base.bodies import Moment, RequestBody
from vitalkeep.consents.policies import PolicyRef
from vitalkeep.consents.purposes import RecipientKind

SourceKind = Literal["in_app", "health_connect", "google_oauth", "paper", "operator"]
ConsentState = Literal["active", "paused", "narrowed", "superseded", "withdrawn", "expired"]
Platform = Literal["health_connect", "google_fit", "google_health"]
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
    URLs; one of theirs may cover several of ours. `refused` names those that the person was asked
    for and declined: no consent comes of them, and the ledger has the refusal.
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
    refused: list[ShortText] = Field(default=[], max_length=100)
    recipient: Recipient
    purpose: str = Field(max_length=40)
    policy: PolicyRef
    source: ConsentSource
    valid_until: Moment | None = None
    data_from: Moment | None = None
    data_until: Moment | None = None


class StoredData(BaseModel):
    """What became of the records that a withdrawn consent had let in.

    `frozen`: only the person sees them, and they are deleted after `delete_after`. `unfrozen`: the
    person consented anew before that.
    """

    state: Literal["deleted", "frozen", "unfrozen"]
    records: int
    delete_after: datetime | None = None


class ConsentAgain(BaseModel):
    """A newer version of the policy covers more than the one that was agreed to.

    `why` names what it adds: `purpose:…`, `scope:…`, `recipient:…`, or `coverage:undeclared` for
    one that does not say what it covers.
    """

    policy: PolicyRef
    why: list[str] = Field(examples=[["purpose:teleconsultation"]])


class ConsentView(BaseModel):
    """One consent as the person sees it. It is in force while `state` is `active`.

    `narrowed`: the phone or Google no longer grants it; `superseded`: given again on other terms.
    """

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
    changed_at: datetime | None = Field(
        default=None, description="when it came into its present state, unless as it was given"
    )
    stored_data: StoredData | None = None
    consent_again: ConsentAgain | None = None


class ConsentList(BaseModel):
    """Consents, newest first."""

    consents: list[ConsentView]


class RefusedScope(BaseModel):
    """A scope of which no consent came; `pointer` is its place in the request."""

    scope: str = Field(description="as it was asked for", examples=["sleep.read"])
    code: str = Field(examples=["purpose_not_allowed"])
    detail: str
    pointer: str = Field(examples=["/scopes/1"])


class GivenConsents(BaseModel):
    """The consents that came of a request, in its order, and the scopes that were refused."""

    consents: list[ConsentView]
    refused: list[RefusedScope]


class PlatformGrants(RequestBody):
    """All that a phone's Health Connect, or Google, grants the calling app at this moment.

    Permissions and scope URLs as the platform names them; those of no type of ours are passed over.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "platform": "health_connect",
                "granted": ["android.permission.health.READ_STEPS"],
            }
        },
    )

    platform: Platform
    granted: list[ShortText] = Field(max_length=200)


class GrantsTaken(BaseModel):
    """What is in force for the calling app to collect now, what has just ended because it is no
    longer granted, and which granted scopes the person has not consented to here.
    """

    consents: list[ConsentView]
    narrowed: list[ConsentView]
    without_consent: list[str] = Field(examples=[["sleep.collect"]])


class ConsentEventView(BaseModel):
    """One entry of the ledger; `hash` chains it to the entry before.

    `actor`: `self` is the person, `platform` the phone or Google, `server` the passing of time,
    `organization` and `relative` who closed a case. Members that say more come with the events
    that they belong to.
    """

    number: int
    event: str = Field(examples=["given"])
    consent_id: UUID
    recorded_at: datetime
    actor: str = Field(examples=["self"])
    scope: str
    purpose: str
    recipient: Recipient
    policy: PolicyRef | None = None
    source: ConsentSource | None = None
    valid_until: datetime | None = None
    data_from: datetime | None = None
    data_until: datetime | None = None
    code: str | None = Field(default=None, description="why it was refused")
    platform: str | None = Field(default=None, description="whose grants narrowed it")
    superseded_by: UUID | None = None
    stored_data: str | None = None
    deleted: int | None = None
    frozen: int | None = None
    frozen_until: datetime | None = None
    hash: str


class ConsentEventList(BaseModel):
    """The person's ledger, oldest first."""

    events: list[ConsentEventView]
