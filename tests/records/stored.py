"""What lies in the database for one person, read and changed past the application."""

from typing import Any

import httpx
from sqlalchemy import select, text

from tests.make import Caller, Make
from vitalkeep.persons.access import PersonCaller, open_key
from vitalkeep.persons.models import PersonKeyRow


async def list_rows(make: Make, person: Caller) -> list[dict[str, Any]]:
    """Every column of the person's records, by id."""
    query = text("SELECT * FROM records WHERE person_id = :person_id ORDER BY record_id")
    async with make.fastapi.state.engine.connect() as connection:
        found = await connection.execute(query, {"person_id": person.id})
        return [dict(row) for row in found.mappings()]


async def change(make: Make, statement: str, **values: object) -> int:
    """Runs one statement in a transaction of its own; how many rows it touched."""
    async with make.fastapi.state.engine.begin() as connection:
        touched: int = (await connection.execute(text(statement), values)).rowcount
        return touched


async def delete_as_the_person(make: Make, person: Caller, record_id: str) -> None:
    """Leaves the tombstone of a record that the person deleted here."""
    statement = """UPDATE records SET sealed = NULL, deleted_by = 2
                   WHERE person_id = :person_id AND record_id = :record_id"""
    assert await change(make, statement, person_id=person.id, record_id=record_id) == 1


async def get_caller(make: Make, person: Caller) -> PersonCaller:
    """The person as routes see them, with the key that opens their values."""
    assert person.app is not None
    query = select(PersonKeyRow.epoch, PersonKeyRow.wrapped_key).where(
        PersonKeyRow.person_id == person.id
    )
    async with make.fastapi.state.engine.connect() as connection:
        row = (await connection.execute(query)).one()
    key = open_key(make.fastapi.state.keyring, person.id, row.epoch, row.wrapped_key)
    return PersonCaller(person.id, person.app.id, key, "Asia/Tokyo", "ja")


async def push_bytes(
    person: Caller, body: bytes, path: str = "/v1/me/records", **headers: str
) -> httpx.Response:
    """Pushes a body as it is."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers.setdefault("content-type", "application/json")
    return await person.request("POST", path, content=body, headers=headers)


async def get_json(person: Caller, path: str, **params: Any) -> dict[str, Any]:
    """The JSON of an answer, which has to be 200."""
    answer = await person.get(path, **params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def list_all(person: Caller, limit: int = 1000, **params: Any) -> list[dict[str, Any]]:
    """Every record, page after page."""
    records: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get_json(person, "/v1/me/records", limit=limit, **params, **cursor)
        assert len(page["records"]) <= limit
        records += page["records"]
        if "next_cursor" not in page:
            return records
        assert len(page["records"]) == limit
        cursor = {"cursor": page["next_cursor"]}


def problem_code(answer: httpx.Response, status: int) -> str:
    """The code of a refusal with this status, which has to be a problem document."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    return str(document["code"])
