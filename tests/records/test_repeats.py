"""What is sent again: no write, no change number that others see, and no cached day lost."""

from typing import Any

from sqlalchemy import text

from tests.make import Caller, Make
from tests.records.stored import change, list_rows

KEPT_DAYS = text("SELECT count(*) FROM day_summaries WHERE person_id = :id")


async def kept_days(make: Make, person: Caller) -> int:
    async with make.fastapi.state.engine.connect() as connection:
        found = await connection.scalar(KEPT_DAYS, {"id": person.id})
    return int(found or 0)


async def test_a_batch_of_known_changed_and_new_records_gets_each_its_verdict(make: Make) -> None:
    person = await make.person()
    known = [make.record("weight", client_version=3, kilograms=60.0 + n) for n in range(4)]
    await person.push(*known)
    before = {row["record_id"]: row for row in await list_rows(make, person)}
    batch: list[dict[str, Any]] = [
        known[0],
        {**known[1], "kilograms": 80.0},
        make.record("steps"),
        {**known[2], "client_version": 1},
        known[3],
    ]
    statuses = await person.statuses(*batch)
    assert statuses == ["unchanged", "updated", "created", "stale", "unchanged"]
    after = {row["record_id"]: row for row in await list_rows(make, person)}
    same = [key for key, row in before.items() if after[key] == row]
    assert len(same) == 3
    assert len(after) == 5


async def test_known_records_between_new_ones_are_unchanged_as_well(make: Make) -> None:
    person = await make.person()
    known = make.record("weight")
    await person.push(known)
    statuses = await person.statuses(make.record("weight"), known, make.record("weight"))
    assert statuses == ["created", "unchanged", "created"]


async def test_what_is_stored_and_sent_again_without_a_consent_is_refused(make: Make) -> None:
    person = await make.person()
    record = make.record("weight")
    await person.push(record)
    expire = "UPDATE consents SET state = 'expired' WHERE person_id = :id"
    assert await change(make, expire, id=person.id) > 0
    (result,) = (await person.push(record))["results"]
    assert (result["status"], result["code"]) == ("rejected", "consent_missing")


async def test_sending_again_keeps_the_days_and_a_change_voids_them(make: Make) -> None:
    person = await make.person()
    record = make.record("weight", kilograms=60.0)
    await person.push(record)
    day = record["time"][:10]
    await person.get("/v1/me/days", **{"type": "weight", "from": day, "to": day})
    assert await kept_days(make, person) == 1
    assert await person.statuses(record) == ["unchanged"]
    assert await kept_days(make, person) == 1
    assert await person.statuses({**record, "kilograms": 61.0}) == ["updated"]
    assert await kept_days(make, person) == 0
