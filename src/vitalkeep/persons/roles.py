"""What each qualification may do for its organization: a table, because least privilege is read
off it. What a role does not name it may not do; nobody's role reaches another organization.
"""

from collections.abc import Mapping
from typing import Final, Literal

from vitalkeep.base.errors import Forbidden
from vitalkeep.persons.access import StaffCaller

StaffRole = Literal[
    "nurse",
    "public_health_nurse",
    "registered_dietitian",
    "physician",
    "coordinator",
    "administrator",
]
Power = Literal["read_records", "see_cases", "invite", "assign", "see_staff", "manage"]

_CLINICAL: Final = frozenset[Power]({"read_records", "see_cases", "invite"})
POWERS: Final[Mapping[str, frozenset[Power]]] = {
    "nurse": _CLINICAL,
    "public_health_nurse": _CLINICAL,
    "registered_dietitian": _CLINICAL,
    "physician": _CLINICAL,
    # Sees and hands over all of the organization's cases, and nobody's records.
    "coordinator": frozenset({"see_cases", "invite", "assign", "see_staff"}),
    # Sees who works here, and no case.
    "administrator": frozenset({"see_staff", "manage"}),
}
READERS: Final = tuple(role for role, powers in POWERS.items() if "read_records" in powers)
"""The qualifications that may read records of the cases they work on."""

REFUSALS: Final[dict[Power, str]] = {
    "read_records": "Records are read by the clinical staff who work on the case.",
    "see_cases": "Cases are seen by clinical staff and coordinators.",
    "invite": "Clinical staff and coordinators invite.",
    "assign": "Who works on a case is for a coordinator to say.",
    "see_staff": "Staff and teams are seen by coordinators and administrators.",
    "manage": "The organization is managed by its administrators.",
}


def has_power(role: str, power: Power) -> bool:
    """Whether staff of this role may do that."""
    return power in POWERS.get(role, frozenset())


def require_power(staff: StaffCaller, power: Power) -> None:
    """Raises Forbidden, with the reason, unless the staff member's role may do that."""
    if not has_power(staff.role, power):
        raise Forbidden(REFUSALS[power])
