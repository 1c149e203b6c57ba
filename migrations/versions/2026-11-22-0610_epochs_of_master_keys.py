"""Epochs of master keys: which of them may wrap a person's key, and when each was destroyed.

Revision: 0020, after 0012b.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0012b"
branch_labels = None
depends_on = None

# What was wrapped before was wrapped by the one epoch there was. An epoch that no person's key
# refers to is registered when the first one does.
KNOWN = """
INSERT INTO epochs (epoch, wraps, made_at)
SELECT k.epoch, k.epoch, min(p.created_at)
FROM person_keys k JOIN persons p USING (person_id) GROUP BY k.epoch
"""


def upgrade() -> None:
    op.create_table(
        "epochs",
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wraps", sa.Integer(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_epochs")),
        sa.UniqueConstraint("wraps", name=op.f("uq_epochs_wraps")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.execute("INSERT INTO leases (name) VALUES ('rotation')")
    op.execute(KNOWN)
    op.create_foreign_key(
        op.f("fk_person_keys_epoch"), "person_keys", "epochs", ["epoch"], ["wraps"]
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_person_keys_epoch"), "person_keys", type_="foreignkey")
    op.drop_table("leases")
    op.drop_table("epochs")
