"""Requests at the operator's desk; a leaving's route, and what became of its notices.

Revision: 0031, after 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0022"
branch_labels = None
depends_on = None

ANSWERED = (
    "CASE state WHEN 'pending' THEN num_nonnulls(sealed_answerer, refusal, erasure_id) = 0 "
    "WHEN 'approved' THEN num_nonnulls(sealed_answerer, erasure_id) = 2 AND refusal IS NULL "
    "WHEN 'refused' THEN num_nonnulls(sealed_answerer, refusal) = 2 AND erasure_id IS NULL "
    "ELSE false END"
)


def upgrade() -> None:
    op.add_column("erasures", sa.Column("route", sa.Text(), nullable=True))
    op.add_column("erasures", sa.Column("outcomes", sa.Text(), nullable=True))
    op.add_column("erasures", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_erasures_route"), "erasures", "route IN ('app', 'web', 'operator')"
    )
    op.create_index(
        "ix_erasures_erased_at",
        "erasures",
        ["erased_at"],
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "pending_requests",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_note", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["persons.person_id"],
            name=op.f("fk_pending_requests_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_pending_requests")),
        sa.UniqueConstraint("request_id", name=op.f("uq_pending_requests_request_id")),
    )
    op.create_index("ix_pending_requests_expires_at", "pending_requests", ["expires_at"])
    op.create_table(
        "request_papers",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("identity_check", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("erasure_id", sa.Uuid(), nullable=True),
        sa.Column("sealed_operator", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_answerer", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_request_papers")),
        sa.UniqueConstraint("erasure_id", name=op.f("uq_request_papers_erasure_id")),
        sa.CheckConstraint(ANSWERED, name=op.f("ck_request_papers_state")),
    )
    op.create_index("ix_request_papers_ends_at", "request_papers", ["ends_at"])


def downgrade() -> None:
    op.drop_table("request_papers")
    op.drop_table("pending_requests")
    op.drop_index("ix_erasures_erased_at", table_name="erasures")
    op.drop_constraint(op.f("ck_erasures_route"), "erasures", type_="check")
    for name in ("settled_at", "outcomes", "route"):
        op.drop_column("erasures", name)
