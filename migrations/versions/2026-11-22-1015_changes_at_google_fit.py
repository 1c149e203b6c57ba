"""From where on the changes of a stream at Google Fit are asked for.

Revision: 0043, after 0042.
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("sealed_cursor", sa.LargeBinary(), nullable=True)
    op.add_column("connection_types", column)


def downgrade() -> None:
    op.drop_column("connection_types", "sealed_cursor")
