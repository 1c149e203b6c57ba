"""Tables of the data. Columns are ordered by falling alignment, which saves bytes on every row."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column

BY_SOURCE, BY_PERSON, BY_WITHDRAWAL = 1, 2, 3
"""Who deleted a record: the phone's own store, the person here, or a withdrawn consent."""
PASSING = f"deleted_by IN ({BY_SOURCE}, {BY_WITHDRAWAL})"
"""Tombstones that are purged in time. The person's own stay: they suppress what phones re-send."""


class Source(Table):
    """Where records come from: the app that sent them, the app and device that measured."""

    __tablename__ = "sources"

    person_id: Mapped[UUID] = person_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, info=holds("clear", "number within the person, from 1")
    )
    client_id: Mapped[UUID] = mapped_column(info=holds("clear", "random id of the sending app"))
    via: Mapped[int] = mapped_column(
        SmallInteger,
        server_default="0",
        info=holds("clear", "how it came: 0 pushed, 1 from Google Fit, 2 from Google Health"),
    )
    sealed: Mapped[bytes] = mapped_column(info=holds("sealed", "origin: app and device"))


class Record(Table):
    """One health record; without a sealed value it is the tombstone of a deleted one.

    No foreign key: the gate proves that the person exists, and the check would cost a fifth of the
    write (measured).
    """

    __tablename__ = "records"
    __table_args__ = (
        Index(None, "person_id", "type", "start_time"),
        Index(None, "person_id", "feed"),
        # For the purge only: in the order of deletion, across persons.
        Index(None, "modified_at", "person_id", "record_id", postgresql_where=text(PASSING)),
        # Few records last longer than the lookback of `query.list_overlapping`.
        Index(
            "ix_records_long",
            "person_id",
            "type",
            "end_time",
            postgresql_where=text("end_time - start_time > '48:00:00'::interval"),
        ),
    )

    person_id: Mapped[UUID] = person_column(cascade=False, primary_key=True)
    record_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("clear", "keyed hash of the sender's identity for it")
    )
    start_time: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "start, or the instant")
    )
    end_time: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "end, or the instant again")
    )
    version: Mapped[int] = mapped_column(BigInteger, info=holds("clear", "the sender's version"))
    feed: Mapped[int] = mapped_column(BigInteger, info=holds("clear", "number of its last change"))
    created_feed: Mapped[int] = mapped_column(
        BigInteger, info=holds("clear", "number of its first change")
    )
    modified_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "time of its last change")
    )
    type: Mapped[int] = mapped_column(SmallInteger, info=holds("clear", "number of the data type"))
    source_id: Mapped[int] = mapped_column(
        SmallInteger, info=holds("clear", "number of the source")
    )
    deleted_by: Mapped[int | None] = mapped_column(
        SmallInteger, info=holds("clear", "who deleted it: 1 source, 2 person, 3 withdrawal")
    )
    sealed: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "the record's content; null once it is deleted")
    )


class Push(Table):
    """A push that was written whole: which change numbers its records got (`records.pushes`)."""

    __tablename__ = "pushes"
    # For the sweep only, across persons.
    __table_args__ = (Index(None, "pushed_at", postgresql_using="brin"),)

    person_id: Mapped[UUID] = person_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(
        primary_key=True, info=holds("digest", "keyed digest of the body, its app and dialect")
    )
    first_feed: Mapped[int] = mapped_column(
        BigInteger, info=holds("clear", "change number of its first record")
    )
    last_feed: Mapped[int] = mapped_column(
        BigInteger, info=holds("clear", "change number of its last record")
    )
    pushed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it was written")
    )


class DaySummary(Table):
    """One day of one type as `summaries` computed it, kept until a write can have changed it.

    The table belongs to this room, below the one that fills it, because pushes and deletions empty
    it in their own transactions (`records.touched`).
    """

    __tablename__ = "day_summaries"

    person_id: Mapped[UUID] = person_column(primary_key=True)
    type: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, info=holds("clear", "number of the data type")
    )
    day: Mapped[date] = mapped_column(
        Date, primary_key=True, info=holds("clear", "local date, without data or with")
    )
    sealed: Mapped[bytes] = mapped_column(
        info=holds(
            "sealed", "the day's summary, empty without data, and what it was computed under"
        )
    )


class RecordPart(Table):
    """Which sample went into which session, and what of it is needed to assemble it anew.

    Without a sealed value it is a sample that the person deleted: sent again it stays deleted.
    """

    __tablename__ = "record_parts"
    __table_args__ = (
        Index(None, "person_id", "record_id"),
        Index(None, "person_id", "source_id", "start_time"),
    )

    person_id: Mapped[UUID] = person_column(cascade=False, primary_key=True)
    part_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("clear", "keyed hash of the sender's identity for it")
    )
    record_id: Mapped[UUID] = mapped_column(info=holds("clear", "the session it went into"))
    start_time: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "start; once deleted, the time of that")
    )
    end_time: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "end; once deleted, the time of that")
    )
    version: Mapped[int] = mapped_column(BigInteger, info=holds("clear", "the sender's version"))
    source_id: Mapped[int] = mapped_column(
        SmallInteger, info=holds("clear", "number of the source")
    )
    sealed: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "stage, offsets and method; null once the person deleted it")
    )
