"""Leaving is a journal: an erasure is entered before anything is deleted, and its steps have times.

Revision: 0021, after 0020b.
"""

import sqlalchemy as sa
from alembic import op

from vitalkeep.base.errors import Conflict

revision = "0021"
down_revision = "0020b"
branch_labels = None
depends_on = None

STEPS = (
    ("disconnected_at", sa.DateTime(timezone=True)),
    ("upstream", sa.Text()),
    ("sealed_person", sa.LargeBinary()),
    ("kept_until", sa.DateTime(timezone=True)),
    ("replayed_at", sa.DateTime(timezone=True)),
)
KNOWN_ONCE_ERASED = ("erased_at", "certificate", "epoch")
UNFINISHED = sa.text("SELECT count(*) FROM erasures WHERE stage = 'erasing'")


def upgrade() -> None:
    for name, kind in STEPS:
        op.add_column("erasures", sa.Column(name, kind, nullable=True))
    for name in KNOWN_ONCE_ERASED:
        op.alter_column("erasures", name, nullable=True)
    op.create_unique_constraint(op.f("uq_erasures_sealed_person"), "erasures", ["sealed_person"])
    op.create_check_constraint(
        op.f("ck_erasures_stage"),
        "erasures",
        "CASE stage WHEN 'erasing' THEN sealed_person IS NOT NULL AND certificate IS NULL "
        "WHEN 'erased' THEN certificate IS NOT NULL AND epoch IS NOT NULL "
        "WHEN 'shredded' THEN shredded_certificate IS NOT NULL ELSE false END",
    )


def downgrade() -> None:
    if op.get_bind().scalar(UNFINISHED):
        raise Conflict("Somebody is leaving: run `vitalkeep worker --once` first.")
    op.drop_constraint(op.f("ck_erasures_stage"), "erasures", type_="check")
    op.drop_constraint(op.f("uq_erasures_sealed_person"), "erasures", type_="unique")
    for name in KNOWN_ONCE_ERASED:
        op.alter_column("erasures", name, nullable=False)
    for name, _ in reversed(STEPS):
        op.drop_column("erasures", name)
