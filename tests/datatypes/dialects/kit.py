"""HealthKit samples as bridges hand them over, from the types' examples."""

import copy
from typing import Any

import orjson

from tests.datatypes.dialects.phone import ABSENT, APP, NOW
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.healthkit import EXAMPLES, measurement
from vitalkeep.datatypes.fragments import Fragment


def kit(name: str, **changes: object) -> dict[str, Any]:
    """The type's example with members replaced; ABSENT takes a member out."""
    merged = {**copy.deepcopy(EXAMPLES[name]), **changes}
    return {key: value for key, value in merged.items() if value is not ABSENT}


def measured(sample: object) -> Measurement:
    """The measurement of a sample that is a whole record."""
    found = measurement(sample, APP, NOW)
    assert isinstance(found, Measurement)
    return found


def fragment(sample: object) -> Fragment:
    """The fragment of a sample of sleep."""
    found = measurement(sample, APP, NOW)
    assert isinstance(found, Fragment)
    return found


def content(sample: object) -> JsonObject:
    """The stored members of a sample that is a whole record."""
    parsed = orjson.loads(b"{" + measured(sample).content + b"}")
    assert isinstance(parsed, dict)
    return parsed


def origin(sample: object) -> JsonObject:
    """The stored origin of a sample."""
    found = measurement(sample, APP, NOW)
    parsed = orjson.loads((found.sample if isinstance(found, Fragment) else found).origin)
    assert isinstance(parsed, dict)
    return parsed
