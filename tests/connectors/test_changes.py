"""What Google Fit tells of changes older than what every pull goes over again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.care.sql import run_sql
from tests.connectors.pulled import Pulled
from tests.google.catalog import HEART_RATE
from tests.make import Caller
from vitalkeep.base import clock
from vitalkeep.connectors import calling, changes, pulling
from vitalkeep.connectors.windows import HOUR, Window, floor_hour
from vitalkeep.datatypes.dialects import google_fit
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.datatypes.times import microseconds

STEPS, WEIGHT = "com.google.step_count.delta", "com.google.weight"
DAY = timedelta(days=1)


class Died(Exception):
    """The process is gone."""


async def person_of_90_days(pulled: Pulled, *types: str) -> Caller:
    """A person who was pulled from once, 90 days back, and of whom Fit tells changes since."""
    pulled.look_back(90)
    # The stand-in has no stream where there is no point.
    pulled.world.fit.add_point(WEIGHT, [70], clock.now() - DAY)
    person = await pulled.person(*types)
    await pulled.pull(person)
    return person


async def waiting(pulled: Pulled, person: Caller) -> Sequence[Any]:
    """What waits to be read again."""
    return await run_sql(
        pulled.google.app, "SELECT * FROM refetches WHERE person_id = :id", id=person.id
    )


async def cursor(pulled: Pulled, person: Caller) -> bytes | None:
    """The one type's, as it is stored."""
    query = "SELECT sealed_cursor FROM connection_types WHERE person_id = :id"
    found: bytes | None = (await run_sql(pulled.google.app, query, id=person.id))[0][0]
    return found


def read_in_days(pulled: Pulled, asked: int) -> list[float]:
    """How long each stretch was that points were asked for, since so many requests."""
    paths = [call.path for call in pulled.world.calls_of("fit.datasets")[asked:]]
    spans = [path.rpartition("/")[2].split("-") for path in paths]
    return [(int(end) - int(start)) / 86_400e9 for start, end in spans]


async def test_what_is_deleted_or_comes_late_however_old_is_read_again(pulled: Pulled) -> None:
    fit, old = pulled.world.fit, floor_hour(clock.now()) - 60 * DAY
    fit.add_point(STEPS, [60], old, old + HOUR / 2)
    fit.add_point(STEPS, [61], old + HOUR, old + 2 * HOUR)
    for minutes in (5, 25, 45):
        fit.add_point(HEART_RATE, [60 + minutes], old + timedelta(minutes=minutes))
    person = await person_of_90_days(pulled, "steps", "heart_rate")
    assert [each["count"] for each in await pulled.records(person, "steps")] == [60, 61]
    before = (await person.get("/v1/me/changes")).json()["next_cursor"]
    fit.delete_points(STEPS, old, old + HOUR / 2)
    fit.add_point(STEPS, [40], old + 20 * DAY, old + 20 * DAY + HOUR / 2)
    fit.delete_points(HEART_RATE, old + HOUR / 3, old + HOUR / 2)
    fit.add_point(STEPS, [1], old - 40 * DAY, old - 40 * DAY + HOUR / 2)  # never to be read
    fit.add_point(STEPS, [9], clock.now() - HOUR, clock.now() - HOUR / 2)  # read anyway
    asked = pulled.world.count("fit.datasets")
    await pulled.pull(person)
    assert [each["count"] for each in await pulled.records(person, "steps")] == [61, 40, 9]
    (hour,) = await pulled.records(person, "heart_rate")
    assert [sample["beats_per_minute"] for sample in hour["samples"]] == [65, 105]
    fed = (await person.get("/v1/me/changes", cursor=before)).json()["changes"]
    assert sorted(each["op"] for each in fed) == ["delete", *["upsert"] * 3]
    again = [days for days in read_in_days(pulled, asked) if days < 1]
    assert sorted(again) == [1 / 24] * 3
    asked = pulled.world.count("fit")
    await pulled.pull(person)  # the cursors have moved
    assert pulled.world.count("fit") - asked == 6
    assert all(days >= 1 for days in read_in_days(pulled, 0)[-2:])


async def test_what_was_noted_is_read_again_by_the_next_run_if_one_is_killed(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, old = pulled.world.fit, floor_hour(clock.now()) - 60 * DAY
    fit.add_point(WEIGHT, [72.1], old)
    person = await person_of_90_days(pulled, "weight")
    fit.delete_points(WEIGHT, old, old + HOUR)
    before = await cursor(pulled, person)

    async def die(*_: object) -> bool:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(pulling, "refetch", die)
        with pytest.raises(Died):
            await pulled.pull(person)
    assert [(each.start_time, each.end_time) for each in await waiting(pulled, person)] == [
        (old, old + HOUR)
    ]
    assert before != await cursor(pulled, person)
    assert len(await pulled.records(person, "weight")) == 2
    await pulled.pull(person)
    assert [each["kilograms"] for each in await pulled.records(person, "weight")] == [70]
    assert await waiting(pulled, person) == []


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_a_stream_whose_changes_are_not_told_is_read_as_ever(
    pulled: Pulled, status: int
) -> None:
    now, fit = clock.now(), pulled.world.fit
    fit.add_point(WEIGHT, [72.1], now - HOUR)
    pulled.world.fail_next("fit.changes", times=9, status=status)
    person = await pulled.person("weight")
    await pulled.pull(person)
    assert [each["kilograms"] for each in await pulled.records(person, "weight")] == [72.1]
    assert await cursor(pulled, person) is None
    seen = await pulled.seen(person)
    assert "problem" not in seen["types"]["weight"]
    assert (seen["state"], "problem" in seen) == ("active", False)


async def test_a_list_that_is_too_long_to_be_taken_in_is_passed_over(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = clock.now() - 200 * DAY
    for minutes in range(40):
        pulled.world.fit.add_point(WEIGHT, [72], old + timedelta(minutes=minutes))
    monkeypatch.setattr(calling, "MAX_BYTES", 5_000)
    person = await person_of_90_days(pulled, "weight")
    assert [each["kilograms"] for each in await pulled.records(person, "weight")] == [70]
    assert "problem" not in (await pulled.seen(person))["types"]["weight"]


async def test_google_that_asks_to_slow_down_for_changes_is_heeded(pulled: Pulled) -> None:
    pulled.world.fit.add_point(WEIGHT, [72.1], clock.now() - HOUR)
    pulled.world.fail_next("fit.changes", status=503, retry_after=3600)
    person = await pulled.person("weight")
    await pulled.pull(person)
    problem = (await pulled.seen(person))["types"]["weight"]["problem"]
    assert problem["code"] == "google_unavailable"
    assert pulled.world.count("fit.datasets") == 0


async def test_a_cursor_that_google_has_forgotten_starts_anew(pulled: Pulled) -> None:
    fit, old = pulled.world.fit, floor_hour(clock.now()) - 60 * DAY
    fit.add_point(WEIGHT, [72.1], old)
    fit.add_point(WEIGHT, [72.2], old + DAY)
    person = await person_of_90_days(pulled, "weight")
    fit.delete_points(WEIGHT, old, old + HOUR)
    pulled.world.fail_next("fit.changes", status=400)
    before = await cursor(pulled, person)
    await pulled.pull(person)
    assert len(await pulled.records(person, "weight")) == 3  # what was told is not told again
    assert before != await cursor(pulled, person)
    fit.delete_points(WEIGHT, old + DAY, old + DAY + HOUR)
    await pulled.pull(person)
    assert [each["kilograms"] for each in await pulled.records(person, "weight")] == [72.1, 70]


async def test_another_stream_is_not_asked_with_the_cursor_of_the_one_before(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, before = await person_of_90_days(pulled, "weight"), pulled.world.count("fit.changes")
    (raw,) = pulled.world.fit.raw_sources(WEIGHT)
    monkeypatch.setattr(google_fit, "pick_source", lambda *_: raw)
    await pulled.pull(person)
    calls = pulled.world.calls_of("fit.changes")[before:]
    assert [(call.status, "pageToken" in call.query) for call in calls] == [
        (200, False), (200, True),
    ]  # fmt: skip


async def test_a_long_list_is_gone_through_in_parts(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, old = pulled.world.fit, floor_hour(clock.now()) - 60 * DAY
    for days in range(5):
        fit.add_point(WEIGHT, [72 + days], old + days * DAY)
    pulled.world.fit_page = 2
    monkeypatch.setattr(changes, "MOST_PAGES", 2)
    person = await person_of_90_days(pulled, "weight")
    assert pulled.world.count("fit.changes") == 2
    fit.delete_points(WEIGHT, old, old + HOUR)
    await pulled.pull(person)
    assert pulled.world.count("fit.changes") == 4
    assert [each["kilograms"] for each in await pulled.records(person, "weight")] == [
        73, 74, 75, 76, 70,
    ]  # fmt: skip


async def test_nothing_from_before_the_consent_is_read_again_nor_after_its_withdrawal(
    pulled: Pulled, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, old = pulled.world.fit, floor_hour(clock.now()) - 60 * DAY
    for days in range(3):
        fit.add_point(WEIGHT, [72 + days], old + days * DAY)
    person = await person_of_90_days(pulled, "weight")
    since = "UPDATE consents SET data_from = :day WHERE person_id = :id"
    await run_sql(pulled.google.app, since, day=old + DAY, id=person.id)
    fit.delete_points(WEIGHT, old, old + 3 * DAY)
    await pulled.pull(person)
    assert [each["kilograms"] for each in await pulled.records(person, "weight")] == [72, 70]
    await run_sql(pulled.google.app, since, day=None, id=person.id)
    (consent,) = (await person.get("/v1/me/consents")).json()["consents"]
    fit.add_point(WEIGHT, [77], old + 9 * DAY)
    before, told = await cursor(pulled, person), changes.list_changes

    async def withdraw(*given: Any) -> changes.Changes:
        assert (await person.post(f"/v1/me/consents/{consent['id']}/withdrawal")).status_code == 200
        return await told(*given)

    monkeypatch.setattr(changes, "list_changes", withdraw)
    await pulled.pull(person)
    assert (await waiting(pulled, person), await cursor(pulled, person)) == ([], before)


def test_a_point_without_a_time_that_can_be_read_is_passed_over() -> None:
    hour = Window(datetime(2026, 9, 1, 7, tzinfo=UTC), datetime(2026, 9, 1, 9, tzinfo=UTC))
    start, end = (str(microseconds(each) * 1000) for each in hour)
    good = {"startTimeNanos": start, "endTimeNanos": str(int(end) - 1)}
    points = [
        None, {}, {"startTimeNanos": "x", "endTimeNanos": end}, good,
        {"startTimeNanos": end, "endTimeNanos": start}, {"endTimeNanos": "9" * 19},
    ]  # fmt: skip
    assert list(changes.to_hours(BY_NAME["steps"], points)) == [hour]
