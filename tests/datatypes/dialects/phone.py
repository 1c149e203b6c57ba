"""Records as a phone sends them, from the types' examples."""

import copy
from datetime import UTC, datetime

from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.health_connect import EXAMPLES

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
APP = "jp.example.sender"
ABSENT = object()


def phone(name: str, **changes: object) -> JsonObject:
    """The type's example with members replaced; ABSENT takes a member out."""
    merged = {**copy.deepcopy(EXAMPLES[name]), **changes}
    return {key: value for key, value in merged.items() if value is not ABSENT}


def with_metadata(name: str, **changes: object) -> JsonObject:
    """The type's example with members of its metadata replaced."""
    given = EXAMPLES[name]["metadata"]
    assert isinstance(given, dict)
    return phone(name, metadata={**given, **changes})
