"""A withdrawal among pushes, over real connections: its answer is the end of it."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.consents.asking import everything
from tests.make import Caller, Make
from tests.persons.waiting import until_somebody_waits
from vitalkeep.base.settings import Settings
from vitalkeep.persons.gate import take_gate

ROUNDS = 12
PUSHERS = 4


@dataclass
class Seen:
    """What the phones of one round were answered."""

    acknowledged: set[str] = field(default_factory=set)
    late: list[str] = field(default_factory=list)
    withdrawn: bool = False


def stored_ids(results: Iterable[dict[str, Any]]) -> set[str]:
    return {each["id"] for each in results if each["status"] != "rejected"}


async def push_on(make: Make, person: Caller, seen: Seen) -> None:
    """Pushes until some time after the withdrawal was answered."""
    after = 0
    while after < 2:
        begun_late = seen.withdrawn
        after += begun_late
        results = (await person.push(*(make.record("steps") for _ in range(3))))["results"]
        seen.acknowledged |= stored_ids(results)
        if begun_late:
            seen.late += [each.get("code", each["status"]) for each in results]


async def withdraw_soon(person: Caller, consent_id: str, seen: Seen, delay_s: float) -> int:
    """Withdraws after a while; how many records it deleted."""
    await asyncio.sleep(delay_s)
    answer = await person.post(f"/v1/me/consents/{consent_id}/withdrawal")
    seen.withdrawn = True
    assert answer.status_code == 200, answer.text
    return int(answer.json()["deleted"])


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_no_push_gets_through_behind_a_withdrawal_and_none_is_left_before_it(
    make: Make, seed: int
) -> None:
    person, seen = await make.person(collects=False), Seen()
    (consent,) = await make.consents(person, ["steps.collect"])
    delay_s = random.Random(seed).uniform(0, 0.15)  # noqa: S311 - not for secrets
    deleted, *_ = await asyncio.gather(
        withdraw_soon(person, consent["id"], seen, delay_s),
        *(push_on(make, person, seen) for _ in range(PUSHERS)),
    )
    assert set(seen.late) == {"consent_withdrawn"}
    assert len(seen.late) >= 6 * PUSHERS
    assert (await person.get("/v1/me/records")).json()["records"] == []
    assert deleted == len(seen.acknowledged)
    changes = (await person.get("/v1/me/changes")).json()["changes"]
    assert {each["id"] for each in changes if each["op"] == "delete"} == seen.acknowledged
    assert len(changes) == deleted


@pytest.mark.parametrize("first", ["push", "withdrawal"])
async def test_what_waits_at_the_gate_sees_what_went_before(
    make: Make, settings: Settings, first: str
) -> None:
    """Both hang on the person's row while somebody else holds it. Who waited longer does not
    always go first, but whoever goes second sees what the first one did.
    """
    person = await make.person(collects=False)
    (consent,) = await make.consents(person, ["steps.collect"])
    await person.push(make.record("steps"))
    push = person.push(make.record("steps"))
    withdrawal = person.post(f"/v1/me/consents/{consent['id']}/withdrawal")
    engine = make.fastapi.state.engine
    async with engine.begin() as connection, asyncio.TaskGroup() as tasks:
        await take_gate(connection, person.id)
        if first == "push":
            pushed = tasks.create_task(push)
            await until_somebody_waits(make.fastapi)
            withdrawn = tasks.create_task(withdrawal)
        else:
            withdrawn = tasks.create_task(withdrawal)
            await until_somebody_waits(make.fastapi)
            pushed = tasks.create_task(push)
        await asyncio.sleep(0.2)
        await connection.commit()
    verdict = pushed.result()["results"][0]
    outcome = verdict.get("code", verdict["status"]), withdrawn.result().json()["deleted"]
    assert outcome in {("created", 2), ("consent_withdrawn", 1)}
    assert (await person.get("/v1/me/records")).json()["records"] == []
    assert settings.pool_size > 2


async def test_withdrawing_at_once_withdraws_once(make: Make) -> None:
    for _ in range(4):
        person = await make.person(collects=False)
        (consent,) = await make.consents(person, ["steps.collect"])
        await person.push(*(make.record("steps") for _ in range(5)))
        path = f"/v1/me/consents/{consent['id']}/withdrawal"
        answers = await asyncio.gather(*(person.post(path) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {200}
        assert [answer.json()["deleted"] for answer in answers] == [5] * 6
        assert len({answer.text for answer in answers}) == 1
        events = [each["event"] for each in await everything(person, "events")]
        assert events == ["given", "withdrawn"]


async def test_giving_and_withdrawing_at_once_leaves_a_ledger_that_says_what_is(
    make: Make,
) -> None:
    for _ in range(6):
        person = await make.person(collects=False)
        (consent,) = await make.consents(person, ["steps.collect"])
        path = f"/v1/me/consents/{consent['id']}/withdrawal"
        await asyncio.gather(
            person.post(path), make.consents(person, ["steps.collect"]), person.post(path)
        )
        events = await everything(person, "events")
        assert [each["number"] for each in events] == list(range(1, len(events) + 1))
        states = {each["id"]: each["state"] for each in await everything(person)}
        last = {each["consent_id"]: each["event"] for each in events}
        assert states[consent["id"]] == "withdrawn"
        names = {"given": "active", "withdrawn": "withdrawn"}
        assert states == {consent_id: names[event] for consent_id, event in last.items()}
