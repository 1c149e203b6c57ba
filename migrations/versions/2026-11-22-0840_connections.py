"""Connections to Google accounts, and which records came by them.

Revision: 0040, after 0032.
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0032"
branch_labels = None
depends_on = None

PROVIDER = "provider IN ('google_fit', 'google_health')"


def moment(name: str, *, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column(
        "sources", sa.Column("via", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.create_table(
        "pending_authorizations",
        sa.Column("state_digest", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        moment("expires_at", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(PROVIDER, name=op.f("ck_pending_authorizations_provider")),
        sa.PrimaryKeyConstraint("state_digest", name=op.f("pk_pending_authorizations")),
    )
    for column in ("person_id", "expires_at"):
        name = f"ix_pending_authorizations_{column}"
        op.create_index(name, "pending_authorizations", [column])
    create_connections()


def create_connections() -> None:
    op.create_table(
        "connections",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        moment("connected_at", nullable=False),
        moment("due_at"),
        moment("ended_at"),
        sa.Column("lease", sa.Uuid(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("sealed_tokens", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(PROVIDER, name=op.f("ck_connections_provider")),
        sa.CheckConstraint(
            "state IN ('active', 'ended', 'disconnecting')", name=op.f("ck_connections_state")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["persons.person_id"],
            name=op.f("fk_connections_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", "provider", "client_id", name=op.f("pk_connections")),
    )
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_connections_due_at", "connections", ["due_at"], postgresql_where=due)
    op.create_table(
        "connection_types",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        moment("pulled_to"),
        moment("looked_back_at"),
        moment("last_success_at"),
        moment("retry_at"),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id", "provider", "client_id"],
            ["connections.person_id", "connections.provider", "connections.client_id"],
            name=op.f("fk_connection_types_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "person_id", "provider", "client_id", "type", name=op.f("pk_connection_types")
        ),
    )


def downgrade() -> None:
    op.drop_table("connection_types")
    op.drop_table("connections")
    op.drop_table("pending_authorizations")
    op.drop_column("sources", "via")
