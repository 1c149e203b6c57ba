"""The ten data types, and who calls them what."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from vitalkeep.datatypes.catalog.blood_glucose import BLOOD_GLUCOSE
from vitalkeep.datatypes.catalog.blood_pressure import BLOOD_PRESSURE
from vitalkeep.datatypes.catalog.body_fat import BODY_FAT
from vitalkeep.datatypes.catalog.body_temperature import BODY_TEMPERATURE
from vitalkeep.datatypes.catalog.distance import DISTANCE
from vitalkeep.datatypes.catalog.heart_rate import HEART_RATE
from vitalkeep.datatypes.catalog.oxygen_saturation import OXYGEN_SATURATION
from vitalkeep.datatypes.catalog.sleep import SLEEP
from vitalkeep.datatypes.catalog.steps import STEPS
from vitalkeep.datatypes.catalog.weight import WEIGHT
from vitalkeep.datatypes.descriptors import DataType

TYPES: Final = (
    STEPS,
    DISTANCE,
    WEIGHT,
    BODY_FAT,
    SLEEP,
    BLOOD_PRESSURE,
    BLOOD_GLUCOSE,
    HEART_RATE,
    BODY_TEMPERATURE,
    OXYGEN_SATURATION,
)
BY_NAME: Final[Mapping[str, DataType]] = MappingProxyType({t.name: t for t in TYPES})
BY_NUMBER: Final[Mapping[int, DataType]] = MappingProxyType({t.number: t for t in TYPES})


def _group(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """Names of types by whatever covers them, in the order of `TYPES`."""
    groups: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for key, name in pairs:
        groups[key] += (name,)
    return MappingProxyType(dict(groups))


BY_PERMISSION: Final = _group((t.health_connect.permission, t.name) for t in TYPES)
"""Health Connect READ permission -> names of the types it covers."""

BY_GOOGLE_FIT_SCOPE: Final = _group(
    (t.google_fit.read_scope, t.name) for t in TYPES if t.google_fit
)
"""Google Fit read scope URL -> names of the types it covers."""

BY_GOOGLE_HEALTH_SCOPE: Final = _group(
    (t.google_health.read_scope, t.name) for t in TYPES if t.google_health
)
"""Google Health readonly scope URL -> names of the types it covers."""


def list_covered(grant: str) -> tuple[str, ...]:
    """Names of the types that a Health Connect permission or Google scope lets an app read.

    Empty for write permissions, unknown grants and everything else.
    """
    for grants in (BY_PERMISSION, BY_GOOGLE_FIT_SCOPE, BY_GOOGLE_HEALTH_SCOPE):
        if grant in grants:
            return grants[grant]
    return ()
