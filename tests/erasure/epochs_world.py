"""A database and a keyring of their own, since a rotation would pull others' from under them."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.care.sql import run_sql
from tests.make import Caller, Make
from vitalkeep.app import create_app
from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings
from vitalkeep.consents.policies import add_policy
from vitalkeep.demo.policies import TEXTS, sample_ref


@dataclass(frozen=True)
class EpochsWorld:
    """An application with builders; `keyring` is what another process has of its keys."""

    app: FastAPI
    make: Make
    keyring: DirectoryKeyring

    @property
    def engine(self) -> AsyncEngine:
        """The application's engine."""
        engine: AsyncEngine = self.app.state.engine
        return engine

    @property
    def directory(self) -> Path:
        """Where the keys are."""
        return self.keyring.directory

    @property
    def variables(self) -> dict[str, str]:
        """What a command on this world has in its environment."""
        return {
            "VITALKEEP_DATABASE_URL": self.engine.url.render_as_string(hide_password=False),
            "VITALKEEP_KEYRING": str(self.directory),
        }

    def masters(self) -> set[str]:
        """The files with master keys, unfinished ones included."""
        return {path.name for path in self.directory.iterdir() if "master" in path.name}

    def backups(self) -> set[str]:
        """The files with the key table, unfinished ones included."""
        return {path.name for path in self.directory.iterdir() if "persons" in path.name}

    async def epochs(self) -> dict[UUID, int]:
        """The epoch of each living person's key."""
        rows = await run_sql(self.app, "SELECT person_id, epoch FROM person_keys")
        return {row[0]: row[1] for row in rows}


@asynccontextmanager
async def open_epochs_world(
    server: AsyncEngine, directory: Path, opened: Callable[[], DirectoryKeyring] | None = None
) -> AsyncIterator[EpochsWorld]:
    """A new world on the server of this engine, with its keyring in the directory.

    `opened` opens a keyring that is made already.
    """
    name = f"epochs_{secrets.token_hex(4)}"
    outside = server.execution_options(isolation_level="AUTOCOMMIT")
    async with outside.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    url = server.url.set(database=name).render_as_string(hide_password=False)
    await upgrade(url)
    if opened is None:
        init_keyring(directory)
        opened = partial(DirectoryKeyring, directory)
    settings = Settings(data=directory.parent, keyring=directory).with_database(url)
    app = create_app(settings, opened())
    async with app.state.engine.begin() as connection:
        for locale, (title, words) in TEXTS.items():
            await add_policy(connection, sample_ref(locale), title, words)
    async with inside_client(app) as client:
        yield EpochsWorld(app, Make(app, client), opened())
    await app.state.engine.dispose()
    async with outside.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name}"))


async def furnish(world: EpochsWorld, number: int) -> dict[str, Caller]:
    """Persons with a record each, by the id of that record; the keyring is read as it is now."""
    world.keyring.refresh()
    sender = await world.make.app()
    persons: dict[str, Caller] = {}
    for _ in range(number):
        person = await world.make.person(sender)
        (done,) = (await person.push(world.make.record("weight")))["results"]
        persons[done["id"]] = person
    return persons


async def read(person: Caller) -> httpx.Response:
    """What the person reads of their records."""
    return await person.get("/v1/me/records")


async def require_readable(persons: dict[str, Caller]) -> None:
    """Each of the persons reads exactly their record."""
    for record_id, person in persons.items():
        answer = await read(person)
        assert answer.status_code == 200, answer.text
        assert [record["id"] for record in answer.json()["records"]] == [record_id]
