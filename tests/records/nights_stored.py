"""A night on a phone, and what of it is stored."""

from typing import Any
from uuid import uuid4

from sqlalchemy import text

from tests.make import Caller, Make
from tests.records.samples_of_sleep import Sample, without_zone
from tests.records.stored import list_all
from vitalkeep.persons.sign_in import sign_in
from vitalkeep.persons.tokens import AccessClaims, issue

FIRST = Sample(1, 0, 30, 3)
SECOND = Sample(2, 30, 30, 4)
BRIDGE = Sample(3, 100, 20, 5)
LAST = Sample(4, 180, 30, 3)


async def new_person(make: Make) -> Caller:
    """A person who lets their app collect sleep, without the token route."""
    state, app = make.fastapi.state, await make.app()
    async with state.engine.begin() as connection:
        person_id, epoch = await sign_in(
            connection, state.keyring, state.settings, "nights", str(uuid4())
        )
    token = issue(state.keyring, state.settings, AccessClaims(person_id, app.id, "person", epoch))
    person = Caller(make.client, person_id, token, app)
    await make.consents(person, ["sleep.collect"])
    return person


async def nights(person: Caller) -> list[dict[str, Any]]:
    """The stored sessions, in the order of the slow telling, without ids."""
    found = [without_zone(record) for record in await list_all(person)]
    for record in found:
        assert record.pop("id")
        assert record.pop("modified_at")
        assert record.pop("client_version") == 0
    return sorted(found, key=lambda record: (record["start"], record["origin"]["app"]))


async def parts(make: Make, person: Caller) -> list[str]:
    """Every stored sample, as the database has it."""
    rows = "SELECT p::text FROM record_parts p WHERE person_id = :id ORDER BY part_id"
    return await column(make, rows, person)


async def column(make: Make, statement: str, person: Caller) -> list[str]:
    """The only column of what a query finds for the person."""
    async with make.fastapi.state.engine.connect() as connection:
        return list(await connection.scalars(text(statement), {"id": person.id}))


def statuses(verdicts: list[dict[str, Any]]) -> list[str]:
    return [each.get("code", each["status"]) for each in verdicts]
