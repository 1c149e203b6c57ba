"""Checks of states and kinds, which the models had and no table.

Revision: 0005, after 0004.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KINDS = "'medical_institution', 'guidance_provider', 'employer', 'insurer', 'family'"
CHECKS = (
    ("organizations", "kind", f"kind IN ({KINDS})"),
    ("persons", "state", "state IN ('active', 'erasing')"),
    ("staff", "state", "state IN ('active', 'suspended')"),
    ("consents", "action", "action IN ('collect', 'read')"),
    ("consents", "recipient_kind", "recipient_kind IN ('app', 'organization', 'person')"),
    ("consents", "state", "state IN ('active', 'withdrawn', 'expired')"),
    ("cases", "state", "state IN ('open', 'closed')"),
)


def upgrade() -> None:
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    for table, name, _ in reversed(CHECKS):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
