"""Shapes of cases and invitations on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from vitalkeep.base.bodies import Moment, RequestBody
from vitalkeep.consents.policies import PolicyRef
from vitalkeep.consents.schemas import ConsentView, ShortText

ScopeNames = Annotated[
    list[ShortText], Field(min_length=1, max_length=100, examples=[["steps.read"]])
]
Label = Annotated[str, Field(min_length=1, max_length=100)]
ClosureReason = Literal[
    "completed", "not_needed", "person_asked", "changed_provider", "no_contact", "other"
]
ClosingSide = Literal["self", "organization", "relative"]
"""`self` is the person whose case it is."""


class CaseOrganization(BaseModel):
    """The organization that works on a case."""

    id: UUID
    name: str


class CaseRelative(BaseModel):
    """The relative who watches; `label` is what the person calls them, for the person only."""

    id: UUID
    label: str | None = None


class CaseColleague(BaseModel):
    """Somebody who works on a case, as their coordinator sees it."""

    id: UUID
    role: str
    state: str


class CaseTeamView(BaseModel):
    """A team that works on a case, as its coordinator sees it."""

    id: UUID
    name: str


class CaseView(BaseModel):
    """A case of an organization, or of a relative who watches.

    `label` is the name the person chose to show, `scopes` what is consented to now, `roles` the
    qualifications of those who can read now. Coordinators also see `staff` and `teams`.
    """

    id: UUID
    organization: CaseOrganization | None = None
    relative: CaseRelative | None = None
    purpose: str
    label: str | None = None
    scopes: list[str]
    roles: list[str]
    state: str
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: ClosingSide | None = None
    closure_reason: ClosureReason | None = None
    staff: list[CaseColleague] | None = None
    teams: list[CaseTeamView] | None = None


class CaseQuery(BaseModel):
    """A page of cases; without `cursor` the newest ones."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=1000, ge=1, le=1000)


CaseQueryParameters = Annotated[CaseQuery, Query()]


class CaseList(BaseModel):
    """Cases, newest first. `next_cursor` is there if there are more."""

    cases: list[CaseView]
    next_cursor: str | None = None


class ClosureRequest(RequestBody):
    """Why a case is closed: a code, never a text."""

    reason: ClosureReason | None = None


class ClosedCase(BaseModel):
    """A closed case; closing it again answers the same, whatever the reason given then."""

    id: UUID
    state: Literal["closed"] = "closed"
    closed_at: datetime
    closed_by: ClosingSide
    closure_reason: ClosureReason | None = None


class AssignmentRequest(RequestBody):
    """Who works on a case from now on: all of them, clinical staff and teams."""

    staff: list[UUID] = Field(default=[], max_length=100)
    teams: list[UUID] = Field(default=[], max_length=100)


class HandoverRequest(RequestBody):
    """Whose place somebody takes on a case."""

    from_staff: UUID = Field(alias="from")
    to_staff: UUID = Field(alias="to")


class InvitationRequest(RequestBody):
    """What an organization asks a person for.

    `staff` and `teams` will work on the case, beside whoever invites if they are clinical staff;
    `policy` is the text to show, which the acceptance then has to name.
    """

    purpose: str = Field(max_length=40, examples=["guidance"])
    scopes: ScopeNames
    staff: list[UUID] = Field(default=[], max_length=100)
    teams: list[UUID] = Field(default=[], max_length=100)
    policy: PolicyRef | None = None
    expires_at: Moment | None = None


class WatchRequest(RequestBody):
    """What somebody asks a relative for, to watch over them."""

    purpose: Literal["family_watch"]
    scopes: ScopeNames
    expires_at: Moment | None = None


class InvitationCode(BaseModel):
    """The code to hand to the person; it works once. `id` takes it back."""

    id: UUID
    code: str
    expires_at: datetime


class InvitationView(BaseModel):
    """An invitation that waits to be accepted, without its code."""

    id: UUID
    purpose: str
    scopes: list[str]
    staff: list[UUID] | None = None
    teams: list[UUID] | None = None
    policy: PolicyRef | None = None
    created_at: datetime
    expires_at: datetime


class InvitationList(BaseModel):
    """Invitations that wait, newest first."""

    invitations: list[InvitationView]


class InvitingOrganization(BaseModel):
    """The organization that invites."""

    id: UUID
    name: str
    kind: str


class InvitationPreview(BaseModel):
    """What accepting would allow, and whom: an organization, or the person who gave the code."""

    kind: Literal["organization", "person"]
    organization: InvitingOrganization | None = None
    purpose: str
    scopes: list[str]
    policy: PolicyRef | None = None
    expires_at: datetime


class Acceptance(RequestBody):
    """Which of the asked scopes the person agrees to, until when, and the name to be shown.

    `label` is what the other side sees; `relative_label` what the person calls a relative, and
    sees alone.
    """

    scopes: ScopeNames
    label: Label | None = None
    relative_label: Label | None = None
    policy: PolicyRef | None = None
    valid_until: Moment | None = None


class AcceptedInvitation(BaseModel):
    """The opened case and the consents it rests on."""

    case: CaseView
    consents: list[ConsentView]
