"""Asking for consents as an app does, and reading a person's own rows behind its back."""

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from tests.make import Caller, Make
from vitalkeep.base.sealing import PersonKey
from vitalkeep.demo.policies import sample_ref
from vitalkeep.persons.access import PersonCaller, open_key


def body(person: Caller, *scopes: str, **changes: object) -> dict[str, Any]:
    """The body of a request that gives the person's own app these scopes for storage."""
    assert person.app is not None
    return {
        "scopes": list(scopes),
        "recipient": {"kind": "app", "id": str(person.app.id)},
        "purpose": "storage",
        "policy": sample_ref("ja").model_dump(),
        "source": {"kind": "in_app", "evidence": ["screen:test"]},
        **changes,
    }


async def ask(person: Caller, *scopes: str, **changes: object) -> httpx.Response:
    """The answer to such a request."""
    return await person.post("/v1/me/consents", body(person, *scopes, **changes))


async def everything(person: Caller, kind: str = "consents") -> list[dict[str, Any]]:
    """All consents of a person, or the ledger with `kind="events"`."""
    path = "/v1/me/consents?state=all" if kind == "consents" else "/v1/me/consent-events"
    answer = await person.request("GET", path)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()[kind]
    return found


async def assert_refused(
    person: Caller, answer: httpx.Response, *errors: tuple[str, str]
) -> dict[str, Any]:
    """A 422 that points at these places, and nothing was stored by it."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == "invalid_request"
    if errors:
        assert [(each["pointer"], each["code"]) for each in problem["errors"]] == list(errors)
    assert await everything(person) == []
    assert await everything(person, "events") == []
    return problem


async def caller_of(make: Make, person: Caller) -> PersonCaller:
    """The person as a route sees them, for calling the ledger itself."""
    assert person.app is not None
    query = text("SELECT epoch, wrapped_key FROM person_keys WHERE person_id = :person_id")
    state = make.fastapi.state
    async with state.engine.connect() as connection:
        row = (await connection.execute(query, {"person_id": person.id})).one()
    key: PersonKey = open_key(state.keyring, person.id, row.epoch, row.wrapped_key)
    return PersonCaller(person.id, person.app.id, key, "Asia/Tokyo", "ja")


async def run_sql(make: Make, statement: str, **values: object) -> list[dict[str, Any]]:
    """Runs one statement in a transaction of its own; the rows it returns."""
    async with make.fastapi.state.engine.begin() as connection:
        result = await connection.execute(text(statement), values)
        return [dict(row) for row in result.mappings()] if result.returns_rows else []


def ids(consents: list[dict[str, Any]]) -> list[UUID]:
    """The consents' ids."""
    return [UUID(each["id"]) for each in consents]
