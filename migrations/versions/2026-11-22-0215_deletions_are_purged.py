"""Deletions are purged in time: up to which change number, and an index that finds those due.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DUE = "ix_records_modified_at_person_id_record_id"


def upgrade() -> None:
    # Without holding up writers; what a broken attempt left is no index that anybody can use.
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        op.drop_index(DUE, table_name="records", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            DUE,
            "records",
            ["modified_at", "person_id", "record_id"],
            unique=False,
            postgresql_where=sa.text("deleted_by IN (1, 3)"),
            postgresql_concurrently=True,
        )
        op.execute("SET statement_timeout = '60s'")
    op.add_column(
        "persons", sa.Column("purged_feed", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("persons", "purged_feed")
    op.drop_index(DUE, table_name="records")
