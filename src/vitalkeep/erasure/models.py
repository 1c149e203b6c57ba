"""The journal of erasures. Nothing that stays in it leads back to the person."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds

COMPLETE: Final = (
    "CASE stage WHEN 'erasing' THEN sealed_person IS NOT NULL AND certificate IS NULL "
    "WHEN 'erased' THEN certificate IS NOT NULL AND epoch IS NOT NULL "
    "WHEN 'shredded' THEN shredded_certificate IS NOT NULL ELSE false END"
)


class Erasure(Table):
    """One deactivation: entered before anything is deleted, and its certificates."""

    __tablename__ = "erasures"
    __table_args__ = (CheckConstraint(COMPLETE, name="stage"),)

    erasure_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("public", "unguessable id that only the person was told")
    )
    stage: Mapped[str] = mapped_column(Text, info=holds("public", "how far it has come"))
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
