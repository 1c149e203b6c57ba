"""Every route, asked by everybody, for what is theirs, somebody else's and nobody's.

Each cell is declared in `cells.py`. A route without cells fails, and so do cells without a route.
"""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.authorization.calls import BODIES, BY_PATIENT, CONSTANTS
from tests.authorization.cells import CELLS
from tests.authorization.town import ACTORS, TARGETS, Town, build
from tests.make import Make
from vitalkeep.base.db import request_connection
from vitalkeep.base.session import take_role


def list_routes(app: FastAPI) -> set[str]:
    """Method and path of every route that is published."""
    return {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }


async def undone(request: Request) -> AsyncIterator[AsyncConnection]:
    """A request's connection whose transaction leaves nothing, so that no cell meets another's."""
    engine = request.app.state.engine
    async with engine.connect() as connection:
        begun = await connection.begin()
        await take_role(engine, connection)
        try:
            yield connection
        finally:
            await begun.rollback()


@pytest_asyncio.fixture(scope="session")
async def town(make: Make) -> Town:
    """The town, built once: requests of this file leave nothing in it."""
    return await build(make)


@pytest.fixture
def undoing(app: FastAPI) -> Iterator[None]:
    """Has every request undo what it did."""
    app.dependency_overrides[request_connection] = undone
    yield
    del app.dependency_overrides[request_connection]


def test_every_route_has_its_cells_and_every_cell_its_route(app: FastAPI) -> None:
    assert set(CELLS) == list_routes(app)
    named = {route: [row.split() for row in rows] for route, rows in CELLS.items()}
    wrong = [
        route
        for route, rows in named.items()
        if len(rows) != (len(TARGETS) if has_ids(route) else 1)
        or any(len(row) != len(ACTORS) for row in rows)
    ]
    assert wrong == []


def has_ids(route: str) -> bool:
    """Whether the path names something that belongs to somebody."""
    return route in BY_PATIENT or any(name not in CONSTANTS for name in names(route))


def names(route: str) -> list[str]:
    """The parameters of a path."""
    return [part.partition("}")[0] for part in route.split("{")[1:]]


@pytest.mark.usefixtures("undoing")
@pytest.mark.parametrize("route", sorted(CELLS))
async def test_each_cell_answers_as_declared(make: Make, town: Town, route: str) -> None:
    declared, told = {}, {}
    refusals: set[str] = set()
    for target, row in zip(TARGETS, CELLS[route], strict=False):
        for actor, status in zip(ACTORS, row.split(), strict=True):
            declared[f"{actor} {target}"] = int(status)
            answer = await ask(make, town, route, actor, target)
            told[f"{actor} {target}"] = answer.status_code
            if answer.status_code == 404:
                refusals.add(without_its_own_id(answer))
    assert told == declared
    assert len(refusals) <= 1, "what is somebody else's is told from what is nobody's"


def without_its_own_id(answer: httpx.Response) -> str:
    """The body of a refusal without the id that each request has."""
    return answer.text.replace(answer.headers["x-request-id"], "")


async def ask(make: Make, town: Town, route: str, actor: str, target: str) -> httpx.Response:
    """One cell's answer."""
    method, _, path = route.partition(" ")
    ids = {**town.ids(actor, target), **CONSTANTS}
    if path.startswith("/fhir/R4/"):
        ids["consent_id"] = ids["fhir_consent_id"]
    body = BODIES[route](make, town, ids) if route in BODIES else None
    caller = town.callers[actor]
    headers = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
    query = {"patient": ids["case_id"]} if route in BY_PATIENT else None
    return await make.client.request(
        method, path.format(**ids), json=body, headers=headers, params=query
    )
