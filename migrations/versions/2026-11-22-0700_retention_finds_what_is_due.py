"""The sweep of what is past its time finds it without reading whole tables.

Revision: 0023, after 0021.
"""

from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_invitations_expires_at"), "invitations", ["expires_at"], unique=False)
    op.create_index(
        op.f("ix_pushes_pushed_at"), "pushes", ["pushed_at"], unique=False, postgresql_using="brin"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_pushes_pushed_at"), table_name="pushes", postgresql_using="brin")
    op.drop_index(op.f("ix_invitations_expires_at"), table_name="invitations")
