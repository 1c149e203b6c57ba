"""Tables of what was allowed: the texts, the ledger, and the consents that come of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column

STANDING = ("active", "paused")
"""States of a consent that has not ended; only an active one is in force."""
STANDS = text("state IN ('active', 'paused')")
STATES = "'active', 'paused', 'narrowed', 'superseded', 'withdrawn', 'expired'"


class Policy(Table):
    """One version of a policy in one language, as it is shown; never changed."""

    __tablename__ = "policies"

    policy_id: Mapped[str] = mapped_column(Text, primary_key=True, info=holds("public", "its name"))
    version: Mapped[str] = mapped_column(
        Text, primary_key=True, info=holds("public", "its version")
    )
    locale: Mapped[str] = mapped_column(
        Text, primary_key=True, info=holds("public", "its language")
    )
    title: Mapped[str] = mapped_column(Text, info=holds("public", "what it is called"))
    body: Mapped[str] = mapped_column(Text, info=holds("public", "the text that is shown"))
    sha256: Mapped[str] = mapped_column(Text, info=holds("public", "hex SHA-256 of the UTF-8 text"))
    effective_from: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("public", "from when it is offered")
    )
    covers: Mapped[dict[str, list[str]] | None] = mapped_column(
        JSONB, info=holds("public", "purposes, scopes and recipients that the text speaks of")
    )


class ConsentEvent(Table):
    """One entry of the ledger. Entries are added, never changed; they go with the person."""

    __tablename__ = "consent_events"

    person_id: Mapped[UUID] = person_column(primary_key=True)
    number: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, info=holds("clear", "place in the person's ledger, from 1")
    )
    consent_id: Mapped[UUID] = mapped_column(info=holds("clear", "random id of the consent"))
    recorded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it was written")
    )
    event: Mapped[str] = mapped_column(Text, info=holds("clear", "given, withdrawn, …"))
    sealed: Mapped[bytes] = mapped_column(
        info=holds("sealed", "scope, purpose, recipient, policy shown, source, evidence, actor")
    )
    hash: Mapped[bytes] = mapped_column(
        info=holds("digest", "SHA-256 over the entry before and this one's sealed content")
    )


class Consent(Table):
    """What the ledger says now: one scope, one purpose, one recipient."""

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint("action IN ('collect', 'read')", name="action"),
        CheckConstraint(
            "recipient_kind IN ('app', 'organization', 'person')", name="recipient_kind"
        ),
        CheckConstraint(f"state IN ({STATES})", name="state"),
        Index(
            "uq_consents_standing",
            "person_id", "type", "action", "purpose", "recipient_id",
            unique=True,
            postgresql_where=STANDS,
        ),
        # For the sweeps only, across persons: what has run out, and what is held no longer.
        Index(None, "valid_until", postgresql_where=STANDS),
        Index(None, "frozen_until", postgresql_where=text("frozen_until IS NOT NULL")),
    )  # fmt: skip

    person_id: Mapped[UUID] = person_column(primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(primary_key=True, info=holds("clear", "random id"))
    recipient_id: Mapped[UUID] = mapped_column(
        info=holds("clear", "random id of the app, organization or person that may")
    )
    given_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "from when it is in force")
    )
    valid_until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "until when, exclusive")
    )
    data_from: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "records that start earlier are not covered")
    )
    data_until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "records from then on are not covered")
    )
    withdrawn_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it was withdrawn")
    )
    changed_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True), info=holds("clear", "when it came into its present state")
    )
    frozen_until: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True),
        info=holds("clear", "until when what it let in is frozen; null if it is not"),
    )
    type: Mapped[int] = mapped_column(SmallInteger, info=holds("clear", "number of the data type"))
    action: Mapped[str] = mapped_column(
        Text,
        info=holds("clear", "collect or read"),
    )
    purpose: Mapped[str] = mapped_column(Text, info=holds("clear", "code of the purpose"))
    recipient_kind: Mapped[str] = mapped_column(
        Text,
        info=holds("clear", "what kind of recipient"),
    )
    state: Mapped[str] = mapped_column(
        Text,
        info=holds("clear", "active, paused, or how it ended"),
    )
    sealed: Mapped[bytes] = mapped_column(
        info=holds("sealed", "policy shown, source and its evidence")
    )
    outcome: Mapped[bytes | None] = mapped_column(
        info=holds("sealed", "what the withdrawal did, so that asking again answers the same")
    )
