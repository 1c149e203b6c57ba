"""The law of the projection: what the ledger tells, played again, is what `consents` holds."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consents.asking import caller_of, run_sql
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.consents import ledger
from vitalkeep.datatypes.registry import BY_NUMBER

CONSENTS = "SELECT * FROM consents WHERE person_id = :id"
SCOPES = ("steps", "sleep")
MOMENTS = ("valid_until", "data_from", "data_until")

Gives = st.tuples(
    st.just("give"),
    st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2),
    st.sampled_from(["app", "organization"]),
    st.sampled_from([None, 1, 3, 60]),
)
Withdraws = st.tuples(st.just("withdraw"), st.integers(0, 5))
Waits = st.tuples(st.just("wait"), st.integers(1, 5))
Steps = st.lists(st.one_of(Gives, Gives, Withdraws, Waits), min_size=1, max_size=9)


async def rebuild(make: Make, person: Caller) -> dict[UUID, dict[str, Any]]:
    """The consents as the ledger alone tells them."""
    inside = await caller_of(make, person)
    async with make.fastapi.state.engine.connect() as connection:
        events = await ledger.list_events(connection, inside)
    told: dict[UUID, dict[str, Any]] = {}
    for each in events:
        consent_id, event = UUID(str(each["consent_id"])), each["event"]
        if event == "given":
            assert consent_id not in told
            told[consent_id] = {
                "scope": each["scope"],
                "purpose": each["purpose"],
                "recipient": each["recipient"],
                "given_at": each["recorded_at"],
                "withdrawn_at": None,
                "state": "active",
                **{name: to_time(each[name]) for name in MOMENTS},
            }
            continue
        assert told[consent_id]["state"] == "active"
        told[consent_id]["state"] = event
        if event == "withdrawn":
            told[consent_id]["withdrawn_at"] = each["recorded_at"]
    return told


def to_time(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))


async def stored(make: Make, person: Caller) -> dict[UUID, dict[str, Any]]:
    """The consents as their rows tell them."""
    return {
        row["consent_id"]: {
            "scope": f"{BY_NUMBER[row['type']].name}.{row['action']}",
            "recipient": {"kind": row["recipient_kind"], "id": str(row["recipient_id"])},
            **{name: row[name] for name in ("purpose", "given_at", "withdrawn_at", "state")},
            **{name: row[name] for name in MOMENTS},
        }
        for row in await run_sql(make, CONSENTS, id=person.id)
    }


async def give(
    make: Make, person: Caller, organization_id: UUID, step: tuple[Any, ...]
) -> list[dict[str, Any]]:
    _, names, kind, minutes = step
    more: dict[str, Any] = {"data_from": "2020-06-30T23:30:00-03:30"} if minutes == 60 else {}
    if minutes:
        more["valid_until"] = (clock.now() + timedelta(minutes=minutes)).isoformat()
    if kind == "app":
        return await make.consents(person, [f"{name}.collect" for name in names], **more)
    recipient = {"kind": "organization", "id": str(organization_id)}
    scopes = [f"{name}.read" for name in names]
    return await make.consents(person, scopes, recipient=recipient, purpose="guidance", **more)


async def play(make: Make, person: Caller, steps: list[tuple[Any, ...]]) -> None:
    """Gives, withdraws and lets time pass, on a clock that goes on with each call."""
    organization_id, moment, given_ids = await make.organization(), clock.now(), list[str]()

    def tick() -> datetime:
        nonlocal moment
        moment += timedelta(microseconds=7)
        return moment

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", tick)
        for step in steps:
            if step[0] == "wait":
                moment += timedelta(minutes=step[1])
                continue
            # A token lives fifteen minutes, a story may take longer.
            person.token = (await make.sign_in(app_of(person), person.external_id))["access_token"]
            if step[0] == "give":
                given_ids += [
                    each["id"] for each in await give(make, person, organization_id, step)
                ]
            elif given_ids:
                consent_id = given_ids[step[1] % len(given_ids)]
                answer = await person.post(f"/v1/me/consents/{consent_id}/withdrawal")
                assert answer.status_code == 200, answer.text


def app_of(person: Caller) -> Any:
    assert person.app is not None
    return person.app


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=Steps)
async def test_the_consents_are_what_the_ledger_tells(
    make: Make, steps: list[tuple[Any, ...]]
) -> None:
    person = await make.person(collects=False)
    await play(make, person, steps)
    assert await rebuild(make, person) == await stored(make, person)


async def test_every_kind_of_event_is_told(make: Make) -> None:
    person = await make.person(collects=False)
    steps: list[tuple[Any, ...]] = [
        ("give", ["steps", "sleep"], "app", 3),
        ("give", ["steps"], "organization", 60),
        ("wait", 5),
        ("give", ["steps"], "app", None),
        ("withdraw", 2),
    ]
    await play(make, person, steps)
    told = await rebuild(make, person)
    assert sorted(each["state"] for each in told.values()) == [
        "active", "active", "expired", "withdrawn",
    ]  # fmt: skip
    assert sum(each["data_from"] is not None for each in told.values()) == 1
    assert told == await stored(make, person)
