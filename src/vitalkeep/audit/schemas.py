"""Shapes of the access log on the wire, and its query."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from vitalkeep.audit.log_export import Format
from vitalkeep.audit.trail import Outcome, Sought
from vitalkeep.base.bodies import Moment
from vitalkeep.base.errors import InvalidRequest
from vitalkeep.datatypes.registry import BY_NAME


class OrganizationName(BaseModel):
    """An organization as the person is told of it."""

    id: UUID
    name: str


class AccessRelative(BaseModel):
    """A relative by the id that the case and the consents name."""

    id: UUID


class AccessEntry(BaseModel):
    """Somebody read one type, or was refused: when, who by role and organization, why, under which
    consent. Instead of an organization a relative who watches, with the role `relative`; neither
    for a person who watches nobody here and was refused.

    `data` is `records` or `days`; `count` is how many of them were given; `from` and `to` are the
    period they asked for. `outcome` is `given`, or `denied` with a `reason`; what was denied has no
    `consent_id`, and no `type` where none was named.
    """

    model_config = ConfigDict(populate_by_name=True)

    at: datetime
    organization: OrganizationName | None = None
    relative: AccessRelative | None = None
    role: str
    data: str = Field(examples=["records"])
    type: str | None = None
    purpose: str
    case_id: UUID
    outcome: str = Field(examples=["given"])
    reason: str | None = Field(default=None, examples=["no_consent"])
    consent_id: UUID | None = None
    count: int
    since: datetime | None = Field(default=None, alias="from")
    until: datetime | None = Field(default=None, alias="to")


class AccessLog(BaseModel):
    """Looks at the person's data, newest first; `next_cursor` is absent on the last page."""

    entries: list[AccessEntry]
    next_cursor: str | None = None


class AccessLogQuery(BaseModel):
    """Which looks, by their time (`from` inclusive, `to` exclusive) and by what they were for.

    A page of them, without `cursor` the newest; or all of them as `csv` or `ndjson`.
    """

    model_config = ConfigDict(extra="forbid")

    type: list[str] = Field(default=[], max_length=20, description="may repeat; default: all types")
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")
    organization: UUID | None = None
    purpose: str | None = Field(default=None, max_length=40)
    outcome: Outcome | None = None
    format: Format = "json"
    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=1000, ge=1, le=1000)

    def to_sought(self) -> Sought:
        """The events that are meant. Raises InvalidRequest for unknown types."""
        if not BY_NAME.keys() >= set(self.type):
            raise InvalidRequest(
                f"type has to be one of: {', '.join(BY_NAME)}.",
                errors=[{"pointer": "/type", "code": "unknown_type"}],
            )
        return Sought(
            types=[BY_NAME[name].number for name in self.type],
            since=self.since,
            until=self.until,
            organization_id=self.organization,
            purpose=self.purpose,
            outcome=self.outcome,
        )


AccessLogParameters = Annotated[AccessLogQuery, Query()]
