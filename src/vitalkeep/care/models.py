"""Tables of the care relationships.

A relative is a person too, but no row of the one holds the other's id: the watched person's case
and consents name a random `relative_id`, and only the relative's own row says whose it is.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column


class Invitation(Table):
    """Somebody is asked for scopes, by an organization or by a relative.

    The code is told once and works once.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint(
            "(organization_id IS NOT NULL AND invited_by IS NOT NULL AND inviter_id IS NULL AND "
            "relative_id IS NULL) OR (organization_id IS NULL AND invited_by IS NULL AND "
            "inviter_id IS NOT NULL AND relative_id IS NOT NULL)",
            name="inviter",
        ),
        Index(None, "expires_at"),  # for the sweep only, across inviters
    )

    code_digest: Mapped[bytes] = mapped_column(
        primary_key=True, info=holds("digest", "keyed digest of the code")
    )
    invitation_id: Mapped[UUID] = mapped_column(
        info=holds("clear", "random id by which the inviter takes it back")
    )
    organization_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("organizations.organization_id"),
        index=True,
        info=holds("clear", "which organization invites"),
    )
    invited_by: Mapped[UUID | None] = mapped_column(
        ForeignKey("staff.staff_id"), info=holds("clear", "who of the organization invites")
    )
    inviter_id: Mapped[UUID | None] = person_column(cascade=False, index=True)
    relative_id: Mapped[UUID | None] = mapped_column(
        info=holds("clear", "random id of the relative who invites")
    )
    purpose: Mapped[str] = mapped_column(Text, info=holds("clear", "code of the purpose"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), info=holds("clear", "what is asked for"))
    staff_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid),
        info=holds("clear", "who will work on the case"),
    )
    team_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), info=holds("clear", "which teams will work on the case")
    )
    policy: Mapped[list[str] | None] = mapped_column(
        ARRAY(Text), info=holds("clear", "id, version and locale of the text to show")
    )
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it was made")
    )
    expires_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "until when it can be accepted")
    )


class Case(Table):
    """A person, an organization or a relative, and a purpose, while it lasts."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'closed')", name="state"),
        CheckConstraint("closed_by IN ('self', 'organization', 'relative')", name="closed_by"),
        CheckConstraint("num_nonnulls(organization_id, relative_id) = 1", name="reader"),
    )

    person_id: Mapped[UUID] = person_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    organization_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("organizations.organization_id"), info=holds("clear", "who works on it")
    )
    relative_id: Mapped[UUID | None] = mapped_column(
        info=holds("clear", "random id of the relative who watches")
    )
    opened_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when the invitation was accepted")
    )
    closed_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when either side closed it")
    )
    purpose: Mapped[str] = mapped_column(Text, info=holds("clear", "code of the purpose"))
    state: Mapped[str] = mapped_column(
        Text,
        info=holds("clear", "open or closed"),
    )
    closed_by: Mapped[str | None] = mapped_column(
        Text, info=holds("clear", "which side closed it: self, organization or relative")
    )
    closure_reason: Mapped[str | None] = mapped_column(
        Text, info=holds("clear", "code of the reason")
    )
    sealed_label: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "the name that the person chose to show")
    )
    sealed_relative: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "what the person calls the relative who watches")
    )


class CaseStaff(Table):
    """Who works on a case."""

    __tablename__ = "case_staff"
    __table_args__ = (
        ForeignKeyConstraint(
            ["person_id", "case_id"], ["cases.person_id", "cases.case_id"], ondelete="CASCADE"
        ),
    )

    person_id: Mapped[UUID] = person_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    staff_id: Mapped[UUID] = mapped_column(
        ForeignKey("staff.staff_id"), primary_key=True, info=holds("clear", "who works on it")
    )


class CaseTeam(Table):
    """Which teams work on a case."""

    __tablename__ = "case_teams"
    __table_args__ = (
        ForeignKeyConstraint(
            ["person_id", "case_id"], ["cases.person_id", "cases.case_id"], ondelete="CASCADE"
        ),
    )

    person_id: Mapped[UUID] = person_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    team_id: Mapped[UUID] = mapped_column(
        ForeignKey("teams.team_id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
        info=holds("clear", "which team works on it"),
    )


class CaseHandle(Table):
    """Finds the person behind a case id: what others hold instead of a person's id."""

    __tablename__ = "case_handles"

    case_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    person_id: Mapped[UUID] = person_column(cascade=False, index=True)
    organization_id: Mapped[UUID | None] = mapped_column(
        index=True, info=holds("clear", "which organization's handle it is")
    )
    relative_id: Mapped[UUID | None] = mapped_column(
        index=True, info=holds("clear", "which relative's handle it is")
    )


class Relative(Table):
    """The random ids under which a person watches others, one for each invitation they made.

    It goes with the relative: what names the id then leads nowhere.
    """

    __tablename__ = "relatives"

    person_id: Mapped[UUID] = person_column(primary_key=True)
    relative_id: Mapped[UUID] = mapped_column(
        primary_key=True, index=True, info=holds("clear", "random id")
    )
