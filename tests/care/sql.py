"""What no route does yet, done to the test's own rows by SQL, and answers compared as a whole."""

from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import text


async def run_sql(app: FastAPI, statement: str, **values: object) -> list[Any]:
    """Runs one statement in a transaction of its own; its rows, if it has any."""
    async with app.state.engine.begin() as connection:
        result = await connection.execute(text(statement), values)
        return list(result.all()) if result.returns_rows else []


def refusal(answer: httpx.Response) -> tuple[int, dict[str, Any]]:
    """Status and document of a refusal, without the request's own id."""
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document.pop("instance") == answer.headers["x-request-id"]
    return answer.status_code, document
