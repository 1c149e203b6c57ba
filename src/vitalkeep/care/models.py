"""Tables of the care relationships."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Text,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column


class Invitation(Table):
    """An organization asks somebody for scopes; the code is told once and works once."""

    __tablename__ = "invitations"

    code_digest: Mapped[bytes] = mapped_column(
        primary_key=True, info=holds("digest", "keyed digest of the code")
    )
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.organization_id"), info=holds("clear", "who invites")
    )
    purpose: Mapped[str] = mapped_column(Text, info=holds("clear", "code of the purpose"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), info=holds("clear", "what is asked for"))
    staff_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid),
        info=holds("clear", "who will work on the case"),
    )
    expires_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "until when it can be accepted")
    )


class Case(Table):
    """A person, an organization and a purpose, while they work together."""

    __tablename__ = "cases"
    __table_args__ = (CheckConstraint("state IN ('open', 'closed')", name="state"),)

    person_id: Mapped[UUID] = person_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.organization_id"), info=holds("clear", "who works on it")
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
    sealed_label: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "the name that the person chose to show")
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


class CaseHandle(Table):
    """Finds the person behind a case id: what staff hold instead of a person's id."""

    __tablename__ = "case_handles"

    case_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    person_id: Mapped[UUID] = person_column(cascade=False, index=True)
    organization_id: Mapped[UUID] = mapped_column(
        index=True, info=holds("clear", "whose handle it is")
    )
