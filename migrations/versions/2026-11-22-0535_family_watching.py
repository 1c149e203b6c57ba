"""Family watching: cases of a relative, who is known by a random id only.

Revision: 0011b, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011b"
down_revision = "0011"
branch_labels = None
depends_on = None

INVITER = (
    "(organization_id IS NOT NULL AND invited_by IS NOT NULL AND inviter_id IS NULL AND "
    "relative_id IS NULL) OR (organization_id IS NULL AND invited_by IS NULL AND "
    "inviter_id IS NOT NULL AND relative_id IS NOT NULL)"
)
CHECKS = (
    ("cases", "closed_by", "closed_by IN ('self', 'organization', 'relative')"),
    ("cases", "reader", "num_nonnulls(organization_id, relative_id) = 1"),
    ("invitations", "inviter", INVITER),
)


def upgrade() -> None:
    op.create_table(
        "relatives",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("relative_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["persons.person_id"],
            name=op.f("fk_relatives_person_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", "relative_id", name=op.f("pk_relatives")),
    )
    op.create_index(op.f("ix_relatives_relative_id"), "relatives", ["relative_id"])
    for table in ("cases", "case_handles", "invitations"):
        op.alter_column(table, "organization_id", nullable=True)
        op.add_column(table, sa.Column("relative_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_case_handles_relative_id"), "case_handles", ["relative_id"])
    op.add_column("cases", sa.Column("sealed_relative", sa.LargeBinary(), nullable=True))
    op.add_column("invitations", sa.Column("inviter_id", sa.Uuid(), nullable=True))
    op.create_index(op.f("ix_invitations_inviter_id"), "invitations", ["inviter_id"])
    op.alter_column("access_events", "staff_id", nullable=True)
    op.alter_column("access_events", "organization_id", nullable=True)
    op.add_column("access_events", sa.Column("relative_id", sa.Uuid(), nullable=True))
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    for table, name, _ in reversed(CHECKS):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.execute("DELETE FROM access_events WHERE organization_id IS NULL")
    op.drop_column("access_events", "relative_id")
    op.alter_column("access_events", "organization_id", nullable=False)
    op.alter_column("access_events", "staff_id", nullable=False)
    op.execute("DELETE FROM invitations WHERE organization_id IS NULL")
    op.execute("DELETE FROM case_handles WHERE organization_id IS NULL")
    op.execute("DELETE FROM cases WHERE organization_id IS NULL")
    op.drop_index(op.f("ix_invitations_inviter_id"), table_name="invitations")
    op.drop_column("invitations", "inviter_id")
    op.drop_column("cases", "sealed_relative")
    op.drop_index(op.f("ix_case_handles_relative_id"), table_name="case_handles")
    for table in ("invitations", "case_handles", "cases"):
        op.drop_column(table, "relative_id")
        op.alter_column(table, "organization_id", nullable=False)
    op.drop_table("relatives")
