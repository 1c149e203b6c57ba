"""Moving from Google Fit to Google Health: who is asked to, and from when the new one counts.

Revision: 0042, after 0041.
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column in (("connections", "move_asked_at"), ("connection_types", "since")):
        op.add_column(table, sa.Column(column, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("connection_types", "since")
    op.drop_column("connections", "move_asked_at")
