"""Teams, cases that are closed by somebody, and invitations that can be taken back.

Revision: 0011, after 0010b.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.organization_id"],
            name=op.f("fk_teams_organization_id"),
        ),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_teams")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_teams_organization_id_name")),
    )
    op.create_table(
        "team_members",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.team_id"], name=op.f("fk_team_members_team_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.staff_id"], name=op.f("fk_team_members_staff_id")
        ),
        sa.PrimaryKeyConstraint("team_id", "staff_id", name=op.f("pk_team_members")),
    )
    op.create_index(op.f("ix_team_members_staff_id"), "team_members", ["staff_id"])
    op.create_table(
        "case_teams",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id", "case_id"],
            ["cases.person_id", "cases.case_id"],
            name=op.f("fk_case_teams_person_id_case_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["persons.person_id"],
            name=op.f("fk_case_teams_person_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.team_id"], name=op.f("fk_case_teams_team_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "case_id", "team_id", name=op.f("pk_case_teams")),
    )
    op.create_index(op.f("ix_case_teams_team_id"), "case_teams", ["team_id"])
    op.add_column("cases", sa.Column("closed_by", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("closure_reason", sa.Text(), nullable=True))
    # Invitations live for days: those of the version before are asked for anew.
    op.execute("DELETE FROM invitations")
    op.add_column("invitations", sa.Column("invitation_id", sa.Uuid(), nullable=False))
    op.add_column("invitations", sa.Column("invited_by", sa.Uuid(), nullable=True))
    op.add_column("invitations", sa.Column("team_ids", sa.ARRAY(sa.Uuid()), nullable=False))
    op.add_column("invitations", sa.Column("policy", sa.ARRAY(sa.Text()), nullable=True))
    op.add_column(
        "invitations", sa.Column("created_at", sa.DateTime(timezone=True), nullable=False)
    )
    op.create_foreign_key(
        op.f("fk_invitations_invited_by"), "invitations", "staff", ["invited_by"], ["staff_id"]
    )
    op.create_index(op.f("ix_invitations_organization_id"), "invitations", ["organization_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_invitations_organization_id"), table_name="invitations")
    for column in ("created_at", "policy", "team_ids", "invited_by", "invitation_id"):
        op.drop_column("invitations", column)
    op.drop_column("cases", "closure_reason")
    op.drop_column("cases", "closed_by")
    op.drop_table("case_teams")
    op.drop_table("team_members")
    op.drop_table("teams")
