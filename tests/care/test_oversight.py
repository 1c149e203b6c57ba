"""The report of reads that look out of purpose: what it finds, and what it leaves alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.care.oversight import DAY, Report, is_outlier, report_reads

WEEK = [100, 110, 90, 120, 100, 95]


async def add_event(  # noqa: PLR0913 - one parameter a column
    app: FastAPI,
    nurse: Caller,
    person_id: UUID,
    at: datetime,
    *,
    count: int = 0,
    case_id: UUID | str | None = None,
    outcome: str = "given",
) -> None:
    """An event of the trail, as it stands there."""
    await run_sql(
        app,
        "INSERT INTO access_events (person_id, event_id, at, staff_id, organization_id, case_id, "
        "count, role, purpose, type, outcome) VALUES (:person, gen_random_uuid(), :at, :staff, "
        ":organization, :case, :count, 'public_health_nurse', 'guidance', 1, :outcome)",
        person=person_id,
        at=at,
        staff=nurse.id,
        organization=nurse.organization_id,
        case=case_id or uuid4(),
        count=count,
        outcome=outcome,
    )


async def add_days(
    app: FastAPI, nurse: Caller, person_id: UUID, counts: Sequence[int], begin: int = 1
) -> None:
    """One look on each of the days before, from `begin` days ago on."""
    for ago, count in enumerate(counts, begin):
        await add_event(
            app, nurse, person_id, clock.now() - ago * DAY - timedelta(hours=1), count=count
        )


async def report(app: FastAPI, since: timedelta = DAY) -> Report:
    async with app.state.engine.connect() as connection:
        until = clock.now()
        return await report_reads(connection, until - since, until)


def found(told: Report, nurse: Caller, kind: str) -> list[dict[str, Any]]:
    """The figures of a nurse's findings of one kind."""
    return [
        each.figures
        for each in told.findings
        if (each.reader.staff_id, each.kind) == (nurse.id, kind)
    ]


async def test_a_day_far_above_one_s_own_is_found(make: Make, app: FastAPI) -> None:
    nurse, steady, person = await make.staff(), await make.staff(), await make.person()
    for each, today in ((nurse, 5000), (steady, 900)):
        await add_days(app, each, person.id, WEEK)
        await add_event(app, each, person.id, clock.now() - timedelta(hours=2), count=today)
    told = await report(app)
    (figures,) = found(told, nurse, "volume")
    assert (figures["measure"], figures["read"], figures["usual"]) == ("records", 5000, 100)
    assert found(told, steady, "volume") == []


async def test_what_all_colleagues_do_is_no_outlier(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await make.person()
    peer = await make.staff(nurse.organization_id)
    await add_days(app, nurse, person.id, WEEK)
    await add_days(app, peer, person.id, [5000, 5500, 4800, 5100, 5200])
    await add_event(app, nurse, person.id, clock.now() - timedelta(hours=2), count=5000)
    assert found(await report(app), nurse, "volume") == []


async def test_many_cases_on_one_day_are_found_though_they_hold_few_records(
    make: Make, app: FastAPI
) -> None:
    nurse, person = await make.staff(), await make.person()
    await add_days(app, nurse, person.id, [10] * 6)
    for _ in range(12):
        await add_event(app, nurse, person.id, clock.now() - timedelta(hours=2), count=1)
    (figures,) = found(await report(app), nurse, "volume")
    assert (figures["measure"], figures["read"], figures["usual"]) == ("cases", 12, 1)


async def test_who_has_no_history_and_no_colleagues_is_counted_as_not_judged(
    make: Make, app: FastAPI
) -> None:
    nurse, person = await make.staff(), await make.person()
    before = await report(app)
    await add_days(app, nurse, person.id, [100] * 4)
    await add_event(app, nurse, person.id, clock.now() - timedelta(hours=2), count=90_000)
    told = await report(app)
    assert found(told, nurse, "volume") == []
    assert (told.readers, told.unjudged) == (before.readers + 1, before.unjudged + 1)


async def test_each_day_of_a_longer_period_is_held_against_the_days_before_it(
    make: Make, app: FastAPI
) -> None:
    nurse, person = await make.staff(), await make.person()
    await add_days(app, nurse, person.id, WEEK, begin=7)
    await add_days(app, nurse, person.id, [100, 7000, 100, 6000], begin=1)
    figures = found(await report(app, 7 * DAY), nurse, "volume")
    assert [each["read"] for each in figures] == [7000, 6000]
    assert found(await report(app), nurse, "volume") == []


@pytest.mark.parametrize(
    ("usual", "amount", "outlier"),
    [
        ([100] * 6, 1099, False),
        ([100] * 6, 1100, True),
        ([2000] * 6, 3700, False),
        ([2000] * 6, 3751, True),
        ([2000, 4000, 2000, 4000, 3000], 8000, False),
        ([2000, 4000, 2000, 4000, 3000], 8300, True),
        ([100, 100, 100, 100, 90_000], 1500, True),
    ],
)
def test_an_outlier_is_far_from_the_median_by_what_is_usual(
    usual: list[int], amount: int, *, outlier: bool
) -> None:
    assert is_outlier(amount, usual, "records") is outlier


async def test_looks_in_the_last_hours_of_a_case_are_found(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await make.person()
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    closed = clock.now() - timedelta(hours=1)
    for hours, count in ((23, 40), (2, 2), (25, 1000), (-0.5, 500)):
        at = closed - timedelta(hours=hours)
        await add_event(app, nurse, person.id, at, count=count, case_id=case_id)
    assert found(await report(app), nurse, "before_closing") == []
    shut = "UPDATE cases SET state = 'closed', closed_at = :at WHERE case_id = :id"
    await run_sql(app, shut, at=closed, id=case_id)
    (figures,) = found(await report(app), nurse, "before_closing")
    assert (str(figures["case_id"]), figures["records"], figures["looks"]) == (case_id, 42, 2)
    assert found(await report(app, timedelta(minutes=30)), nurse, "before_closing") == []


@pytest.mark.parametrize(
    ("refusals", "minutes", "reported"), [(10, 0.9, 10), (9, 0.9, None), (12, 2, None)]
)
async def test_refusals_in_quick_succession_are_found(
    make: Make, app: FastAPI, refusals: int, minutes: float, reported: int | None
) -> None:
    nurse, person = await make.staff(), await make.person()
    begun = clock.now() - timedelta(hours=2)
    for number in range(refusals):
        at, case_id = begun + number * timedelta(minutes=minutes), uuid4()
        for _each_type in range(3):
            await add_event(app, nurse, person.id, at, case_id=case_id, outcome="denied")
    bursts = found(await report(app), nurse, "denied_burst")
    assert [each["refusals"] for each in bursts] == ([reported] if reported else [])
    assert [each["cases"] for each in bursts] == ([reported] if reported else [])


async def test_the_report_names_no_person(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await make.person()
    await add_days(app, nurse, person.id, WEEK)
    await add_event(app, nurse, person.id, clock.now() - timedelta(hours=2), count=5000)
    told = str(await report(app))
    assert str(nurse.id) in told
    assert str(person.id) not in told
