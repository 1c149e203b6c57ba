"""The journal of erasures, and requests at the operator's desk.

Nothing that stays leads back to the person.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column

COMPLETE: Final = (
    "CASE stage WHEN 'erasing' THEN sealed_person IS NOT NULL AND certificate IS NULL "
    "WHEN 'erased' THEN certificate IS NOT NULL AND epoch IS NOT NULL "
    "WHEN 'shredded' THEN shredded_certificate IS NOT NULL ELSE false END"
)


class Erasure(Table):
    """One deactivation: entered before anything is deleted, and its certificates."""

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint(COMPLETE, name="stage"),
        CheckConstraint("route IN ('app', 'web', 'operator')", name="route"),
        Index(None, "erased_at", postgresql_where=text("settled_at IS NULL")),
    )

    erasure_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("public", "unguessable id that only the person was told")
    )
    stage: Mapped[str] = mapped_column(Text, info=holds("public", "how far it has come"))
    route: Mapped[str | None] = mapped_column(
        Text, info=holds("public", "app, web or operator; null if nobody wrote it down")
    )
    requested_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when the gate was closed")
    )
    disconnected_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when grants elsewhere were dealt with")
    )
    upstream: Mapped[str | None] = mapped_column(
        Text, info=holds("public", "JSON: what became of the grant at each provider")
    )
    erased_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when the rows were deleted")
    )
    certificate: Mapped[str | None] = mapped_column(
        Text, info=holds("public", "signed JSON: times, counts, methods and outcomes")
    )
    outcomes: Mapped[str | None] = mapped_column(
        Text, info=holds("public", "JSON: what became of the notice to each recipient")
    )
    settled_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when no notice was under way any more")
    )
    epoch: Mapped[int | None] = mapped_column(
        info=holds("public", "the last master key that may have wrapped the person's key")
    )
    shredded_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when that and all before it were gone")
    )
    shredded_certificate: Mapped[str | None] = mapped_column(
        Text, info=holds("public", "signed JSON that says so")
    )
    sealed_person: Mapped[bytes | None] = mapped_column(
        unique=True,
        info=holds("sealed", "the person's random id, under the deployment's system key"),
    )
    kept_until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when that id is forgotten")
    )
    replayed_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when it was last repeated after a restore")
    )


ANSWERED: Final = (
    "CASE state WHEN 'pending' THEN num_nonnulls(sealed_answerer, refusal, erasure_id) = 0 "
    "WHEN 'approved' THEN num_nonnulls(sealed_answerer, erasure_id) = 2 AND refusal IS NULL "
    "WHEN 'refused' THEN num_nonnulls(sealed_answerer, refusal) = 2 AND erasure_id IS NULL "
    "ELSE false END"
)


class PendingRequest(Table):
    """Whose erasure waits for a second operator. The row goes with the answer, or the person."""

    __tablename__ = "pending_requests"
    __table_args__ = (Index(None, "expires_at"),)  # for the sweep

    person_id: Mapped[UUID] = person_column(primary_key=True)
    request_id: Mapped[UUID] = mapped_column(
        unique=True, info=holds("clear", "random id of the request's paper")
    )
    expires_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "until when it can be approved")
    )
    sealed_note: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "what the first operator tells the second")
    )


class RequestPaper(Table):
    """A request at the operator's desk: how the identity was checked, who decided, and what."""

    __tablename__ = "request_papers"
    __table_args__ = (
        CheckConstraint(ANSWERED, name="state"),
        Index(None, "ends_at"),
    )

    request_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("clear", "random id that leads to nobody once answered")
    )
    identity_check: Mapped[str] = mapped_column(
        Text, info=holds("clear", "kind of the identity check, never a number or an image")
    )
    agent: Mapped[str | None] = mapped_column(
        Text, info=holds("clear", "kind of agent, if the person did not ask themselves")
    )
    requested_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it was entered")
    )
    ends_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it was answered, or lapses unanswered")
    )
    state: Mapped[str] = mapped_column(Text, info=holds("clear", "pending, approved or refused"))
    refusal: Mapped[str | None] = mapped_column(
        Text, info=holds("clear", "code of the reason for a refusal")
    )
    erasure_id: Mapped[UUID | None] = mapped_column(
        unique=True, info=holds("clear", "random id of the erasure that was approved")
    )
    sealed_operator: Mapped[bytes] = mapped_column(
        info=holds("sealed", "who entered it, under the deployment's system key")
    )
    sealed_answerer: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "who approved or refused it, under the deployment's system key")
    )
