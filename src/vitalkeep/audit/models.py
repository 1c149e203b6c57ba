"""Table of the looks at a person's data."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Index, Integer, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column


class AccessEvent(Table):
    """Somebody else read one type of a person's records: who, when, why, under which consent."""

    __tablename__ = "access_events"
    __table_args__ = (Index(None, "person_id", "at"),)

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
    consent_id: Mapped[UUID] = mapped_column(info=holds("clear", "under which consent"))
    records_from: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "start of the period asked for")
    )
    records_to: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "end of the period asked for")
    )
    count: Mapped[int] = mapped_column(Integer, info=holds("clear", "how many records were given"))
    type: Mapped[int] = mapped_column(SmallInteger, info=holds("clear", "number of the data type"))
    role: Mapped[str] = mapped_column(Text, info=holds("clear", "their qualification at that time"))
    purpose: Mapped[str] = mapped_column(Text, info=holds("clear", "code of the purpose"))
