"""Tables of connections: asked for, standing, how far each type has been pulled, and what waits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column

PROVIDER = "provider IN ('google_fit', 'google_health')"


class PendingAuthorization(Table):
    """A person who was sent to Google and has not come back; found by what Google brings back."""

    __tablename__ = "pending_authorizations"
    __table_args__ = (CheckConstraint(PROVIDER, name="provider"), Index(None, "expires_at"))

    state_digest: Mapped[bytes] = mapped_column(
        primary_key=True, info=holds("digest", "SHA-256 of a 256-bit random state")
    )
    person_id: Mapped[UUID] = person_column(cascade=False, index=True)
    client_id: Mapped[UUID] = mapped_column(info=holds("clear", "random id of the app"))
    provider: Mapped[str] = mapped_column(Text, info=holds("clear", "which of Google's services"))
    expires_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it can't be used any more")
    )
    sealed: Mapped[bytes] = mapped_column(
        info=holds("sealed", "PKCE verifier, types, policy, and where to send the person back to")
    )


class Connection(Table):
    """A person's account at a provider, from which one app has records pulled.

    `active`: pulled when due. `ended`: Google takes the grant no more; the person can connect anew.
    `disconnecting`: nothing is pulled, the grant is still to be revoked at Google.
    """

    __tablename__ = "connections"
    __table_args__ = (
        CheckConstraint(PROVIDER, name="provider"),
        CheckConstraint("state IN ('active', 'ended', 'disconnecting')", name="state"),
        Index(None, "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    person_id: Mapped[UUID] = person_column(primary_key=True)
    provider: Mapped[str] = mapped_column(
        Text, primary_key=True, info=holds("clear", "which of Google's services")
    )
    client_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("clear", "random id of the app that connected it")
    )
    connected_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when the person last agreed at Google")
    )
    due_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True),
        info=holds("clear", "when it is dealt with next; nobody else does until then"),
    )
    pull_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True),
        info=holds("clear", "while it is due for a notification: when it is pulled as a whole"),
    )
    identified_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True),
        info=holds("clear", "when Google was last asked whose notifications are this one's"),
    )
    ended_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it ended or was disconnected")
    )
    move_asked_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when the operator asked to move on from it")
    )
    lease: Mapped[UUID | None] = mapped_column(
        info=holds("clear", "random id of the run that deals with it")
    )
    failures: Mapped[int] = mapped_column(
        Integer, server_default="0", info=holds("clear", "failed runs since the last good one")
    )
    state: Mapped[str] = mapped_column(Text, info=holds("clear", "active, ended, disconnecting"))
    problem: Mapped[str | None] = mapped_column(
        Text, info=holds("clear", "code of what keeps it from being pulled")
    )
    sealed_tokens: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "refresh and access token, its expiry, and the granted scopes")
    )


class ConnectionType(Table):
    """One type of a connection: whether Google grants it, and how far it has been pulled."""

    __tablename__ = "connection_types"
    __table_args__ = (
        ForeignKeyConstraint(
            ["person_id", "provider", "client_id"],
            ["connections.person_id", "connections.provider", "connections.client_id"],
            ondelete="CASCADE",
        ),
    )

    person_id: Mapped[UUID] = person_column(cascade=False, primary_key=True)
    provider: Mapped[str] = mapped_column(
        Text, primary_key=True, info=holds("clear", "which of Google's services")
    )
    client_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("clear", "random id of the app that connected it")
    )
    type: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, info=holds("clear", "number of the data type")
    )
    since: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True),
        info=holds("clear", "before then it is not asked for: another provider brought that"),
    )
    pulled_to: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "where the next window begins")
    )
    looked_back_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when a pull last began far back")
    )
    sealed_cursor: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "stream at Google Fit, and from where on its changes are asked for")
    )
    last_success_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it was last pulled to the end")
    )
    retry_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "before then it is left alone")
    )
    failures: Mapped[int] = mapped_column(
        Integer, server_default="0", info=holds("clear", "failed pulls since the last good one")
    )
    granted: Mapped[bool] = mapped_column(info=holds("clear", "whether Google lets it be read"))
    problem: Mapped[str | None] = mapped_column(
        Text, info=holds("clear", "code of what keeps it from being pulled")
    )


class GoogleIdentity(Table):
    """Finds the connections that a notification of Google Health is for."""

    __tablename__ = "google_identities"

    digest: Mapped[bytes] = mapped_column(
        primary_key=True, info=holds("digest", "keyed digest of the Google Health user id")
    )
    person_id: Mapped[UUID] = person_column(cascade=False, primary_key=True, index=True)
    client_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("clear", "random id of the app that connected the account")
    )


class Refetch(Table):
    """A stretch of time that Google says has changed, until it has been read again.

    What is told while it is being read gets a row of another id, so that it is read once more.
    """

    __tablename__ = "refetches"
    __table_args__ = (
        ForeignKeyConstraint(
            ["person_id", "provider", "client_id", "type"],
            [f"connection_types.{name}" for name in ("person_id", "provider", "client_id", "type")],
            ondelete="CASCADE",
        ),
    )

    person_id: Mapped[UUID] = person_column(cascade=False, primary_key=True)
    refetch_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    provider: Mapped[str] = mapped_column(Text, info=holds("clear", "which of Google's services"))
    client_id: Mapped[UUID] = mapped_column(
        info=holds("clear", "random id of the app that connected it")
    )
    type: Mapped[int] = mapped_column(SmallInteger, info=holds("clear", "number of the data type"))
    start_time: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "full hour from which it has to be read")
    )
    end_time: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "full hour up to which it has to be read")
    )
