"""Parts of records: the samples from which sleep sessions are assembled.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "record_parts",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("part_id", sa.Uuid(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("source_id", sa.SmallInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", "part_id", name=op.f("pk_record_parts")),
    )
    op.create_index(
        op.f("ix_record_parts_person_id_record_id"),
        "record_parts",
        ["person_id", "record_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_record_parts_person_id_source_id_start_time"),
        "record_parts",
        ["person_id", "source_id", "start_time"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_record_parts_person_id_source_id_start_time"), table_name="record_parts")
    op.drop_index(op.f("ix_record_parts_person_id_record_id"), table_name="record_parts")
    op.drop_table("record_parts")
