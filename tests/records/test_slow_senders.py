"""Bodies that come slowly, or are too long, cost the process nothing but patience."""

from collections.abc import AsyncIterator

from fastapi import FastAPI

from tests.make import Make


async def test_no_database_connection_is_held_while_a_phone_sends_its_body(
    app: FastAPI, make: Make
) -> None:
    person = await make.person(collects=False)
    held = []

    async def slowly() -> AsyncIterator[bytes]:
        for part in (b'{"rec', b'ords"', b": []}"):
            held.append(app.state.engine.pool.checkedout())
            yield part

    answer = await person.request("POST", "/v1/me/records", content=slowly())
    assert answer.status_code == 422, answer.text
    assert held == [0, 0, 0]


async def test_a_body_without_a_good_token_is_not_read(make: Make) -> None:
    person = await make.person(collects=False)
    person.token = person.token[:-4] + "AAAA"
    asked = []

    async def body() -> AsyncIterator[bytes]:
        asked.append(True)
        yield b'{"records": []}'

    answer = await person.request("POST", "/v1/me/records", content=body())
    assert answer.status_code == 401
    assert asked == []


async def test_every_route_refuses_a_body_over_8_mib(make: Make) -> None:
    person = await make.person(collects=False)
    answer = await person.request("POST", "/v1/me/consents", content=b" " * (8 * 2**20 + 1))
    assert answer.status_code == 413
    assert answer.json()["code"] == "batch_too_large"


async def test_a_bound_in_seconds_is_refused_because_times_are_rfc_3339(make: Make) -> None:
    person = await make.person(collects=False)
    answer = await person.get("/v1/me/records", **{"from": "1700000000"})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/from"]
