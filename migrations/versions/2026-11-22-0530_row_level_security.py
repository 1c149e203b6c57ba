"""Row-level security: a role that owns nothing, and what it sees of persons' data.

Everything here is independent of the application's own predicate, so that a fault in one of them
shows nobody anything. Functions in PL/pgSQL keep their plans, and cost a person's own statements
nothing: the planner does not look into them, and they run only for who reads as somebody else.

Revision: 0012b, after 0012.
"""

import sqlalchemy as sa
from alembic import op

from vitalkeep.base.errors import Conflict

revision = "0012b"
down_revision = "0012"
branch_labels = None
depends_on = None

ROLE = "vitalkeep_app"
OWN_ONLY = ("record_parts", "day_summaries", "pushes")
SHOWN_WITH_A_CASE = ("sources", "source_priorities")
PROTECTED = ("records", *OWN_ONLY, *SHOWN_WITH_A_CASE, "person_keys")
APPENDED_ONLY = ("access_events", "consent_events")

HELP = (
    f"The role {ROLE} is missing and this login may not make it. As a superuser: "
    f"CREATE ROLE {ROLE} NOLOGIN; GRANT {ROLE} TO the role that migrates; then migrate again."
)


def said(name: str) -> str:
    """A literal that the transaction has set, or null."""
    return f"NULLIF(current_setting('vitalkeep.{name}', true), '')::uuid"


OWN = f"person_id = (SELECT {said('person_id')})"

WORKS_ON = """
    s.role IN ('nurse', 'public_health_nurse', 'registered_dietitian', 'physician')
      AND (EXISTS (SELECT FROM case_staff cs
                   WHERE cs.person_id = k.person_id AND cs.case_id = k.case_id
                     AND cs.staff_id = who)
           OR EXISTS (SELECT FROM case_teams ct JOIN team_members tm ON tm.team_id = ct.team_id
                      WHERE ct.person_id = k.person_id AND ct.case_id = k.case_id
                        AND tm.staff_id = who))
"""
LISTS = f"s.role = 'coordinator' OR ({WORKS_ON})"
# Each way of being a reader is one arm.
READERS = """
    SELECT k.person_id, k.purpose, 'organization' AS recipient_kind,
           k.organization_id AS recipient_id, o.kind AS organization_kind
    FROM staff s
    JOIN organizations o ON o.organization_id = s.organization_id
    JOIN case_handles h ON h.organization_id = s.organization_id {of_case}
    JOIN cases k ON k.person_id = h.person_id AND k.case_id = h.case_id
                AND k.organization_id = s.organization_id
    WHERE s.staff_id = who AND s.state = 'active' AND k.state = 'open'
      AND ({works})
    UNION ALL
    SELECT k.person_id, k.purpose, 'person', k.relative_id, NULL
    FROM relatives t
    JOIN persons w ON w.person_id = t.person_id AND w.state = 'active'
    JOIN case_handles h ON h.relative_id = t.relative_id {of_case}
    JOIN cases k ON k.person_id = h.person_id AND k.case_id = h.case_id
                AND k.relative_id = t.relative_id
    WHERE t.person_id = watcher AND k.state = 'open'
"""
READABLE = """
    RETURN QUERY
    WITH readers AS ({readers})
    SELECT c.person_id, c.type, tstzrange(c.data_from, c.data_until)
    FROM readers r
    JOIN persons p ON p.person_id = r.person_id AND p.state = 'active'
    JOIN consents c ON c.person_id = r.person_id AND c.purpose = r.purpose
                   AND c.recipient_kind = r.recipient_kind AND c.recipient_id = r.recipient_id
    WHERE c.action = 'read' AND c.state = 'active'
      AND (c.valid_until IS NULL OR c.valid_until > now())
      AND CASE r.purpose
          WHEN 'guidance' THEN r.organization_kind IN ('medical_institution', 'guidance_provider')
          WHEN 'health_advice'
              THEN r.organization_kind IN ('medical_institution', 'guidance_provider')
          WHEN 'teleconsultation' THEN r.organization_kind = 'medical_institution'
          WHEN 'family_watch' THEN r.recipient_kind = 'person'
          ELSE false END;
"""


def function(signature: str, returns: str, body: str) -> str:
    """A function that finds its tables where they are, and not where a caller has put others."""
    return f"""
    CREATE FUNCTION {signature} RETURNS {returns} LANGUAGE plpgsql STABLE
    SET search_path = public, pg_temp AS $$
    #variable_conflict use_column
    {body}
    $$
    """


def of_cases(signature: str, works: str) -> str:
    """A function that answers what consents let the reader read, of one case or of all."""
    all_of_them = READABLE.format(readers=READERS.format(of_case="", works=works))
    one = READABLE.format(readers=READERS.format(of_case="AND h.case_id = which", works=works))
    return function(
        signature,
        "TABLE (person_id uuid, type smallint, covered tstzrange)",
        f"""
        DECLARE
            who uuid := {said("staff_id")};
            watcher uuid := {said("watcher_id")};
            which uuid := {said("case_id")};
        BEGIN
            IF who IS NULL AND watcher IS NULL THEN
                RETURN;
            ELSIF which IS NULL THEN
                {all_of_them}
            ELSE
                {one}
            END IF;
        END
        """,
    )


FUNCTIONS = {
    # What the staff member or relative may read: of the case that was said, or of all of theirs.
    "vitalkeep_readable()": of_cases("vitalkeep_readable()", WORKS_ON),
    # Whose names they see listed: coordinators list all of their organization's cases.
    "vitalkeep_known()": of_cases("vitalkeep_known()", LISTS),
    # The person of the case that was said, if anything of theirs may be read through it.
    "vitalkeep_case_person()": function(
        "vitalkeep_case_person()",
        "uuid",
        """
        BEGIN
            RETURN (SELECT r.person_id FROM vitalkeep_readable() r LIMIT 1);
        END
        """,
    ),
    # Type and source, in one number, of what a withdrawal froze: nobody but the person sees it.
    "vitalkeep_frozen()": function(
        "vitalkeep_frozen()",
        "int[]",
        """
        BEGIN
            RETURN coalesce((
                SELECT array_agg(c.type::int * 65536 + s.source_id)
                FROM consents c
                JOIN sources s ON s.person_id = c.person_id AND s.client_id = c.recipient_id
                WHERE c.person_id = vitalkeep_case_person() AND c.frozen_until IS NOT NULL
            ), '{}');
        END
        """,
    ),
    # By number of the type, the times that may be read through that case.
    "vitalkeep_covered()": function(
        "vitalkeep_covered()",
        "tstzmultirange[]",
        """
        BEGIN
            RETURN (
                WITH readable AS (
                    SELECT r.type, range_agg(r.covered) AS covered FROM vitalkeep_readable() r
                    GROUP BY r.type
                )
                SELECT array_agg(r.covered ORDER BY n)
                FROM generate_series(1, (SELECT max(type) FROM readable)) n
                LEFT JOIN readable r ON r.type = n
            );
        END
        """,
    ),
}


def only_with(name: str, condition: str) -> str:
    """The condition, looked at by who has said so much only, and by no planner of an index."""
    return f"CASE WHEN (SELECT {said(name)}) IS NULL THEN false ELSE {condition} END"


OF_CASE = "person_id = (SELECT vitalkeep_case_person())"
READER = {
    "records": only_with(
        "case_id",
        f"{OF_CASE} AND start_time <@ (SELECT vitalkeep_covered())[type]"
        " AND type::int * 65536 + source_id <> ALL ((SELECT vitalkeep_frozen())::int[])",
    ),
    **{table: only_with("case_id", OF_CASE) for table in SHOWN_WITH_A_CASE},
    "person_keys": " OR ".join(
        only_with(name, "person_id IN (SELECT k.person_id FROM vitalkeep_known() k)")
        for name in ("staff_id", "watcher_id")
    ),
}


def upgrade() -> None:
    require_role()
    grants = "SELECT, INSERT, UPDATE, DELETE"
    op.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
    op.execute(f"GRANT {grants} ON ALL TABLES IN SCHEMA public TO {ROLE}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {grants} ON TABLES TO {ROLE}")
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {ROLE}")
    for table in APPENDED_ONLY:
        op.execute(f"REVOKE UPDATE ON {table} FROM {ROLE}")
    for statement in FUNCTIONS.values():
        op.execute(statement)
    for table in PROTECTED:
        op.execute(f"CREATE POLICY own ON {table} USING ({OWN})")
        if table in READER:
            op.execute(f"CREATE POLICY reader ON {table} FOR SELECT USING ({READER[table]})")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def require_role() -> None:
    """Makes the role if it is not there, and this login one that can take it."""
    connection = op.get_bind()
    found = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    may = sa.text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    if connection.scalar(found, {"role": ROLE}) is None:
        if not connection.scalar(may):
            raise Conflict(HELP)
        op.execute(f"CREATE ROLE {ROLE} NOLOGIN")
    member = sa.text("SELECT pg_has_role(current_user, :role, 'USAGE')")
    if not connection.scalar(member, {"role": ROLE}):
        op.execute(f"GRANT {ROLE} TO CURRENT_USER")


def downgrade() -> None:
    for table in reversed(PROTECTED):
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"DROP POLICY IF EXISTS reader ON {table}")
        op.execute(f"DROP POLICY own ON {table}")
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {ROLE}")
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {ROLE}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {ROLE}")
    # The role stays: other databases of the server may know it.
