"""A stored consent whose clear columns were changed is noticed wherever it is opened."""

import pytest

from tests.consents.asking import caller_of, ids, run_sql
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.base.sealing import SealBroken
from vitalkeep.consents import ledger
from vitalkeep.datatypes.registry import BY_NAME

CHANGES = [
    "purpose = 'guidance'",
    "action = 'read'",
    f"type = {BY_NAME['sleep'].number}",
    "recipient_id = gen_random_uuid()",
    "recipient_kind = 'organization'",
    "given_at = given_at - interval '1 day'",
    "valid_until = valid_until + interval '1 microsecond'",
    "valid_until = NULL",
    "data_from = '2020-01-01T00:00:00Z'",
    "data_until = '2100-01-01T00:00:00Z'",
    "consent_id = gen_random_uuid()",
    "sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)",
    "sealed = ''",
]


async def with_a_changed_consent(make: Make, change: str) -> Caller:
    person = await make.person(collects=False)
    await make.consents(person, ["steps.collect"], valid_until="2100-01-01T00:00:00Z")
    update = f"UPDATE consents SET {change} WHERE person_id = :id"  # noqa: S608
    await run_sql(make, update, id=person.id)
    return person


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_consent_is_not_shown(make: Make, change: str) -> None:
    person = await with_a_changed_consent(make, change)
    query = "SELECT consent_id FROM consents WHERE person_id = :id"
    (row,) = await run_sql(make, query, id=person.id)
    for path in ("/v1/me/consents?state=all", f"/v1/me/consents/{row['consent_id']}"):
        answer = await person.request("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "consents" not in answer.json()
    inside = await caller_of(make, person)
    async with make.fastapi.state.engine.connect() as connection:
        stored = await ledger.get_consent(connection, inside, row["consent_id"])
        with pytest.raises(SealBroken):
            ledger.to_view(inside, stored, clock.now())
        with pytest.raises(SealBroken):
            await ledger.list_consents(connection, inside, only_active=True)


async def test_a_withdrawal_of_a_changed_consent_deletes_nothing(make: Make) -> None:
    person = await make.person()
    await person.push(make.record("sleep"), make.record("steps"))
    before = (await person.get("/v1/me/records")).json()
    numbers = {"steps": BY_NAME["steps"].number, "sleep": BY_NAME["sleep"].number}
    remove = "DELETE FROM consents WHERE person_id = :id AND type = :type"
    await run_sql(make, remove, id=person.id, type=numbers["sleep"])
    change = (
        "UPDATE consents SET type = :sleep WHERE person_id = :id AND type = :steps"
        " RETURNING consent_id"
    )
    (row,) = await run_sql(make, change, id=person.id, **numbers)
    answer = await person.post(f"/v1/me/consents/{row['consent_id']}/withdrawal")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert (await person.get("/v1/me/records")).json() == before


async def test_what_a_withdrawal_did_can_not_be_changed_or_moved(make: Make) -> None:
    person = await make.person(collects=False)
    consent_ids = ids(await make.consents(person, ["steps.collect", "sleep.collect"]))
    for consent_id in consent_ids:
        await person.post(f"/v1/me/consents/{consent_id}/withdrawal")
    swap = (
        "UPDATE consents c SET outcome = o.outcome FROM consents o WHERE c.person_id = :id"
        " AND o.person_id = :id AND c.consent_id = :one AND o.consent_id = :two"
    )
    await run_sql(make, swap, id=person.id, one=consent_ids[0], two=consent_ids[1])
    answer = await person.post(f"/v1/me/consents/{consent_ids[0]}/withdrawal")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    answer = await person.post(f"/v1/me/consents/{consent_ids[1]}/withdrawal")
    assert answer.json()["features_lost"] == ["sleep.sync"]


async def test_another_persons_consent_in_ones_own_rows_does_not_open(make: Make) -> None:
    person, other = await make.person(collects=False), await make.person(collects=False)
    await make.consents(person, ["steps.collect"])
    await run_sql(
        make, "UPDATE consents SET person_id = :other WHERE person_id = :id",
        id=person.id, other=other.id,
    )  # fmt: skip
    answer = await other.get("/v1/me/consents")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert (await person.get("/v1/me/consents")).json() == {"consents": []}
