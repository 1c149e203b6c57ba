"""Table of the looks at a person's data."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, Integer, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column


class AccessEvent(Table):
    """Somebody else read one type of a person's data, or was refused: who, when, why, under which
    consent.
    """

    __tablename__ = "access_events"
    __table_args__ = (
        CheckConstraint("outcome IN ('given', 'denied')", name="outcome"),
        CheckConstraint("data IN ('records', 'days')", name="data"),
        Index(None, "person_id", "at"),
        # For the operator's report only: in the order of time, across persons.
        Index(None, "at", postgresql_using="brin"),
    )

    person_id: Mapped[UUID] = person_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info=holds("clear", "when"))
    staff_id: Mapped[UUID | None] = mapped_column(info=holds("clear", "who of the staff"))
    organization_id: Mapped[UUID | None] = mapped_column(
        info=holds("clear", "for which organization")
    )
    relative_id: Mapped[UUID | None] = mapped_column(
        info=holds("clear", "random id of the relative who looked")
    )
    case_id: Mapped[UUID] = mapped_column(info=holds("clear", "through which case"))
    consent_id: Mapped[UUID | None] = mapped_column(
        info=holds("clear", "under which consent; null where it was denied")
    )
    records_from: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "start of the period asked for")
    )
    records_to: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "end of the period asked for")
    )
    count: Mapped[int] = mapped_column(
        Integer, info=holds("clear", "how many records or days were given")
    )
    type: Mapped[int | None] = mapped_column(
        SmallInteger, info=holds("clear", "number of the data type; null where none was named")
    )
    role: Mapped[str] = mapped_column(Text, info=holds("clear", "their qualification at that time"))
    purpose: Mapped[str] = mapped_column(Text, info=holds("clear", "code of the purpose"))
    data: Mapped[str] = mapped_column(
        Text,
        server_default="records",
        info=holds("clear", "whether records or days were asked for"),
    )
    outcome: Mapped[str] = mapped_column(
        Text, server_default="given", info=holds("clear", "given or denied")
    )
    reason: Mapped[str | None] = mapped_column(
        Text, info=holds("clear", "code of the reason why it was denied")
    )
