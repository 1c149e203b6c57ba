"""The rules: times of the calendar, columns that exist, a document that is true."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from tests.care.sql import run_sql
from tests.cli.commands import call
from vitalkeep.base.settings import Settings
from vitalkeep.retention.published import describe
from vitalkeep.retention.rules import OWN_TASK, Kept, Rule, list_rules
from vitalkeep.worker import TASKS

FILE = Path(__file__).parents[2] / "docs" / "retention.md"
RULES = list_rules(Settings.model_fields["tombstone_days"].default)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(
    kept=st.builds(Kept, years=st.integers(0, 5), days=st.integers(0, 100)),
    since=MOMENTS,
    now=MOMENTS,
)
def test_what_is_due_has_been_kept_for_long_enough_and_nothing_else(
    kept: Kept, since: datetime, now: datetime
) -> None:
    if since < kept.before(now):
        assert kept.after(since) <= now
    if kept.after(since) < now:
        assert since < kept.before(now)


@pytest.mark.parametrize(
    ("since", "after"),
    [
        ((2024, 5, 1, 9), (2027, 5, 1, 9)),
        ((2024, 2, 29, 9), (2027, 3, 1, 0)),
        ((2025, 2, 28, 9), (2028, 2, 28, 9)),
    ],
)
def test_three_years_are_three_years_of_the_calendar(
    since: tuple[int, int, int, int], after: tuple[int, int, int, int]
) -> None:
    assert Kept(years=3).after(datetime(*since, tzinfo=UTC)) == datetime(*after, tzinfo=UTC)


def test_the_committed_document_is_what_the_rules_say() -> None:
    told = FILE.read_text(encoding="utf-8")
    assert told == describe(RULES), "stale: run `vitalkeep retention rules > docs/retention.md`"
    assert call("retention", "rules").stdout == told


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_a_rule_names_columns_that_exist_and_somebody_who_goes_by_it(
    app: FastAPI, rule: Rule
) -> None:
    columns = {
        row[0]
        for row in await run_sql(
            app,
            "SELECT column_name FROM information_schema.columns WHERE table_name = :name",
            name=rule.table,
        )
    }
    assert {each for each in (rule.since, rule.person, rule.key) if each} <= columns
    assert (rule.person is None) == (rule.key is not None)
    assert (rule.kept is None) == (rule.task not in {task.name for task in TASKS})
    assert rule.task != OWN_TASK or rule.kept is not None


def test_the_times_are_those_that_the_law_and_the_settings_give() -> None:
    kept = {rule.name: rule.kept for rule in list_rules(30)}
    assert kept["access_events"] == Kept(years=3)
    assert kept["frozen_records"] == kept["passing_tombstones"] == Kept(days=30)
    assert kept["pushes"] == Kept(days=7)
    assert timedelta(0) == datetime(2026, 1, 1, tzinfo=UTC) - Kept().before(
        datetime(2026, 1, 1, tzinfo=UTC)
    )
