"""What became of a leaving's notices stands in its journal, and in its second certificate."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import respx
from fastapi import FastAPI
from sqlalchemy import update

from tests.base.names import Resolver
from tests.care.sql import run_sql
from tests.erasure.traces import left
from tests.make import Make
from tests.notices.receiving import Desk, Receiver
from vitalkeep import worker
from vitalkeep.base import clock
from vitalkeep.erasure.certificate import Certificate, issue_second, verify
from vitalkeep.erasure.models import Erasure
from vitalkeep.notices.delivery import GIVE_UP_AFTER, purge_ended

SETTLE = next(each for each in worker.TASKS if each.name == "settle_erasures")


@pytest.fixture
def desk(make: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Receivers with public addresses, and what they are sent."""
    names = Resolver(otherwise="93.184.215.14")
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    with respx.mock(assert_all_called=False) as router:
        yield Desk(make, router)


async def leave(desk: Desk) -> tuple[UUID, Receiver]:
    """The erasure of somebody of whom an organization and an app are told, and the app's server."""
    make = desk.make
    nurse, person, relative = await make.staff(), await make.person(), await make.person()
    assert nurse.organization_id is not None
    assert person.app is not None
    await desk.receiver(nurse.organization_id)
    app = await desk.receiver(person.app.id, "app")
    await make.case(nurse, person, ["steps.read"])
    await make.watching(relative, person, ["sleep.read"])
    return UUID((await left(person))["erasure_id"]), app


async def settled(desk: Desk, erasure_id: UUID) -> dict[str, Any]:
    """The erasure after a run of the worker's task."""
    state = desk.make.fastapi.state
    await worker.run(SETTLE, state.engine, state.settings)
    return await look(desk, erasure_id)


async def look(desk: Desk, erasure_id: UUID) -> dict[str, Any]:
    """The erasure as its public page shows it."""
    body: dict[str, Any] = (await desk.make.client.get(f"/v1/erasures/{erasure_id}")).json()
    return body


def told(recipients: list[dict[str, str]]) -> dict[str, tuple[str, bool]]:
    """By kind: what became of the notice, and whether there is a time."""
    return {each["kind"]: (each["outcome"], "at" in each) for each in recipients}


async def shred(app: FastAPI, erasure_id: UUID) -> None:
    """What happens when the master keys are gone."""
    row = "SELECT certificate, epoch FROM erasures WHERE erasure_id = :id"
    ((text, epoch),) = await run_sql(app, row, id=erasure_id)
    first = Certificate.model_validate_json(text)
    now = clock.now()
    second = issue_second(app.state.keyring, first, epoch=epoch, shredded_at=now)
    values = {"stage": "shredded", "shredded_at": now}
    values["shredded_certificate"] = second.model_dump_json(exclude_none=True)
    async with app.state.engine.begin() as connection:
        this = update(Erasure).where(Erasure.erasure_id == erasure_id)
        await connection.execute(this.values(values))


async def test_delivery_and_giving_up_are_entered_beside_the_certificate_that_says_queued(
    desk: Desk, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure_id, client = await leave(desk)
    client.answers = [503]
    waiting = {"app": ("queued", False), "organization": ("queued", False)}
    relative = {"person": ("not_configured", False)}
    assert told((await look(desk, erasure_id))["recipients"]) == waiting | relative
    await desk.deliver()
    half = await settled(desk, erasure_id)
    delivered = {"organization": ("delivered", True)}
    assert told(half["recipients"]) == waiting | delivered | relative
    await shred(app, erasure_id)

    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + GIVE_UP_AFTER + timedelta(minutes=1))
    await desk.deliver()
    done = await settled(desk, erasure_id)
    final = {"app": ("given_up", True), **delivered, **relative}
    assert told(done["recipients"]) == final
    first = done["certificate"]["statement"]["recipients"]
    assert told(first) == waiting | relative
    second = Certificate.model_validate(done["shredded_certificate"])
    keys = (await desk.make.client.get("/.well-known/jwks.json")).json()["keys"]
    statement = verify(second, {key["kid"]: key for key in keys})
    assert statement.model_dump(mode="json", exclude_none=True)["recipients"] == done["recipients"]
    assert [each["name"] for each in done["recipients"][:2]] == [each["name"] for each in first[:2]]

    await purge_ended(app.state.engine, clock.now() + timedelta(days=31))
    assert await settled(desk, erasure_id) == done, "it outlives the notices"


async def test_an_erasure_without_anybody_to_tell_is_settled_at_once(
    make: Make, app: FastAPI
) -> None:
    erased = await left(await make.person())
    row = "SELECT settled_at = erased_at FROM erasures WHERE erasure_id = :id"
    assert await run_sql(app, row, id=UUID(erased["erasure_id"])) == [(True,)]


async def test_one_whose_notices_are_forgotten_keeps_what_its_certificate_says(
    desk: Desk, app: FastAPI
) -> None:
    erasure_id, _ = await leave(desk)
    await run_sql(app, "DELETE FROM notices WHERE erasure_id = :id", id=erasure_id)
    old = "UPDATE erasures SET outcomes = NULL, route = NULL WHERE erasure_id = :id"
    await run_sql(app, old, id=erasure_id)
    assert not {"recipients", "route"} & (await look(desk, erasure_id)).keys()
    done = await settled(desk, erasure_id)
    assert done["recipients"] == done["certificate"]["statement"]["recipients"]
    row = "SELECT settled_at IS NOT NULL FROM erasures WHERE erasure_id = :id"
    assert await run_sql(app, row, id=erasure_id) == [(True,)]
