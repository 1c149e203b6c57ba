"""Consents that ended in another way, and those given again on other terms."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.consents.asking import everything
from tests.consents.test_withdraw import stored, withdraw
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.consents.policies import PolicyRef, add_policy
from vitalkeep.consents.sweeping import expire_consents


async def expiring(make: Make) -> tuple[Caller, str, datetime]:
    person = await make.person(collects=False)
    end = clock.now() + timedelta(minutes=5)
    (given,) = await make.consents(person, ["steps.collect"], valid_until=end.isoformat())
    return person, str(given["id"]), end


async def sweep(make: Make, at: datetime) -> int:
    state = make.fastapi.state
    return await expire_consents(state.engine, state.keyring, at)


async def happened(person: Caller) -> list[tuple[str, str]]:
    return [(each["event"], each["consent_id"]) for each in await everything(person, "events")]


async def states(person: Caller) -> dict[str, str]:
    return {each["id"]: each["state"] for each in await everything(person)}


async def test_the_sweep_enters_what_has_run_out_once(make: Make) -> None:
    person, consent_id, end = await expiring(make)
    await make.consents(person, ["sleep.collect"])
    await sweep(make, end - timedelta(microseconds=1))
    assert "expired" not in {event for event, _ in await happened(person)}
    assert await sweep(make, end) >= 1
    assert await sweep(make, end) == 0
    entries = [each for each in await happened(person) if each[0] == "expired"]
    assert entries == [("expired", consent_id)]
    shown = (await person.get(f"/v1/me/consents/{consent_id}")).json()
    assert (shown["state"], shown["changed_at"]) == ("expired", shown["valid_until"])


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("stored_data", ["delete", "freeze"])
async def test_withdrawing_what_has_run_out_still_deletes_or_freezes(
    make: Make, monkeypatch: pytest.MonkeyPatch, swept: bool, stored_data: str
) -> None:
    person, consent_id, end = await expiring(make)
    await person.push(make.record("steps"), make.record("steps"))
    monkeypatch.setattr(clock, "now", lambda: end)
    if swept:
        await sweep(make, end)
    done = await withdraw(person, consent_id, {"stored_data": stored_data})
    counts = (done["deleted"], done["frozen"])
    assert counts == ((2, 0) if stored_data == "delete" else (0, 2))
    assert [event for event, _ in await happened(person)] == ["given", "expired", "withdrawn"]
    assert len(await stored(person)) == (0 if stored_data == "delete" else 2)


async def test_what_a_later_consent_let_in_is_not_the_earlier_ones_to_delete(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, consent_id, end = await expiring(make)
    await person.push(make.record("steps"), make.record("steps"))
    moment = end
    monkeypatch.setattr(clock, "now", lambda: moment)
    await make.consents(person, ["steps.collect"])
    moment = end + timedelta(seconds=1)
    (kept,) = (await person.push(make.record("steps")))["results"]
    done = await withdraw(person, consent_id)
    assert (done["deleted"], done["features_lost"]) == (2, [])
    assert await stored(person) == {kept["id"]: (await stored(person))[kept["id"]]}
    assert await person.statuses(make.record("steps")) == ["created"]


async def test_while_a_later_consent_stands_an_earlier_one_freezes_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, consent_id, end = await expiring(make)
    await person.push(make.record("steps"))
    monkeypatch.setattr(clock, "now", lambda: end)
    await make.consents(person, ["steps.collect"])
    done = await withdraw(person, consent_id, {"stored_data": "freeze"})
    assert (done["frozen"], "delete_after" in done["consent"]["stored_data"]) == (0, False)


TERMS: list[dict[str, Any]] = [
    {"valid_until": "2100-01-01T00:00:00Z"},
    {"data_from": "2024-05-01T00:00:00+09:00"},
    {"data_until": "2100-01-01T00:00:00Z"},
]


@pytest.mark.parametrize("terms", TERMS, ids=lambda terms: next(iter(terms)))
@pytest.mark.parametrize("way", ["narrower", "wider"])
async def test_other_terms_take_the_place_of_the_old_ones(
    make: Make, terms: dict[str, Any], way: str
) -> None:
    person = await make.person(collects=False)
    none: dict[str, Any] = {}
    before, after = (none, terms) if way == "narrower" else (terms, none)
    (first,) = await make.consents(person, ["steps.collect"], **before)
    (second,) = await make.consents(person, ["steps.collect"], **after)
    assert second["id"] != first["id"]
    name = next(iter(terms))
    assert (name in second) == (way == "narrower")
    assert await states(person) == {first["id"]: "superseded", second["id"]: "active"}
    assert await happened(person) == [
        ("given", first["id"]), ("superseded", first["id"]), ("given", second["id"]),
    ]  # fmt: skip
    entries = await everything(person, "events")
    assert entries[1]["superseded_by"] == second["id"]
    assert (name in entries[2]) == (way == "narrower")
    assert await make.consents(person, ["steps.collect"], **after) == [second]


async def test_narrower_terms_are_in_force_at_once_and_stored_records_stay(make: Make) -> None:
    person = await make.person(collects=False)
    await make.consents(person, ["weight.collect"])
    early = make.record("weight", time="2024-04-30T12:00:00+09:00")
    assert await person.statuses(early) == ["created"]
    await make.consents(person, ["weight.collect"], data_from="2024-05-01T00:00:00+09:00")
    early["client_version"] = 1
    assert await person.statuses(early, make.record("weight")) == ["consent_missing", "created"]
    assert len(await stored(person)) == 2


async def test_another_version_of_the_policy_is_other_terms_a_translation_is_not(
    make: Make,
) -> None:
    person = await make.person(collects=False)
    name = f"terms-{person.id}"
    async with make.fastapi.state.engine.begin() as connection:
        for version, locale in (("1", "ja"), ("1", "en"), ("2", "en")):
            ref = PolicyRef(id=name, version=version, locale=locale)
            await add_policy(connection, ref, "題", f"{version} {locale}")

    async def under(version: str, locale: str) -> dict[str, Any]:
        policy = {"id": name, "version": version, "locale": locale}
        (given,) = await make.consents(person, ["steps.collect"], policy=policy)
        return given

    first = await under("1", "ja")
    assert await under("1", "en") == first
    second = await under("2", "en")
    assert (second["id"] != first["id"], second["policy"]["version"]) == (True, "2")
    assert [event for event, _ in await happened(person)] == ["given", "superseded", "given"]


async def test_withdrawing_the_later_one_takes_everything(make: Make) -> None:
    person = await make.person(collects=False)
    (first,) = await make.consents(person, ["steps.collect"])
    await person.push(make.record("steps"))
    (second,) = await make.consents(person, ["steps.collect"], valid_until="2100-01-01T00:00:00Z")
    await person.push(make.record("steps"))
    assert (await withdraw(person, second["id"]))["deleted"] == 2
    assert (await withdraw(person, first["id"]))["deleted"] == 0
    assert set((await states(person)).values()) == {"withdrawn"}
