"""Fixtures: one embedded PostgreSQL a test process, built by the real migrations, and its app."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.make import Make
from vitalkeep.app import create_app
from vitalkeep.base import devdb
from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.base.logs import configure_logs
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings
from vitalkeep.consents.policies import add_policy
from vitalkeep.demo.policies import TEXTS, sample_ref


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of this test process's database and keyring."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def database(data_dir: Path) -> Iterator[devdb.DevDatabase]:
    """The running server; its database `vitalkeep` is empty until `app` migrates it."""
    started = devdb.start(data_dir)
    yield started
    devdb.stop(started)


@pytest.fixture(scope="session")
def settings(database: devdb.DevDatabase, data_dir: Path) -> Settings:
    """Settings on the test database."""
    return Settings(data=data_dir).with_database(database.url)


@pytest.fixture(scope="session")
def keyring(settings: Settings) -> DirectoryKeyring:
    """A new keyring."""
    init_keyring(settings.keyring_dir)
    return DirectoryKeyring(settings.keyring_dir)


@pytest_asyncio.fixture(scope="session")
async def app(settings: Settings, keyring: DirectoryKeyring) -> AsyncIterator[FastAPI]:
    """The application on a migrated database that holds the sample policy."""
    configure_logs("warning", strict=True)
    await upgrade(settings.database_url or "")
    made = create_app(settings, keyring)
    async with made.state.engine.begin() as connection:
        for locale, (title, text) in TEXTS.items():
            await add_policy(connection, sample_ref(locale), title, text)
    yield made
    await made.state.engine.dispose()


@pytest_asyncio.fixture(scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, without a token."""
    async with inside_client(app) as inside:
        yield inside


@pytest.fixture(scope="session")
def make(app: FastAPI, client: httpx.AsyncClient) -> Make:
    """Builders of apps, persons, organizations, staff, consents, cases and records."""
    return Make(app, client)
