"""Tables of notices: where they go, and those that wait or were sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, DateTime, Index, Integer, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column


class NoticeEndpoint(Table):
    """Where an app or an organization wants its notices."""

    __tablename__ = "notice_endpoints"
    __table_args__ = (
        CheckConstraint("recipient_kind IN ('app', 'organization')", name="recipient_kind"),
        CheckConstraint("state IN ('active', 'disabled')", name="state"),
    )

    recipient_kind: Mapped[str] = mapped_column(
        Text, primary_key=True, info=holds("public", "app or organization")
    )
    recipient_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("public", "its id"))
    url: Mapped[str] = mapped_column(Text, info=holds("public", "where notices go"))
    sealed_secret: Mapped[bytes] = mapped_column(
        info=holds("sealed", "what notices are signed with, under the deployment's system key")
    )
    state: Mapped[str] = mapped_column(
        Text, info=holds("public", "active, or disabled since it answered that it is gone")
    )
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when it was named")
    )


class Notice(Table):
    """One message to one recipient, and what became of it.

    Those that tell of a living person carry their id, so that erasure finds and deletes them; the
    one that tells of the erasure does not.
    """

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint("recipient_kind IN ('app', 'organization')", name="recipient_kind"),
        CheckConstraint("state IN ('pending', 'delivered', 'failed', 'no_endpoint')", name="state"),
        Index(None, "next_attempt_at", postgresql_where=text("state = 'pending'")),
        Index(None, "erasure_id", postgresql_where=text("erasure_id IS NOT NULL")),
        Index(None, "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    )

    notice_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    person_id: Mapped[UUID | None] = person_column(cascade=False, index=True)
    recipient_kind: Mapped[str] = mapped_column(Text, info=holds("clear", "app or organization"))
    recipient_id: Mapped[UUID] = mapped_column(info=holds("clear", "which one"))
    type: Mapped[str] = mapped_column(Text, info=holds("clear", "what happened"))
    case_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), info=holds("clear", "random ids by which the recipient knows the case")
    )
    scope: Mapped[str | None] = mapped_column(
        Text, info=holds("clear", "name of the scope that was withdrawn")
    )
    consent_id: Mapped[UUID | None] = mapped_column(
        info=holds("clear", "random id by which an app knows the consent that was withdrawn")
    )
    erasure_id: Mapped[UUID | None] = mapped_column(
        info=holds("clear", "random id of the erasure that it tells of")
    )
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it happened")
    )
    state: Mapped[str] = mapped_column(
        Text, info=holds("clear", "pending, delivered, failed, or that there was no endpoint")
    )
    attempts: Mapped[int] = mapped_column(Integer, info=holds("clear", "how often it was sent"))
    next_attempt_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it is sent next, if it is pending")
    )
    last_status: Mapped[int | None] = mapped_column(
        Integer, info=holds("clear", "HTTP status of the last answer; null if none came")
    )
    ended_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it was delivered or given up")
    )
