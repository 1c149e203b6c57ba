"""Erasures know which master keys have to go before copies of the person's key are noise.

Revision: 0020b, after 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020b"
down_revision = "0020"
branch_labels = None
depends_on = None

# Nobody wrote down which epoch wrapped the key of whoever has left: the newest is a safe answer.
NEWEST = "UPDATE erasures SET epoch = (SELECT coalesce(max(epoch), 1) FROM epochs)"


def upgrade() -> None:
    op.add_column("erasures", sa.Column("epoch", sa.Integer(), nullable=True))
    op.add_column("erasures", sa.Column("shredded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("erasures", sa.Column("shredded_certificate", sa.Text(), nullable=True))
    op.execute(NEWEST)
    op.alter_column("erasures", "epoch", nullable=False)


def downgrade() -> None:
    op.drop_column("erasures", "shredded_certificate")
    op.drop_column("erasures", "shredded_at")
    op.drop_column("erasures", "epoch")
