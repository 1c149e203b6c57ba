"""A policy says which purposes, scopes and recipients it speaks of.

Revision: 0010b, after 0010.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010b"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("policies", sa.Column("covers", JSONB()))


def downgrade() -> None:
    op.drop_column("policies", "covers")
