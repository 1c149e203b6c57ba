"""Who works on cases, directly or through a team, as it stands now."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.persons.roles import has_power

WORKERS: Final = text(
    """
    SELECT cs.case_id, NULL AS team_id, NULL AS team_name, s.staff_id, s.role, s.state
    FROM case_staff cs JOIN staff s ON s.staff_id = cs.staff_id
    WHERE cs.person_id = ANY(CAST(:person_ids AS uuid[]))
      AND cs.case_id = ANY(CAST(:case_ids AS uuid[]))
    UNION ALL
    SELECT ct.case_id, t.team_id, t.name, s.staff_id, s.role, s.state
    FROM case_teams ct
    JOIN teams t ON t.team_id = ct.team_id
    LEFT JOIN team_members tm ON tm.team_id = t.team_id
    LEFT JOIN staff s ON s.staff_id = tm.staff_id
    WHERE ct.person_id = ANY(CAST(:person_ids AS uuid[]))
      AND ct.case_id = ANY(CAST(:case_ids AS uuid[]))
    """
)


@dataclass(slots=True)
class Workers:
    """Who works on one case.

    `readers` are those who may read records now: active clinical staff, by whichever way. `staff`
    (role and state) and `teams` (name) are what a coordinator assigned.
    """

    readers: dict[UUID, str] = field(default_factory=dict)
    staff: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    teams: dict[UUID, str] = field(default_factory=dict)

    @property
    def roles(self) -> list[str]:
        """The qualifications of those who may read, each once."""
        return sorted(set(self.readers.values()))


async def list_workers(
    connection: AsyncConnection, person_ids: Collection[UUID], case_ids: Collection[UUID]
) -> dict[UUID, Workers]:
    """The workers of each of the cases; cases that nobody works on are left out."""
    given = {"person_ids": list(person_ids), "case_ids": list(case_ids)}
    found: dict[UUID, Workers] = {}
    for row in (await connection.execute(WORKERS, given)).mappings().all():
        _add(found.setdefault(row["case_id"], Workers()), row)
    return found


def _add(workers: Workers, row: RowMapping) -> None:
    if row["team_id"] is not None:
        workers.teams[row["team_id"]] = row["team_name"]
    elif row["staff_id"] is not None:
        workers.staff[row["staff_id"]] = (row["role"], row["state"])
    if row["state"] == "active" and has_power(row["role"], "read_records"):
        workers.readers[row["staff_id"]] = row["role"]
