"""Notices to recipients: where they go, and those that wait or were sent.

Revision: 0022, after 0023.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0023"
branch_labels = None
depends_on = None

KINDS = "recipient_kind IN ('app', 'organization')"


def upgrade() -> None:
    op.create_table(
        "notice_endpoints",
        sa.Column("recipient_kind", sa.Text(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("recipient_kind", "recipient_id", name=op.f("pk_notice_endpoints")),
        sa.CheckConstraint(KINDS, name=op.f("ck_notice_endpoints_recipient_kind")),
        sa.CheckConstraint(
            "state IN ('active', 'disabled')", name=op.f("ck_notice_endpoints_state")
        ),
    )
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("recipient_kind", sa.Text(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("case_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("erasure_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_notices")),
        sa.CheckConstraint(KINDS, name=op.f("ck_notices_recipient_kind")),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'failed', 'no_endpoint')",
            name=op.f("ck_notices_state"),
        ),
    )
    op.create_index("ix_notices_person_id", "notices", ["person_id"])
    for column, where in (
        ("next_attempt_at", "state = 'pending'"),
        ("erasure_id", "erasure_id IS NOT NULL"),
        ("ended_at", "ended_at IS NOT NULL"),
    ):
        name = f"ix_notices_{column}"
        op.create_index(name, "notices", [column], postgresql_where=sa.text(where))


def downgrade() -> None:
    op.drop_table("notices")
    op.drop_table("notice_endpoints")
