"""The law of the projection: what the ledger tells, played again, is what `consents` holds."""

from datetime import datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.consents.asking import ask, caller_of, everything, run_sql
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.consents import ledger
from vitalkeep.consents.events import Happened
from vitalkeep.consents.sweeping import expire_consents
from vitalkeep.datatypes.registry import BY_NAME, BY_NUMBER
from vitalkeep.records.freezing import delete_frozen

CONSENTS = "SELECT * FROM consents WHERE person_id = :id"
SCOPES = ("steps", "sleep")
MOMENTS = ("valid_until", "data_from", "data_until")
COLUMNS = ("purpose", "given_at", "withdrawn_at", "changed_at", "frozen_until", "state")
MONTH = 60 * 24 * 31

Gives = st.tuples(
    st.just("give"),
    st.lists(st.sampled_from(SCOPES), min_size=1, max_size=2),
    st.sampled_from(["app", "app", "organization"]),
    st.sampled_from([None, None, 1, 3, 60]),
)
Withdraws = st.tuples(
    st.just("withdrawal"), st.integers(0, 5), st.sampled_from(["delete", "freeze"])
)
Pauses = st.tuples(st.sampled_from(["pause", "resume"]), st.integers(0, 5))
Reports = st.tuples(st.just("report"), st.sets(st.sampled_from(SCOPES)))
Declines = st.tuples(st.just("decline"), st.sampled_from(SCOPES))
Waits = st.tuples(st.just("wait"), st.sampled_from([1, 2, 5, MONTH]))
Sweeps = st.tuples(st.just("sweep"))
Step = st.one_of(Gives, Gives, Withdraws, Pauses, Pauses, Reports, Declines, Waits, Sweeps)
Steps = st.lists(Step, min_size=3, max_size=14)

FROM = {
    "superseded": {"active", "paused"},
    "narrowed": {"active", "paused"},
    "expired": {"active", "paused"},
    "paused": {"active"},
    "resumed": {"paused"},
    "withdrawn": {"active", "paused", "narrowed", "superseded", "expired"},
    "unfrozen": {"withdrawn"},
    "frozen_deleted": {"withdrawn"},
}
"""In which states of a consent the ledger may have an entry."""


async def rebuild(make: Make, person: Caller) -> dict[UUID, dict[str, Any]]:
    """The consents as the ledger alone tells them."""
    inside = await caller_of(make, person)
    async with make.fastapi.state.engine.connect() as connection:
        events = await ledger.list_events(connection, inside)
    told: dict[UUID, dict[str, Any]] = {}
    for each in events:
        consent_id, event = UUID(str(each["consent_id"])), str(each["event"])
        if event in {"given", "refused"}:
            assert consent_id not in told
        if event == "given":
            told[consent_id] = {
                "scope": each["scope"],
                "purpose": each["purpose"],
                "recipient": each["recipient"],
                "given_at": each["recorded_at"],
                "withdrawn_at": None,
                "changed_at": None,
                "frozen_until": None,
                "state": "active",
                **{name: to_time(each[name]) for name in MOMENTS},
            }
        elif event != "refused":
            apply(told[consent_id], event, each)
    return told


def apply(consent: dict[str, Any], event: str, entry: dict[str, Any]) -> None:
    """What an entry makes of a consent."""
    assert consent["state"] in FROM[event], event
    if event in {"unfrozen", "frozen_deleted"}:
        assert consent["frozen_until"] is not None
        consent["frozen_until"] = None
        return
    consent["state"] = "active" if event == "resumed" else event
    consent["changed_at"] = entry["recorded_at"]
    if event == "expired":
        assert consent["valid_until"] <= entry["recorded_at"]
        consent["changed_at"] = consent["valid_until"]
    if event == "withdrawn":
        consent["withdrawn_at"] = entry["recorded_at"]
        consent["frozen_until"] = to_time(entry.get("frozen_until"))


def to_time(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))


async def stored(make: Make, person: Caller) -> dict[UUID, dict[str, Any]]:
    """The consents as their rows tell them."""
    return {
        row["consent_id"]: {
            "scope": f"{BY_NUMBER[row['type']].name}.{row['action']}",
            "recipient": {"kind": row["recipient_kind"], "id": str(row["recipient_id"])},
            **{name: row[name] for name in (*COLUMNS, *MOMENTS)},
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
        source = {"kind": "health_connect", "evidence": []}
        scopes = [f"{name}.collect" for name in names]
        return await make.consents(person, scopes, source=source, **more)
    recipient = {"kind": "organization", "id": str(organization_id)}
    scopes = [f"{name}.read" for name in names]
    return await make.consents(person, scopes, recipient=recipient, purpose="guidance", **more)


async def play(make: Make, person: Caller, steps: list[tuple[Any, ...]]) -> None:
    """Does the steps, with a push before each, on a clock that goes on with each call."""
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
            await person.push(*map(make.record, SCOPES))
            if step[0] == "give":
                given = await give(make, person, organization_id, step)
                given_ids += [each["id"] for each in given]
            else:
                await act(make, person, given_ids, step)


async def act(make: Make, person: Caller, given_ids: list[str], step: tuple[Any, ...]) -> None:
    """Does what a step says to what was given, or by the passing of time."""
    state = make.fastapi.state
    if step[0] == "sweep":
        await expire_consents(state.engine, state.keyring, clock.now())
        await delete_frozen(state.engine, state.keyring, clock.now())
    elif step[0] == "decline":
        answer = await ask(person, f"{step[1]}.collect", refused=[f"{step[1]}.collect"])
        assert answer.status_code == 201, answer.text
    elif step[0] == "report":
        granted = [BY_NAME[name].health_connect.permission for name in sorted(step[1])]
        body = {"platform": "health_connect", "granted": granted}
        answer = await person.request("PUT", "/v1/me/platform-grants", json=body)
        assert answer.status_code == 200, answer.text
    elif given_ids:
        path = f"/v1/me/consents/{given_ids[step[1] % len(given_ids)]}/{step[0]}"
        body = {"stored_data": step[2]} if step[0] == "withdrawal" else {}
        answer = await person.post(path, body or None)
        allowed = {200} if step[0] == "withdrawal" else {200, 409}
        assert answer.status_code in allowed, answer.text


def app_of(person: Caller) -> Any:
    assert person.app is not None
    return person.app


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
        ("decline", "sleep"),
        ("give", ["steps", "sleep"], "app", 3),
        ("give", ["steps"], "organization", 60),
        ("pause", 1),
        ("resume", 1),
        ("wait", 5),
        ("sweep",),
        ("give", ["steps", "sleep"], "app", None),
        ("give", ["steps"], "app", 60),
        ("withdrawal", 5, "freeze"),
        ("give", ["steps"], "app", None),
        ("withdrawal", 6, "freeze"),
        ("report", set()),
        ("wait", MONTH),
        ("sweep",),
    ]
    await play(make, person, steps)
    told = await rebuild(make, person)
    assert told == await stored(make, person)
    assert sorted(each["state"] for each in told.values()) == [
        "expired", "expired", "expired", "narrowed", "superseded", "withdrawn", "withdrawn",
    ]  # fmt: skip
    person.token = (await make.sign_in(app_of(person), person.external_id))["access_token"]
    happened = {each["event"] for each in await everything(person, "events")}
    assert happened == {*FROM, "given", "refused"} == set(get_args(Happened))
