"""The machine that is broken: PostgreSQL, a supervised server, persons who push."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final
from uuid import UUID

import asyncpg
import httpx

from chaos.batches import Json, PromiseBroken
from vitalkeep.base import devdb
from vitalkeep.base.db import create_engine
from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.settings import Settings
from vitalkeep.consents.policies import add_policy
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.demo.policies import TEXTS, sample_ref
from vitalkeep.persons.clients import add_client
from vitalkeep.persons.sign_in import sign_in
from vitalkeep.persons.tokens import AccessClaims, issue

PATIENCE_S: Final = 180.0
"""How long anything may take to come back."""


class Supervisor:
    """Keeps `vitalkeep serve` running: starts it again whenever it ends, as an init would."""

    def __init__(self, port: int, log: Path, **variables: str) -> None:
        self.port = port
        self.log = log
        self.variables = variables
        self.starts = 0
        self.process: asyncio.subprocess.Process | None = None
        self.keeping: asyncio.Task[None] | None = None

    async def keep(self) -> None:
        """Starts the server, for ever."""
        kept = {name: each for name, each in os.environ.items() if name[:10] != "VITALKEEP_"}
        command = [sys.executable, "-m", "vitalkeep.cli.main", "serve", "--port", str(self.port)]
        while True:
            with self.log.open("ab") as log:
                self.process = await asyncio.create_subprocess_exec(
                    *command, env={**kept, **self.variables}, cwd="/", stdout=log, stderr=log
                )
            self.starts += 1
            await self.process.wait()

    async def __aenter__(self) -> "Supervisor":
        self.keeping = asyncio.create_task(self.keep())
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self.keeping is not None:
            self.keeping.cancel()
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()


@dataclass
class Person:
    """Somebody who agreed to everything, and how far their changes have been read."""

    person_id: UUID
    client_id: UUID
    epoch: int
    cursor: str | None = None


@dataclass
class World:
    """All of it. `database` is replaced when PostgreSQL is started again."""

    data: Path
    settings: Settings
    keyring: DirectoryKeyring
    database: devdb.DevDatabase
    supervisor: Supervisor
    client: httpx.AsyncClient
    persons: list[Person]

    def headers(self, person: Person) -> dict[str, str]:
        """The header with a new token."""
        claims = AccessClaims(person.person_id, person.client_id, "person", person.epoch)
        return {"Authorization": f"Bearer {issue(self.keyring, self.settings, claims)}"}

    async def connect(self) -> asyncpg.Connection:
        """A connection past the server."""
        return await asyncpg.connect(self.database.url.replace("+asyncpg", ""))

    async def get(self, person: Person, path: str, **params: str | int) -> Json:
        """The JSON object of an answer, which has to be 200 once the server is back."""
        answer = await self.client.get(path, headers=self.headers(person), params=params)
        if answer.status_code != 200:
            raise PromiseBroken(f"GET {path} answered {answer.status_code}: {answer.text}")
        body: Json = answer.json()
        return body

    async def until_ready(self) -> None:
        """Waits until the server says it is ready. Raises PromiseBroken when it does not."""
        deadline = monotonic() + PATIENCE_S
        said = "nothing"
        while monotonic() < deadline:
            with suppress(httpx.TransportError):
                answer = await self.client.get("/readyz")
                if answer.status_code == 200:
                    return
                said = answer.text
            await asyncio.sleep(0.05)
        log = self.supervisor.log.read_text(errors="replace")[-2000:]
        raise PromiseBroken(
            f"not back after {PATIENCE_S:.0f} s; /readyz said {said}; the server was started "
            f"{self.supervisor.starts} times; its log ends: {log}"
        )

    async def new_changes(self, person: Person) -> dict[str, Json]:
        """What was written since the last call, by client id; each record stands there once."""
        found: dict[str, Json] = {}
        more = True
        while more:
            place = {} if person.cursor is None else {"cursor": person.cursor}
            page = await self.get(person, "/v1/me/changes", limit=1000, **place)
            for change in page["changes"]:
                record = change["record"]
                if record["client_id"] in found:
                    raise PromiseBroken(f"twice in the feed: {record['id']}")
                found[record["client_id"]] = record
            person.cursor, more = page["next_cursor"], page["has_more"]
        return found


@asynccontextmanager
async def open_world(data: Path, port: int, persons: int) -> AsyncIterator[World]:
    """PostgreSQL with fsync on, the supervised server, and persons; stopped in the end."""
    database = await asyncio.to_thread(devdb.start, data)
    settings = Settings(data=data).with_database(database.url)
    init_keyring(settings.keyring_dir)
    await upgrade(database.url)
    variables = {
        "VITALKEEP_DATABASE_URL": database.url,
        "VITALKEEP_KEYRING": str(settings.keyring_dir),
        "VITALKEEP_LOG_LEVEL": "warning",
    }
    base = f"http://127.0.0.1:{port}"
    try:
        async with (
            Supervisor(port, data / "serve.log", **variables) as supervisor,
            httpx.AsyncClient(base_url=base, timeout=PATIENCE_S) as client,
        ):
            keyring = DirectoryKeyring(settings.keyring_dir)
            world = World(data, settings, keyring, database, supervisor, client, [])
            await world.until_ready()
            await require_durable(world)
            world.persons += await add_persons(world, persons)
            yield world
    finally:
        # Whatever runs there now: the one that was started above may be dead.
        await asyncio.to_thread(lambda: devdb.stop(devdb.start(data)))


async def require_durable(world: World) -> None:
    """Raises PromiseBroken unless PostgreSQL is told to flush what it commits."""
    connection = await world.connect()
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        if (value := await connection.fetchval(f"SHOW {name}")) != "on":
            raise PromiseBroken(f"PostgreSQL runs with {name} = {value}: nothing can be shown")
    await connection.close()


async def add_persons(world: World, number: int) -> list[Person]:
    """Persons of one app, with consents for everything."""
    engine = create_engine(world.settings)
    async with engine.begin() as connection:
        ref = sample_ref("ja")
        await add_policy(connection, ref, *TEXTS["ja"])
        client_id, _ = await add_client(connection, "Chaos", redirect_uris=[], google_client_ids=[])
        signed_in = [
            await sign_in(connection, world.keyring, world.settings, str(client_id), f"user-{each}")
            for each in range(number)
        ]
    await engine.dispose()
    persons = [Person(person_id, client_id, epoch) for person_id, epoch in signed_in]
    for person in persons:
        given = {
            "scopes": [f"{kind.name}.collect" for kind in TYPES],
            "recipient": {"kind": "app", "id": str(client_id)},
            "purpose": "storage",
            "policy": ref.model_dump(),
            "source": {"kind": "in_app"},
        }
        path = "/v1/me/consents"
        answer = await world.client.post(path, headers=world.headers(person), json=given)
        answer.raise_for_status()
    return persons
