"""Denied reads are written down too, and reads of days are told from reads of records.

Revision: 0012, after 0011b.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011b"
branch_labels = None
depends_on = None

CHECKS = (("outcome", "outcome IN ('given', 'denied')"), ("data", "data IN ('records', 'days')"))


def upgrade() -> None:
    # With defaults, so that a process of the version before goes on writing.
    for name, default in (("data", "records"), ("outcome", "given")):
        op.add_column(
            "access_events", sa.Column(name, sa.Text(), server_default=default, nullable=False)
        )
    op.add_column("access_events", sa.Column("reason", sa.Text(), nullable=True))
    op.alter_column("access_events", "consent_id", nullable=True)
    op.alter_column("access_events", "type", nullable=True)
    for name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_access_events_{name}"), "access_events", condition)
    op.create_index(
        op.f("ix_access_events_at"), "access_events", ["at"], unique=False, postgresql_using="brin"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_access_events_at"), table_name="access_events", postgresql_using="brin")
    for name, _ in reversed(CHECKS):
        op.drop_constraint(op.f(f"ck_access_events_{name}"), "access_events", type_="check")
    op.execute("DELETE FROM access_events WHERE outcome = 'denied'")
    op.alter_column("access_events", "type", nullable=False)
    op.alter_column("access_events", "consent_id", nullable=False)
    for name in ("reason", "outcome", "data"):
        op.drop_column("access_events", name)
