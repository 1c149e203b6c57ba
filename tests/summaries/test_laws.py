"""Laws of computing days: they are what a slow reference says, whatever the records."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.summaries.reference import days_of
from tests.summaries.worlds import KINDS, PLACES, answered, choices, computed, to_stored
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.datatypes.times import time_text
from vitalkeep.records import touched

Json = dict[str, Any]
ONE_DAY = timedelta(days=1)
law = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def expected(kind: str, made: list[Json], zone: str, wanted: list[Json]) -> dict[date, Json]:
    """The reference's days, times of sleep as text."""
    days = days_of(kind, made, zone, wanted)
    if kind == "sleep":
        for day in days.values():
            for edge in ("start", "end"):
                moment, offset = day[edge]
                minutes = None if offset is None else offset // timedelta(minutes=1)
                day[edge] = time_text(moment, minutes)
    return days


@pytest.mark.parametrize("kind", KINDS)
@law
@given(data=st.data())
def test_days_are_what_the_reference_says(kind: str, data: st.DataObject) -> None:
    zone, day = data.draw(st.sampled_from(PLACES))
    made, wanted = data.draw(answered(kind, zone, day)), data.draw(choices)
    whole = expected(kind, made, zone, wanted)
    days = day - 4 * ONE_DAY, day + 7 * ONE_DAY
    assert computed(kind, made, zone, wanted, days) == whole
    # A day by itself is the same: what lies outside its period does not matter.
    one = data.draw(st.sampled_from([day - ONE_DAY, day, day + ONE_DAY, *whole]))
    alone = {one: whole[one]} if one in whole else {}
    assert computed(kind, made, zone, wanted, (one, one)) == alone


@pytest.mark.parametrize("kind", KINDS)
@law
@given(data=st.data())
def test_a_record_changes_no_day_that_it_does_not_touch(kind: str, data: st.DataObject) -> None:
    zone, day = data.draw(st.sampled_from(PLACES))
    made, wanted = data.draw(answered(kind, zone, day)), data.draw(choices)
    days = day - 6 * ONE_DAY, day + 9 * ONE_DAY
    before = computed(kind, made[1:], zone, wanted, days)
    after = computed(kind, made, zone, wanted, days)
    is_sleep = BY_NAME[kind].number in touched.SLEEP_TYPES
    stored, _ = to_stored(made[0])
    first = stored.start - (touched.SLEEP_BEFORE if is_sleep else touched.BEFORE)
    last = stored.end + (touched.SLEEP_AFTER if is_sleep else touched.AFTER)
    changed = {day for day in before | after if before.get(day) != after.get(day)}
    assert all(first.date() <= day <= last.date() for day in changed)


@law
@given(data=st.data())
def test_what_is_counted_adds_up_to_what_the_sources_counted(data: st.DataObject) -> None:
    zone, day = data.draw(st.sampled_from(PLACES))
    made, wanted = data.draw(answered("steps", zone, day)), data.draw(choices)
    days = computed("steps", made, zone, wanted, (day - 4 * ONE_DAY, day + 7 * ONE_DAY))
    for told in days.values():
        assert told["count"] == sum(source["counted"] for source in told["by_source"])
        assert told["count"] >= 0
