"""Forms that come slowly hold no database connection: anybody can send them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.make import Make


@pytest.mark.parametrize(("path", "status"), [("/oauth/token", 400), ("/oauth/revoke", 200)])
async def test_no_database_connection_is_held_while_a_form_arrives(
    app: FastAPI, client: httpx.AsyncClient, make: Make, path: str, status: int
) -> None:
    registered = await make.app()
    held = []

    async def slowly() -> AsyncIterator[bytes]:
        for part in (b"grant_type=unknown", b"&tok", b"en=unknown"):
            held.append(app.state.engine.pool.checkedout())
            yield part

    answer = await client.post(path, auth=registered.auth, content=slowly())
    assert answer.status_code == status, answer.text
    assert held == [0, 0, 0]
