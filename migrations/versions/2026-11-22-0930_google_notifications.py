"""Notifications of Google Health: whose they are, and what has to be read again.

Revision: 0041, after 0040.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

OF_A_TYPE = ["person_id", "provider", "client_id", "type"]


def upgrade() -> None:
    for name in ("pull_at", "identified_at"):
        op.add_column("connections", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "google_identities",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint(
            "digest", "person_id", "client_id", name=op.f("pk_google_identities")
        ),
    )
    op.create_index("ix_google_identities_person_id", "google_identities", ["person_id"])
    op.create_table(
        "refetches",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("refetch_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            OF_A_TYPE,
            [f"connection_types.{name}" for name in OF_A_TYPE],
            name=op.f("fk_refetches_person_id_provider_client_id_type"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", "refetch_id", name=op.f("pk_refetches")),
    )


def downgrade() -> None:
    op.drop_table("refetches")
    op.drop_table("google_identities")
    op.drop_column("connections", "identified_at")
    op.drop_column("connections", "pull_at")
