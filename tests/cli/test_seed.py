"""Seeding the demo world: finished by the next start wherever the last one was cut off."""

import json
import secrets
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text

from tests.cli.commands import call
from vitalkeep.app import create_app
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings
from vitalkeep.cli.server import remember, seed
from vitalkeep.demo import world


@pytest_asyncio.fixture
async def own(app: FastAPI, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """An application on a migrated database of its own, without any party."""
    name = f"seed_{secrets.token_hex(4)}"
    engine = app.state.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    url = app.state.engine.url.set(database=name).render_as_string(hide_password=False)
    call("keys", "init", "--data", tmp_path)
    assert call("migrate", VITALKEEP_DATABASE_URL=url).exit_code == 0
    settings = Settings(data=tmp_path).with_database(url)
    made = create_app(settings, DirectoryKeyring(settings.keyring_dir))
    yield made
    await made.state.engine.dispose()
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name}"))


async def case_count(own: FastAPI, seeded: dict[str, object]) -> int:
    async with inside_client(own) as client:
        bearer = {"Authorization": f"Bearer {seeded['staff_token']}"}
        answer: httpx.Response = await client.get("/v1/cases", headers=bearer)
        return len(answer.raise_for_status().json()["cases"])


async def test_a_world_is_seeded_once_and_remembered_for_its_owner_only(own: FastAPI) -> None:
    first = await seed(own.state.settings, own.state.keyring)
    again = await seed(own.state.settings, own.state.keyring)
    tokens = {"person_token", "staff_token"}
    assert {k: v for k, v in first.items() if k not in tokens} == {
        k: v for k, v in again.items() if k not in tokens
    }
    assert await case_count(own, again) == 1
    data = own.state.settings.data
    for name in ("demo.json", "demo.env"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    told = f"CLIENT_ID={again['client_id']}\nCLIENT_SECRET={again['client_secret']}\n"
    assert (data / "demo.env").read_text() == told


async def test_parties_remembered_but_never_committed_are_made_anew(own: FastAPI) -> None:
    async with own.state.engine.connect() as connection:
        lost = await world.add_parties(connection, own.state.keyring)
        await connection.rollback()
    remember(own.state.settings.data / "demo.json", lost, furnished=False)
    seeded = await seed(own.state.settings, own.state.keyring)
    assert seeded["client_id"] != lost.client_id
    assert await case_count(own, seeded) == 1


async def test_a_world_without_its_furniture_is_furnished(own: FastAPI) -> None:
    async with own.state.engine.begin() as connection:
        parties = await world.add_parties(connection, own.state.keyring)
    remembered = own.state.settings.data / "demo.json"
    remember(remembered, parties, furnished=False)
    seeded = await seed(own.state.settings, own.state.keyring)
    assert seeded["client_id"] == parties.client_id
    assert await case_count(own, seeded) == 1
    assert json.loads(remembered.read_text())["furnished"] is True
