"""How long health records are kept, by type and purpose: what the policy says, as data.

Without a period for a purpose, what is collected for it stays as long as the person. A record that
several purposes need is kept for the longest of their periods. A consent that ran out, or that a
phone's grant took along, still says what its records were collected for; one withdrawn doesn't.
"""

from collections.abc import Mapping
from itertools import product
from typing import Final

from vitalkeep.base.settings import Settings
from vitalkeep.consents.purposes import PURPOSES
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.retention.rules import Kept, Rule, list_rules

ANY: Final = "*"
COLLECTING: Final = tuple(name for name, each in PURPOSES.items() if each.action == "collect")

NEEDING: Final = """EXISTS (
    SELECT FROM sources s JOIN consents c ON c.person_id = s.person_id
    WHERE s.person_id = records.person_id AND s.source_id = records.source_id
      AND c.recipient_id = s.client_id AND c.type = records.type AND c.action = 'collect'
      AND c.state <> 'withdrawn' AND c.purpose {which})"""


def list_all_rules(settings: Settings) -> tuple[Rule, ...]:
    """The rules of this deployment. Raises ValueError for periods that can't be read."""
    return (*list_rules(settings.tombstone_days), *list_record_rules(settings.record_periods))


def list_record_rules(given: Mapping[str, int]) -> list[Rule]:
    """A rule for each type and purpose that has a period. Raises ValueError."""
    check(given)
    rules = []
    for kind in TYPES:
        periods = {each: days for each in COLLECTING if (days := find(given, kind.name, each))}
        rules += [to_rule(kind, purpose, periods) for purpose in periods]
    return rules


def check(given: Mapping[str, int]) -> None:
    """Raises ValueError for what names no type or no purpose of collecting."""
    for key, days in given.items():
        kind, _, purpose = key.partition("/")
        if kind not in (ANY, *BY_NAME) or purpose not in (ANY, *COLLECTING):
            raise ValueError(
                f"VITALKEEP_RECORD_PERIODS: {key!r} has to be <type>/<purpose>, each a name or *; "
                f"the purposes are {', '.join(COLLECTING)}"
            )
        if days < 1:
            raise ValueError(f"VITALKEEP_RECORD_PERIODS: {key!r} has to be one day at least")


def find(given: Mapping[str, int], kind: str, purpose: str) -> int | None:
    """Days for a type and purpose, by the entry that names them most closely, the type first."""
    keys = (f"{one}/{other}" for one, other in product((kind, ANY), (purpose, ANY)))
    return next((given[key] for key in keys if key in given), None)


def to_rule(kind: DataType, purpose: str, periods: Mapping[str, int]) -> Rule:
    """The rule for records that this purpose needs longest of those that need them."""
    days = periods[purpose]
    no_longer = [each for each in periods if (periods[each], each) <= (days, purpose)]
    listed = ", ".join(f"'{each}'" for each in no_longer)
    needing = NEEDING.format(which=f"= '{purpose}'")
    needing_longer = NEEDING.format(which=f"NOT IN ({listed})")
    return Rule(
        name=f"{kind.name}_for_{purpose}",
        what=f"{kind.name} collected for {purpose}",
        table="records",
        kept=Kept(days=days),
        since="end_time",
        from_when="the end of the measurement",
        where=f"sealed IS NOT NULL AND type = {kind.number} AND {needing} AND NOT {needing_longer}",
        basis="the period that the policy names for this purpose (VITALKEEP_RECORD_PERIODS)",
        buries=True,
    )
