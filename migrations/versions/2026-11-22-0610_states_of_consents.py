"""Consents can be paused, narrowed and superseded, and what a withdrawn one let in can be frozen.

Revision: 0010, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = ("person_id", "type", "action", "purpose", "recipient_id")
BEFORE = "state IN ('active', 'withdrawn', 'expired')"
AFTER = "state IN ('active', 'paused', 'narrowed', 'superseded', 'withdrawn', 'expired')"
STANDS = "state IN ('active', 'paused')"


def upgrade() -> None:
    op.add_column("consents", sa.Column("changed_at", sa.DateTime(timezone=True)))
    op.add_column("consents", sa.Column("frozen_until", sa.DateTime(timezone=True)))
    op.execute("UPDATE consents SET changed_at = withdrawn_at WHERE state = 'withdrawn'")
    check_states(AFTER)
    op.drop_index("uq_consents_active", "consents")
    where = sa.text(STANDS)
    op.create_index("uq_consents_standing", "consents", KEY, unique=True, postgresql_where=where)
    op.create_index("ix_consents_valid_until", "consents", ["valid_until"], postgresql_where=where)
    held = sa.text("frozen_until IS NOT NULL")
    op.create_index("ix_consents_frozen_until", "consents", ["frozen_until"], postgresql_where=held)


def downgrade() -> None:
    """What was paused, narrowed or superseded has ended for the older version: nothing widens.

    The older version would show frozen records to others, so it is refused while there are any.
    """
    frozen = sa.text("SELECT EXISTS (SELECT FROM consents WHERE frozen_until IS NOT NULL)")
    if op.get_bind().scalar(frozen):
        raise RuntimeError("records are frozen: the older version would show them to others")
    op.drop_index("ix_consents_frozen_until", "consents")
    op.drop_index("ix_consents_valid_until", "consents")
    op.drop_index("uq_consents_standing", "consents")
    op.execute(
        "UPDATE consents SET state = 'expired' WHERE state IN ('paused', 'narrowed', 'superseded')"
    )
    where = sa.text("state = 'active'")
    op.create_index("uq_consents_active", "consents", KEY, unique=True, postgresql_where=where)
    check_states(BEFORE)
    op.drop_column("consents", "frozen_until")
    op.drop_column("consents", "changed_at")


def check_states(condition: str) -> None:
    """The states that the table takes."""
    op.drop_constraint(op.f("ck_consents_state"), "consents", type_="check")
    op.create_check_constraint(op.f("ck_consents_state"), "consents", condition)
