from datetime import datetime, timedelta

import pytest

from tests.make import Make
from tests.records.stored import list_all, list_rows
from vitalkeep.base import clock


async def test_without_a_consent_nothing_is_stored(make: Make) -> None:
    person = await make.person(collects=False)
    results = (await person.push(make.record("steps"), make.record("weight")))["results"]
    assert [(each["code"], each["pointer"]) for each in results] == [
        ("consent_missing", "/records/0/type"),
        ("consent_missing", "/records/1/type"),
    ]
    assert "steps.collect" in results[0]["detail"]
    assert await list_rows(make, person) == []


async def test_each_type_needs_a_consent_of_its_own(make: Make) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["weight.collect", "steps.collect"])
    statuses = await person.statuses(*map(make.record, ("weight", "body_fat", "steps")))
    assert statuses == ["created", "consent_missing", "created"]


async def test_consent_to_another_app_does_not_count(make: Make) -> None:
    person = await make.person(collects=False)
    other = {"kind": "app", "id": str((await make.app()).id)}
    await make.consents(person, ["steps.collect"], recipient=other)
    assert await person.statuses(make.record("steps")) == ["consent_missing"]


async def test_consent_to_read_is_no_consent_to_collect(make: Make) -> None:
    person = await make.person(collects=False)
    await make.case(await make.staff(), person, ["steps.read"])
    assert await person.statuses(make.record("steps")) == ["consent_missing"]


async def test_after_a_withdrawal_the_code_says_so_until_consent_is_given_again(
    make: Make,
) -> None:
    person = await make.person(collects=False)
    (given,) = await make.consents(person, ["steps.collect"])
    record = make.record("steps")
    assert await person.statuses(record) == ["created"]
    withdrawn = await person.post(f"/v1/me/consents/{given['id']}/withdrawal")
    assert withdrawn.status_code == 200
    assert await person.statuses(record, make.record("weight")) == [
        "consent_withdrawn",
        "consent_missing",
    ]
    assert await list_all(person) == []
    await make.consents(person, ["steps.collect"])
    assert await person.statuses(record) == ["updated"]
    assert [each["count"] for each in await list_all(person)] == [record["count"]]


async def test_a_consent_that_has_run_out_lets_nothing_in(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person(collects=False)
    until = clock.now() + timedelta(minutes=5)
    await make.consents(person, ["steps.collect"], valid_until=until.isoformat())
    assert await person.statuses(make.record("steps")) == ["created"]
    monkeypatch.setattr(clock, "now", lambda: until)
    assert await person.statuses(make.record("steps")) == ["consent_missing"]


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2024-04-30T23:59:59.999999+09:00", "consent_missing"),
        ("2024-05-01T00:00:00+09:00", "created"),
        ("2024-05-31T23:59:59.999999+09:00", "created"),
        ("2024-06-01T00:00:00+09:00", "consent_missing"),
    ],
)
async def test_a_consent_may_cover_a_period_of_data_only(
    make: Make, moment: str, status: str
) -> None:
    person = await make.person(collects=False)
    await make.consents(
        person,
        ["weight.collect"],
        data_from="2024-05-01T00:00:00+09:00",
        data_until="2024-06-01T00:00:00+09:00",
    )
    assert await person.statuses(make.record("weight", time=moment)) == [status]


async def test_a_change_that_moves_a_record_out_of_the_consented_period_is_refused(
    make: Make,
) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["weight.collect"], data_from="2024-05-01T00:00:00+09:00")
    record = make.record("weight", time="2024-05-01T00:00:00+09:00")
    assert await person.statuses(record) == ["created"]
    moved = {**record, "time": "2024-04-30T23:00:00+09:00", "client_version": 1}
    assert await person.statuses(moved) == ["consent_missing"]
    (kept,) = await list_all(person)
    assert datetime.fromisoformat(kept["time"]) == datetime.fromisoformat(record["time"])


async def test_the_same_again_is_refused_too_once_consent_is_gone(make: Make) -> None:
    person = await make.person(collects=False)
    consents = await make.consents(person, ["weight.collect", "steps.collect"])
    record = make.record("weight")
    await person.push(record, make.record("steps"))
    withdrawn = next(each["id"] for each in consents if each["scope"] == "weight.collect")
    await person.post(f"/v1/me/consents/{withdrawn}/withdrawal")
    for version in (-1, 0, 1):
        assert await person.statuses({**record, "client_version": version}) == ["consent_withdrawn"]
    assert [each["type"] for each in await list_all(person)] == ["steps"]
