"""A database, a server in a process of its own, and persons to push for."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson

from vitalkeep.base.db import create_engine
from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.settings import Settings
from vitalkeep.consents.policies import add_policy
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.demo.people import canonical_records
from vitalkeep.demo.policies import TEXTS, sample_ref
from vitalkeep.persons.clients import add_client
from vitalkeep.persons.sign_in import sign_in
from vitalkeep.persons.tokens import AccessClaims, issue

PORT = 8765
TICKS = os.sysconf("SC_CLK_TCK")


async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the server."""
    return await asyncio.open_connection("127.0.0.1", PORT, limit=2**24)


class Wire:
    """One keep-alive HTTP connection; as little work on the client's side as will do."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls) -> "Wire":
        """Connects to the server."""
        return cls(*await connect())

    async def renew(self) -> None:
        """Connects anew: the server closes connections that were idle for 5 seconds."""
        self.writer.close()
        self.reader, self.writer = await connect()

    @property
    def local_port(self) -> int:
        """The port of this end."""
        port: int = self.writer.get_extra_info("sockname")[1]
        return port

    async def request(self, method: str, path: str, token: str, body: bytes = b"") -> bytes:
        """The answer's body, which has to be a 2xx."""
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines[1:-2])
        answer = await self.reader.readexactly(int(headers[b"content-length"]))
        if not lines[0].startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"{lines[0]!r} {answer[:300]!r}")
        return answer


@dataclass
class Pusher:
    """One person with a token, and the connection that pushes for them."""

    person_id: UUID
    token: str
    wire: Wire

    async def push(self, body: bytes) -> dict[str, int]:
        """Pushes a body; the counts of its verdicts."""
        answer = await self.wire.request("POST", "/v1/me/records", self.token, body)
        counts: dict[str, int] = orjson.loads(answer)["counts"]
        return counts


@dataclass
class World:
    """The running server, its database, and four pushers."""

    settings: Settings
    keyring: DirectoryKeyring
    server_pid: int
    postmaster_pid: int
    dsn: str
    pushers: list[Pusher]

    async def connect(self) -> asyncpg.Connection:
        """A connection of the yardstick's own."""
        return await asyncpg.connect(self.dsn)


@asynccontextmanager
async def open_world(data: Path, url: str, postmaster_pid: int) -> AsyncIterator[World]:
    """Migrates, starts the server and signs four persons in, with all consents given."""
    settings = Settings(data=data).with_database(url)
    init_keyring(settings.keyring_dir)
    await upgrade(url)
    keyring = DirectoryKeyring(settings.keyring_dir)
    environment = {
        **os.environ,
        "VITALKEEP_DATABASE_URL": url,
        "VITALKEEP_KEYRING": str(settings.keyring_dir),
        "VITALKEEP_LOG_LEVEL": "warning",
    }
    vitalkeep = Path(sys.executable).with_name("vitalkeep")
    # As operations.md says: one process for each core.
    command = [str(vitalkeep), "serve", "--port", str(PORT), "--workers", str(os.cpu_count() or 1)]
    server = subprocess.Popen(command, env=environment)  # noqa: ASYNC220 - once, before measuring
    try:
        await until_ready()
        pushers = [await add_pusher(settings, keyring) for _ in range(4)]
        dsn = url.replace("postgresql+asyncpg", "postgresql")
        yield World(settings, keyring, server.pid, postmaster_pid, dsn, pushers)
    finally:
        server.terminate()
        server.wait(timeout=30)


async def until_ready() -> None:
    """Waits until the server answers, at most 30 seconds."""
    for _ in range(300):
        try:
            wire = await Wire.open()
            await wire.request("GET", "/readyz", "")
        except OSError:
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not come up")


async def add_pusher(settings: Settings, keyring: DirectoryKeyring) -> Pusher:
    """A person who agreed to everything."""
    engine = create_engine(settings)
    async with engine.begin() as connection:
        ref = sample_ref("ja").model_copy(update={"version": str(datetime.now(UTC))})
        await add_policy(connection, ref, *TEXTS["ja"])
        client_id, _ = await add_client(connection, "Bench", redirect_uris=[], google_client_ids=[])
        person_id, epoch = await sign_in(connection, keyring, settings, str(client_id), "1")
    await engine.dispose()
    token = issue(keyring, settings, AccessClaims(person_id, client_id, "person", epoch))
    wire = await Wire.open()
    given = {
        "scopes": [f"{kind.name}.collect" for kind in TYPES],
        "recipient": {"kind": "app", "id": str(client_id)},
        "purpose": "storage",
        "policy": ref.model_dump(),
        "source": {"kind": "in_app"},
    }
    await wire.request("POST", "/v1/me/consents", token, orjson.dumps(given))
    return Pusher(person_id, token, wire)


SEEDS = count(1)


def bodies(number: int, size: int, kinds: frozenset[str] | None = None) -> list[bytes]:
    """Push bodies of `size` mixed records, or of some types only, none sent before."""
    wanted: list[object] = []
    while len(wanted) < number * size:
        made = canonical_records(next(SEEDS), number * size, datetime.now(UTC))
        wanted += [each for each in made if kinds is None or each["type"] in kinds]
    return [
        orjson.dumps({"records": wanted[start : start + size]})
        for start in range(0, number * size, size)
    ]


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, of its threads; 0 if it has just ended, as autovacuum's do."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def family_cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children, ended ones included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / TICKS
    return ended + cpu_seconds(pid) + sum(map(cpu_seconds, children_of(pid)))


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
