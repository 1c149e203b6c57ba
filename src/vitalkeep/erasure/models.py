"""Table of completed erasures. Nothing in it leads back to the person."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds


class Erasure(Table):
    """One deactivation and its certificate."""

    __tablename__ = "erasures"

    erasure_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("public", "random id that only the person was told")
    )
    stage: Mapped[str] = mapped_column(Text, info=holds("public", "how far it has come"))
    requested_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when the person confirmed")
    )
    erased_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when the rows were deleted")
    )
    certificate: Mapped[str] = mapped_column(
        Text, info=holds("public", "signed JSON: times, counts and methods")
    )
    epoch: Mapped[int] = mapped_column(
        info=holds("public", "the last master key that may have wrapped the person's key")
    )
    shredded_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when that and all before it were gone")
    )
    shredded_certificate: Mapped[str | None] = mapped_column(
        Text, info=holds("public", "signed JSON that says so")
    )
