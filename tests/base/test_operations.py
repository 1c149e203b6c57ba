"""Routes for those who run the server: alive, ready or not and why, and what is counted."""

import secrets
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import make_url, text

from tests.make import Make
from vitalkeep.app import create_app
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings

READY = {"status": "ready"}


@pytest_asyncio.fixture
async def empty(app: FastAPI, settings: Settings) -> AsyncIterator[Settings]:
    """Settings on a second database of the same server, without any table."""
    name = f"empty_{secrets.token_hex(4)}"
    autocommit = app.state.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with autocommit.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(settings.database_url or "").set(database=name)
    yield settings.with_database(url.render_as_string(hide_password=False))
    async with autocommit.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name}"))


async def readiness(settings: Settings, keyring: DirectoryKeyring) -> httpx.Response:
    """What an app with these settings answers to GET /readyz."""
    app = create_app(settings, keyring)
    async with inside_client(app) as client:
        answer = await client.get("/readyz")
    await app.state.engine.dispose()
    return answer


def unready(answer: httpx.Response) -> str:
    """The remedy that an app which is not ready names."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (answer.status_code, document["code"]) == (503, "dependency_unavailable")
    assert answer.headers["retry-after"]
    return str(document["detail"])


async def test_the_process_is_alive_also_without_its_database(
    settings: Settings, keyring: DirectoryKeyring
) -> None:
    app = create_app(settings.with_database("postgresql://nobody@/none?host=/nowhere"), keyring)
    async with inside_client(app) as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert unready(await client.get("/readyz"))
    await app.state.engine.dispose()


async def test_with_everything_there_it_is_ready(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, READY)


async def test_without_migrations_it_is_not_ready_and_says_how_to_get_there(
    empty: Settings, keyring: DirectoryKeyring
) -> None:
    assert "vitalkeep migrate" in unready(await readiness(empty, keyring))
    await upgrade(empty.database_url or "")
    answer = await readiness(empty, keyring)
    assert (answer.status_code, answer.json()) == (200, READY)


async def test_at_another_revision_it_is_not_ready(
    empty: Settings, keyring: DirectoryKeyring
) -> None:
    await upgrade(empty.database_url or "")
    app = create_app(empty, keyring)
    async with app.state.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    await app.state.engine.dispose()
    assert "vitalkeep migrate" in unready(await readiness(empty, keyring))


async def test_without_a_signing_key_it_is_not_ready(settings: Settings, app: FastAPI) -> None:
    assert app.state.keyring.token_keys
    keyring = DirectoryKeyring(settings.keyring_dir)
    keyring.token_keys = []
    assert "vitalkeep keys init" in unready(await readiness(settings, keyring))


async def metrics(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/v1/cases/{}/records", ("GET", "/v1/cases/{case_id}/records", "404")),
        ("GET", "/v1/erasures/{}", ("GET", "/v1/erasures/{erasure_id}", "404")),
        ("GET", "/nowhere/{}", ("GET", "unmatched", "404")),
        ("INVENTED{}", "/healthz", ("other", "/healthz", "405")),
    ],
)
async def test_requests_are_counted_by_route_and_never_by_what_a_caller_invents(
    make: Make, client: httpx.AsyncClient, method: str, path: str, labels: tuple[str, ...]
) -> None:
    nurse, random = await make.staff(), str(uuid4())
    counter = ("vitalkeep_requests_total", *labels)
    before = (await metrics(client)).get(counter, 0)
    await nurse.request(method.format(random.replace("-", "")), path.format(random))
    after = await metrics(client)
    assert after[counter] == before + 1
    assert after["vitalkeep_request_seconds_count", labels[1]] >= 1
    for secret in (random, random.replace("-", ""), str(nurse.id)):
        assert secret not in str(after)


async def test_pushes_reads_and_erasures_are_counted_without_an_id(
    make: Make, client: httpx.AsyncClient
) -> None:
    counters = [
        ("vitalkeep_records_total", "created"),
        ("vitalkeep_care_reads_total",),
        ("vitalkeep_erasures_total",),
    ]
    before = await metrics(client)
    nurse, person = await make.staff(), await make.person()
    await person.push(make.record(), make.record())
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    await nurse.get(f"/v1/cases/{case_id}/records")
    token = (await person.get("/v1/me/deactivation")).json()["confirm_token"]
    await person.post("/v1/me/deactivation", {"confirm_token": token})
    after = await metrics(client)
    assert [after[each] - before.get(each, 0) for each in counters] == [2, 1, 1]
    for secret in (person.id, nurse.id, case_id, nurse.organization_id):
        assert str(secret) not in str(after)
