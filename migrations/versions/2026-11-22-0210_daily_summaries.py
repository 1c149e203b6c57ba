"""Daily summaries: the cache, the order of sources, and an index of the few long records.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_summaries",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["persons.person_id"],
            name=op.f("fk_day_summaries_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", "type", "day", name=op.f("pk_day_summaries")),
    )
    op.create_table(
        "source_priorities",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["persons.person_id"],
            name=op.f("fk_source_priorities_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_source_priorities")),
    )
    # Sealed bytes don't compress, and the planner has no use for samples of them.
    op.execute(
        "ALTER TABLE day_summaries ALTER sealed SET STORAGE EXTERNAL, ALTER sealed SET STATISTICS 0"
    )
    op.create_index(
        "ix_records_long",
        "records",
        ["person_id", "type", "end_time"],
        unique=False,
        postgresql_where=sa.text("end_time - start_time > '48:00:00'::interval"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_records_long",
        table_name="records",
        postgresql_where=sa.text("end_time - start_time > '48:00:00'::interval"),
    )
    op.drop_table("source_priorities")
    op.drop_table("day_summaries")
