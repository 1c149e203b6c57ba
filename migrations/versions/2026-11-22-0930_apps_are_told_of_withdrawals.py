"""Notices of withdrawn consents to apps name the consent.

Revision: 0032, after 0031.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notices", sa.Column("consent_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("notices", "consent_id")
