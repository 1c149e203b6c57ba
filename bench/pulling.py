"""What a big pull takes: ninety days of heart rate from a stand-in for Google, killed half-way.

The worker is a process of its own, killed with SIGKILL while it waits for an answer, and another
one goes on. Every sample has to be there once, and the memory of both counts.
"""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx
import orjson
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.measure import Row, row
from tests.google.heartbeats import PERIOD, Heartbeats
from tests.google.moments import from_ns, to_ns
from tests.google.world import CLIENT_ID, CLIENT_SECRET
from vitalkeep.base.db import bound_transaction, create_engine
from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.outbound import outbound_client
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.authorizing import begin, enter_grant, take_pending
from vitalkeep.connectors.oauth import exchange
from vitalkeep.connectors.providers import GOOGLE_FIT
from vitalkeep.connectors.stored import find_caller
from vitalkeep.consents.policies import add_policy
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.demo.policies import TEXTS, sample_ref
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.clients import add_client
from vitalkeep.persons.sign_in import sign_in
from vitalkeep.records.query import Position, Window, list_records

ROOT: Final = Path(__file__).resolve().parents[1]
REDIRECT: Final = "https://app.kagami.jp.example/google"
WORKER: Final = (sys.executable, "-m", "vitalkeep.cli.main", "worker")
DATASET: Final = re.compile(r"/datasets/(\d+)-(\d+)$")
PATIENCE_S: Final = 300.0


@dataclass(frozen=True)
class Pulled:
    """What was stored, and the most memory that either process held."""

    before_the_kill: int
    records: int
    samples: int
    megabytes: float


@dataclass
class Scene:
    """A server's database and keyring, and where the stand-in listens."""

    settings: Settings
    keyring: DirectoryKeyring
    engine: AsyncEngine
    google: httpx.AsyncClient

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a worker."""
        kept = {name: each for name, each in os.environ.items() if name[:10] != "VITALKEEP_"}
        secret = self.settings.google_client_secret
        given = {
            "DATABASE_URL": self.settings.database_url,
            "KEYRING": str(self.settings.keyring_dir),
            "LOG_LEVEL": "error",
            "GOOGLE_CLIENT_SECRET": secret.get_secret_value() if secret else "",
        }
        for name in ("client_id", "authorize_url", "token_url", "revoke_url", "fit_url",
                     "health_url", "first_days"):  # fmt: skip
            given[f"GOOGLE_{name.upper()}"] = str(getattr(self.settings, f"google_{name}"))
        return {**kept, **{f"VITALKEEP_{name}": str(each) for name, each in given.items()}}

    async def world(self, **step: object) -> dict[str, Any]:
        """Changes the stand-in, or only looks at it."""
        steps = {"steps": [step] if step else []}
        told: dict[str, Any] = (await self.google.post("/world", json=steps)).json()
        return told


async def measure_pull(scratch: Path, url: str) -> Row:
    """The row of ninety days with 230,000 samples."""
    done = await pull_and_kill(scratch, url, port=8766, days=91, samples=230_000, kill_after=60)
    what = f"pull {done.samples:,} samples in {done.records:,} records, kill -9"
    figures = {
        "records": float(done.records),
        "samples": float(done.samples),
        "samples_before_the_kill": float(done.before_the_kill),
        "megabytes": done.megabytes,
    }
    return row(what, done.megabytes, "MB", -300, -200, figures)


async def pull_and_kill(
    scratch: Path, url: str, *, port: int, days: int, samples: int, kill_after: int
) -> Pulled:
    """Pulls so many days into an empty database, with a kill after so many answers of Google.

    `samples` are those of ninety days. Raises RuntimeError if one is lost or there twice.
    """
    async with open_scene(scratch, url, port, days) as scene:
        first = datetime.now(UTC) - PERIOD - timedelta(hours=2)
        beats = {"do": "generate_heart_rate", "api": "fit", "samples": samples}
        await scene.world(**beats, start=first.isoformat())
        hang = {"body": "timeout", "seconds": PATIENCE_S, "after": kill_after}
        await scene.world(do="fail_next", kind="fit.datasets", how=hang)
        person = await connect(scene)
        killed = await run_until_killed(scene, kill_after)
        before = await read_beats(scene, person)
        await make_due(scene)
        ended = await asyncio.to_thread(run_to_the_end, scene)
        records, found = await read_all(scene, person)
        await check(scene, found, Heartbeats(to_ns(first), samples), days)
        if not 0 < len(before) < len(found):
            raise RuntimeError("the kill was not in the middle")
    return Pulled(len(before), records, len(found), max(killed, ended))


@asynccontextmanager
async def open_scene(scratch: Path, url: str, port: int, days: int) -> AsyncIterator[Scene]:
    """A migrated database, a keyring in `scratch`, and the stand-in as a process."""
    address = f"http://127.0.0.1:{port}"
    google = {
        "google_client_id": CLIENT_ID,
        "google_client_secret": SecretStr(CLIENT_SECRET),
        "google_authorize_url": f"{address}/o/oauth2/v2/auth",
        "google_token_url": f"{address}/token",
        "google_revoke_url": f"{address}/revoke",
        "google_fit_url": address,
        "google_health_url": address,
        "google_first_days": days,
    }
    settings = Settings(data=scratch).with_database(url).model_copy(update=google)
    init_keyring(settings.keyring_dir)
    await upgrade(url)
    engine = create_engine(settings)
    command = [sys.executable, "-m", "tests.google", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)  # noqa: ASYNC220 - once, before measuring
    try:
        async with outbound_client() as client:
            client.base_url = httpx.URL(address)
            await until_it_answers(client)
            keyring = DirectoryKeyring(settings.keyring_dir)
            yield Scene(settings, keyring, engine, client)
    finally:
        process.terminate()
        process.wait(timeout=30)
        await engine.dispose()


async def until_it_answers(client: httpx.AsyncClient) -> None:
    """Waits for the stand-in, at most a minute."""
    for _ in range(600):
        try:
            await client.get("/world")
        except httpx.ConnectError:
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError("the stand-in did not come up")


async def connect(scene: Scene) -> PersonCaller:
    """A person who lets their heart rate be read, through the consent screen."""
    settings, keyring = scene.settings, scene.keyring
    async with scene.engine.begin() as connection:
        await add_policy(connection, sample_ref("ja"), *TEXTS["ja"])
        client_id, _ = await add_client(
            connection, "Bench", redirect_uris=[REDIRECT], google_client_ids=[]
        )
        person_id, _ = await sign_in(connection, keyring, settings, str(client_id), "1")
    async with bound_transaction(scene.engine, person_id=person_id) as connection:
        person = await find_caller(connection, keyring, person_id, client_id, GOOGLE_FIT.via)
        if person is None:
            raise RuntimeError("nobody is there")
        asked = await begin(connection, settings, person, GOOGLE_FIT, ["heart_rate"], REDIRECT)
        target = (await scene.google.get(asked)).headers["location"]
        back = dict(parse_qsl(urlsplit(target).query))
        pending = await take_pending(connection, keyring, back["state"])
        tokens = await exchange(settings, back["code"], pending.verifier, pending.asked)
        if await enter_grant(connection, pending, tokens) != "connected":
            raise RuntimeError("the person could not connect")
    return person


async def run_until_killed(scene: Scene, after: int) -> float:
    """Megabytes of a worker that is killed while it waits for one more answer."""
    worker = subprocess.Popen(WORKER, env=scene.variables, cwd="/", stdout=subprocess.DEVNULL)  # noqa: ASYNC220
    for _ in range(int(PATIENCE_S / 0.1)):
        told = await scene.world()
        if told["calls"].get("fit.datasets", 0) > after or worker.poll() is not None:
            break
        await asyncio.sleep(0.1)
    if worker.poll() is not None:
        raise RuntimeError("the worker ended by itself")
    held = peak_of(worker)
    worker.kill()
    worker.wait()
    return held


def run_to_the_end(scene: Scene) -> float:
    """Megabytes of a worker that does what is left."""
    worker = subprocess.Popen(
        [*WORKER, "--once"], env=scene.variables, cwd="/", stdout=subprocess.DEVNULL
    )
    held = 0.0
    while worker.poll() is None:
        held = max(held, peak_of(worker))
        time.sleep(0.05)
    if worker.returncode:
        raise RuntimeError(f"the second worker ended with {worker.returncode}")
    return held


def peak_of(process: "subprocess.Popen[bytes]") -> float:
    """The most memory that a running process has held so far, in megabytes; 0 once it has ended.

    Not by getrusage, which counts what the process that started it held, too. Source: proc(5).
    """
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


async def make_due(scene: Scene) -> None:
    """Lets the five minutes pass after which another worker may take over."""
    async with scene.engine.begin() as connection:
        await connection.execute(text("UPDATE connections SET due_at = now()"))


async def read_all(scene: Scene, person: PersonCaller) -> tuple[int, list[tuple[datetime, int]]]:
    """How many heart-rate records there are, and their samples."""
    windows = [Window(BY_NAME["heart_rate"].number)]
    after: Position | None = Position()
    records, found = 0, []
    while after is not None:
        async with bound_transaction(scene.engine, person_id=person.person_id) as connection:
            page = await list_records(
                connection, person.person_id, person.key, windows, after=after, limit=1_000
            )
        records += len(page.records)
        for each in page.records:
            for sample in orjson.loads(each)["samples"]:
                moment = datetime.fromisoformat(sample["time"])
                found.append((moment, sample["beats_per_minute"]))
        after = page.following
    return records, found


async def read_beats(scene: Scene, person: PersonCaller) -> list[tuple[datetime, int]]:
    """The samples that are stored."""
    return (await read_all(scene, person))[1]


async def check(
    scene: Scene, found: list[tuple[datetime, int]], beats: Heartbeats, days: int
) -> None:
    """Whether every sample of the span that Google was asked for is there once, and no other.

    Raises RuntimeError.
    """
    calls = (await scene.google.get("/world/calls", params={"kind": "fit.datasets"})).json()
    spans = [each for call in calls if (each := DATASET.search(call["path"]))]
    start, end = min(int(each[1]) for each in spans), max(int(each[2]) for each in spans)
    if from_ns(start) > datetime.now(UTC) - timedelta(days=days) or from_ns(end) < datetime.now(
        UTC
    ):
        raise RuntimeError("Google was not asked for the whole span")
    wanted = Counter(
        (from_ns(beats.time_ns(index)), beats.bpm(index)) for index in beats.indexes(start, end)
    )
    have = Counter(found)
    lost, more = wanted - have, have - wanted
    if lost or more:
        raise RuntimeError(f"{lost.total()} samples are lost, {more.total()} too many")
