"""What a consent's body may not say."""

from datetime import timedelta

import pytest

from tests.consents.asking import ask, assert_refused
from tests.make import Make
from vitalkeep.base import clock


@pytest.mark.parametrize("member", ["valid_until", "data_from", "data_until"])
async def test_null_is_refused_because_absent_means_absent(make: Make, member: str) -> None:
    person = await make.person(collects=False)
    await assert_refused(person, await ask(person, "steps.collect", **{member: None}))


async def test_a_null_inside_an_object_is_refused_too(make: Make) -> None:
    person = await make.person(collects=False)
    source = {"kind": "in_app", "evidence": None}
    answer = await ask(person, "steps.collect", source=source)
    await assert_refused(person, answer, ("/source/evidence", "invalid"))


async def test_a_period_of_records_that_ends_before_it_begins_is_refused(make: Make) -> None:
    person = await make.person(collects=False)
    now = clock.now()
    period = {"data_from": now.isoformat(), "data_until": (now - timedelta(days=1)).isoformat()}
    answer = await ask(person, "steps.collect", **period)
    await assert_refused(person, answer, ("/data_until", "empty_period"))


async def test_a_null_in_a_change_of_the_account_is_refused(make: Make) -> None:
    person = await make.person(collects=False)
    answer = await person.request("PATCH", "/v1/me", json={"time_zone": None})
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
