"""Tables of those who call: apps, organizations and their staff, persons."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column


class Client(Table):
    """An app that sends its users' records: its backend has a secret, its mobile part has none."""

    __tablename__ = "clients"

    client_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("public", "random id"))
    name: Mapped[str] = mapped_column(Text, info=holds("public", "the app's own name"))
    secret_hash: Mapped[str] = mapped_column(
        Text, info=holds("digest", "hash of the client's random secret")
    )
    redirect_uris: Mapped[list[str]] = mapped_column(
        ARRAY(Text), info=holds("public", "where Google may send a person back to")
    )
    google_client_ids: Mapped[list[str]] = mapped_column(
        ARRAY(Text), info=holds("public", "audiences of the Google ID tokens this app sends")
    )
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when the operator added it")
    )


class Organization(Table):
    """A company or institution that persons can name as a recipient."""

    __tablename__ = "organizations"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('medical_institution', 'guidance_provider', 'employer', 'insurer', 'family')",
            name="kind",
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(
        primary_key=True, info=holds("public", "random id")
    )
    name: Mapped[str] = mapped_column(Text, info=holds("public", "name of an organization"))
    kind: Mapped[str] = mapped_column(
        Text,
        info=holds("public", "kind of organization; decides what it may be allowed"),
    )
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when the operator added it")
    )


class Staff(Table):
    """Somebody who works for an organization and signs in with a verified e-mail address."""

    __tablename__ = "staff"
    __table_args__ = (CheckConstraint("state IN ('active', 'suspended')", name="state"),)

    staff_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.organization_id"), info=holds("clear", "where they work")
    )
    email_digest: Mapped[bytes] = mapped_column(
        unique=True, info=holds("digest", "finds the address at sign-in")
    )
    sealed_email: Mapped[bytes] = mapped_column(
        info=holds("sealed", "the address, under the deployment's system key")
    )
    role: Mapped[str] = mapped_column(
        Text, info=holds("clear", "the qualification they work under")
    )
    token_epoch: Mapped[int] = mapped_column(
        Integer, info=holds("clear", "tokens of an earlier epoch are refused")
    )
    state: Mapped[str] = mapped_column(
        Text,
        info=holds("clear", "whether they may sign in"),
    )
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when the operator added them")
    )


class Team(Table):
    """Staff of one organization who work on the same cases."""

    __tablename__ = "teams"
    __table_args__ = (UniqueConstraint("organization_id", "name"),)

    team_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    organization_id: Mapped[UUID] = mapped_column(
        ForeignKey("organizations.organization_id"), info=holds("clear", "whose team it is")
    )
    name: Mapped[str] = mapped_column(Text, info=holds("clear", "what the organization calls it"))
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when an administrator added it")
    )


class TeamMember(Table):
    """Who is in a team."""

    __tablename__ = "team_members"

    team_id: Mapped[UUID] = mapped_column(
        ForeignKey("teams.team_id", ondelete="CASCADE"),
        primary_key=True,
        info=holds("clear", "which team"),
    )
    staff_id: Mapped[UUID] = mapped_column(
        ForeignKey("staff.staff_id"),
        primary_key=True,
        index=True,
        info=holds("clear", "who is in it"),
    )


class Person(Table):
    """One user of one app. The row is the gate that every write for the person goes through."""

    __tablename__ = "persons"
    __table_args__ = (CheckConstraint("state IN ('active', 'erasing')", name="state"),)

    person_id: Mapped[UUID] = person_column(cascade=False, primary_key=True)
    feed: Mapped[int] = mapped_column(
        BigInteger, info=holds("clear", "the highest change number handed out")
    )
    purged_feed: Mapped[int] = mapped_column(
        BigInteger,
        server_default="0",
        info=holds("clear", "the highest change number of a purged deletion"),
    )
    token_epoch: Mapped[int] = mapped_column(
        Integer, info=holds("clear", "tokens of an earlier epoch are refused")
    )
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "first sign-in")
    )
    state: Mapped[str] = mapped_column(
        Text,
        info=holds("clear", "whether anything may still be written"),
    )
    time_zone: Mapped[str] = mapped_column(
        Text, info=holds("clear", "IANA zone for records whose local offset is unknown")
    )
    locale: Mapped[str] = mapped_column(Text, info=holds("clear", "language of texts, BCP 47"))


class PersonKeyRow(Table):
    """The person's data key, wrapped by a master key that is not in the database."""

    __tablename__ = "person_keys"

    person_id: Mapped[UUID] = person_column(primary_key=True)
    wrapped_key: Mapped[bytes] = mapped_column(info=holds("key", "opens with the epoch's master"))
    epoch: Mapped[int] = mapped_column(
        ForeignKey("epochs.wraps"), info=holds("clear", "which master key wraps it")
    )


class Epoch(Table):
    """The life of a master key. What refers to `wraps` keeps it from ending."""

    __tablename__ = "epochs"

    epoch: Mapped[int] = mapped_column(
        primary_key=True, autoincrement=False, info=holds("public", "its number in the keyring")
    )
    wraps: Mapped[int | None] = mapped_column(
        unique=True, info=holds("public", "the same number while it may wrap keys, then nothing")
    )
    made_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when it began to wrap keys")
    )
    retired_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when it wrapped no key any more")
    )
    destroyed_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("public", "when its master key was gone for good")
    )


class Lease(Table):
    """Work that one process does at a time: whoever has locked its row."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(
        Text, primary_key=True, info=holds("public", "which work it is")
    )


class SignIn(Table):
    """Finds the person behind an outside identity without storing that identity."""

    __tablename__ = "sign_ins"

    digest: Mapped[bytes] = mapped_column(
        primary_key=True, info=holds("digest", "keyed digest of issuer and subject")
    )
    person_id: Mapped[UUID] = person_column(cascade=False, index=True)


class RefreshFamily(Table):
    """One sign-in that can be renewed; the digest is of the only refresh token still good."""

    __tablename__ = "refresh_families"
    __table_args__ = (Index(None, "expires_at"),)

    subject_id: Mapped[UUID] = person_column(cascade=False, primary_key=True)
    family_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    client_id: Mapped[UUID] = mapped_column(info=holds("clear", "the app that signed them in"))
    role: Mapped[str] = mapped_column(Text, info=holds("clear", "person or staff"))
    digest: Mapped[bytes] = mapped_column(info=holds("digest", "SHA-256 of a 256-bit random token"))
    public: Mapped[bool] = mapped_column(
        info=holds("clear", "whether the app signed them in without its secret")
    )
    expires_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it ends if it is not used")
    )
