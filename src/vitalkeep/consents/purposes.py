"""What each purpose may do: a table, because what it doesn't name can't be granted.

Marketing and joint use are named only to be refused: the Limited Use rules of Health Connect and
Google bar them for health data, and Japanese policies leave health data out of joint use.
"""

from dataclasses import dataclass
from typing import Final, Literal

Action = Literal["collect", "read"]
RecipientKind = Literal["app", "organization", "person"]


@dataclass(frozen=True, slots=True)
class Purpose:
    """Which action, by which kind of recipient (and organization), a purpose covers."""

    action: Action | None
    recipient: RecipientKind
    organizations: frozenset[str] = frozenset()


PURPOSES: Final[dict[str, Purpose]] = {
    "storage": Purpose("collect", "app"),
    # An app whose policy says more closely what it keeps health data for names one of these two.
    "self_monitoring": Purpose("collect", "app"),
    "tailored_information": Purpose("collect", "app"),
    "guidance": Purpose(
        "read", "organization", frozenset({"medical_institution", "guidance_provider"})
    ),
    "health_advice": Purpose(
        "read", "organization", frozenset({"medical_institution", "guidance_provider"})
    ),
    "teleconsultation": Purpose("read", "organization", frozenset({"medical_institution"})),
    "family_watch": Purpose("read", "person"),
    # Employers and insurers get statistics over many people, never anybody's records.
    "program_support": Purpose(None, "organization", frozenset({"employer", "insurer"})),
    "statistics": Purpose(None, "organization"),
}

RECIPIENTS: Final = frozenset(
    {"app", "person", "medical_institution", "guidance_provider", "employer", "insurer", "family"}
)
"""Kinds of recipients as policies name them: of an organization its own kind."""

REFUSED: Final = frozenset({"marketing", "joint_use"})


def refusal(purpose: str, action: str, recipient: str) -> str | None:
    """Why this purpose can't be granted for records, in words for the caller; None if it can."""
    if purpose in REFUSED:
        return "Health data can't be granted for marketing or joint use."
    known = PURPOSES.get(purpose)
    if known is None:
        return f"The purpose has to be one of: {', '.join(PURPOSES)}."
    if known.action is None:
        return f"{purpose} covers statistics only, never records: no scope can be granted for it."
    if action != known.action:
        return f"{purpose} covers scopes that end in .{known.action}."
    if recipient != known.recipient:
        return f"{purpose} is for a recipient of the kind {known.recipient}."
    return None


def may_hold_cases(organization_kind: str, purpose: str) -> bool:
    """Whether an organization of this kind can read records for this purpose."""
    known = PURPOSES.get(purpose)
    return known is not None and known.action == "read" and organization_kind in known.organizations
