"""The ledger: what happened, in order, each entry chained to the one before."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.consents.asking import ask, caller_of, everything, run_sql
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.base.sealing import SealBroken
from vitalkeep.consents import ledger
from vitalkeep.demo.policies import TEXTS, sample_ref

ROWS = "SELECT * FROM consent_events WHERE person_id = :id ORDER BY number"


def chained(rows: list[dict[str, Any]]) -> list[bytes]:
    """The hashes as whoever audits the table computes them, from the rows alone."""
    hashes = [b""]
    for row in rows:
        recorded_at = row["recorded_at"].astimezone(UTC).isoformat().replace("+00:00", "Z")
        place = [str(row["consent_id"]), str(row["number"]), recorded_at, row["event"]]
        bound = json.dumps(place, separators=(",", ":")).encode()
        content = hashes[-1] + b"consent_events" + bound + row["sealed"]
        hashes.append(hashlib.sha256(content).digest())
    return hashes[1:]


async def with_some_history(make: Make) -> Caller:
    """Three consents given, one of them withdrawn, and a fourth in its place."""
    person = await make.person(collects=False)
    given = await make.consents(person, ["steps.collect", "sleep.collect", "weight.collect"])
    await person.post(f"/v1/me/consents/{given[0]['id']}/withdrawal")
    await make.consents(person, ["steps.collect"])
    return person


async def test_the_ledger_tells_what_happened_in_order(make: Make) -> None:
    person = await make.person(collects=False)
    assert person.app is not None
    before = clock.now()
    source = {"kind": "in_app", "evidence": ["screen:7"]}
    answer = await ask(person, "steps.collect", "sleep.collect", source=source)
    first, second = (consent["id"] for consent in answer.json()["consents"])
    await person.post(f"/v1/me/consents/{first}/withdrawal")
    (third,) = (consent["id"] for consent in await make.consents(person, ["steps.collect"]))
    events = await everything(person, "events")
    happened = [(each["event"], each["scope"], each["consent_id"]) for each in events]
    assert happened == [
        ("given", "steps.collect", first),
        ("given", "sleep.collect", second),
        ("withdrawn", "steps.collect", first),
        ("given", "steps.collect", third),
    ]
    assert [each["number"] for each in events] == [1, 2, 3, 4]
    times = [datetime.fromisoformat(each["recorded_at"]) for each in events]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= clock.now()
    for each in events:
        assert each["recipient"] == {"kind": "app", "id": str(person.app.id)}
        assert each["purpose"] == "storage"
    assert (events[0]["source"], events[0]["policy"]) == (source, sample_ref("ja").model_dump())
    assert "source" not in events[2]


async def test_giving_again_and_asking_in_vain_leave_no_entry(make: Make) -> None:
    person = await make.person(collects=False)
    (given,) = await make.consents(person, ["steps.collect"])
    await make.consents(person, ["steps.collect"])
    assert (await ask(person, "steps.collect", purpose="marketing")).status_code == 422
    for _ in range(2):
        await person.post(f"/v1/me/consents/{given['id']}/withdrawal")
    events = [each["event"] for each in await everything(person, "events")]
    assert events == ["given", "withdrawn"]


async def test_running_out_is_entered_when_the_consent_is_given_anew(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person(collects=False)
    end = clock.now() + timedelta(minutes=5)
    (first,) = await make.consents(person, ["steps.collect"], valid_until=end.isoformat())
    monkeypatch.setattr(clock, "now", lambda: end)
    (second,) = await make.consents(person, ["steps.collect"])
    events = await everything(person, "events")
    assert [(each["event"], each["consent_id"]) for each in events] == [
        ("given", first["id"]),
        ("expired", first["id"]),
        ("given", second["id"]),
    ]


async def test_an_entry_keeps_the_hash_of_the_text_that_was_shown(make: Make) -> None:
    person = await with_some_history(make)
    inside = await caller_of(make, person)
    async with make.fastapi.state.engine.connect() as connection:
        events = await ledger.list_events(connection, inside)
    shown = hashlib.sha256(TEXTS["ja"][1].encode()).hexdigest()
    hashes = [each.get("policy_sha256") for each in events]
    assert hashes == [shown, shown, shown, None, shown]
    assert {each["actor"] for each in events} == {"self"}


async def test_the_chain_can_be_computed_again_from_the_rows(make: Make) -> None:
    person = await with_some_history(make)
    rows = await run_sql(make, ROWS, id=person.id)
    assert len(rows) == 5
    assert [row["hash"] for row in rows] == chained(rows)
    shown = [each["hash"] for each in await everything(person, "events")]
    assert shown == [row["hash"].hex() for row in rows]


async def test_no_word_of_an_entry_is_stored_in_clear(make: Make) -> None:
    person = await with_some_history(make)
    for table in ("consent_events", "consents"):
        query = f"SELECT t::text FROM {table} t WHERE person_id = :id"  # noqa: S608
        stored = str(await run_sql(make, query, id=person.id))
        for word in ("screen:test", "wellness", "in_app"):
            assert word not in stored
            assert word.encode().hex() not in stored


TAMPERED = [
    "UPDATE consent_events SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"
    " WHERE person_id = :id AND number = 2",
    "UPDATE consent_events SET event = 'withdrawn' WHERE person_id = :id AND number = 2",
    "UPDATE consent_events SET recorded_at = recorded_at - interval '1 microsecond'"
    " WHERE person_id = :id AND number = 2",
    "UPDATE consent_events SET consent_id = (SELECT consent_id FROM consent_events"
    " WHERE person_id = :id AND number = 3) WHERE person_id = :id AND number = 2",
    "UPDATE consent_events e SET sealed = o.sealed, hash = o.hash FROM consent_events o"
    " WHERE e.person_id = :id AND o.person_id = :id AND e.number = 2 AND o.number = 3",
    "UPDATE consent_events SET number = 9 WHERE person_id = :id AND number = 5",
    "DELETE FROM consent_events WHERE person_id = :id AND number = 2",
    "DELETE FROM consent_events WHERE person_id = :id AND number = 1",
    "UPDATE consent_events SET hash = sha256(hash) WHERE person_id = :id AND number = 3",
    "UPDATE consent_events SET hash = sha256(hash) WHERE person_id = :id AND number = 5",
]


@pytest.mark.parametrize("statement", TAMPERED)
async def test_a_ledger_that_was_changed_is_not_shown(make: Make, statement: str) -> None:
    person, neighbour = await with_some_history(make), await with_some_history(make)
    await run_sql(make, statement, id=person.id)
    answer = await person.get("/v1/me/consent-events")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["content-type"] == "application/problem+json"
    inside = await caller_of(make, person)
    async with make.fastapi.state.engine.connect() as connection:
        with pytest.raises(SealBroken):
            await ledger.list_events(connection, inside)
    assert len(await everything(neighbour, "events")) == 5


async def test_an_entry_of_another_person_does_not_open(make: Make) -> None:
    person, other = await with_some_history(make), await with_some_history(make)
    copy = (
        "UPDATE consent_events e SET sealed = o.sealed, hash = o.hash, event = o.event,"
        " consent_id = o.consent_id, recorded_at = o.recorded_at FROM consent_events o"
        " WHERE e.person_id = :id AND o.person_id = :other AND e.number = o.number"
    )
    await run_sql(make, copy, id=person.id, other=other.id)
    answer = await person.get("/v1/me/consent-events")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
