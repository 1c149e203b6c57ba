"""The rows of the budget table: each measures both sides, interleaved, and keeps the medians."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from time import perf_counter, process_time

import asyncpg
import orjson

from bench.door import measure_door
from bench.spread import renew_evenly
from bench.world import Pusher, World, bodies, family_cpu_seconds

COLUMNS = (
    "person_id", "record_id", "start_time", "end_time", "version", "feed", "created_feed",
    "modified_at", "type", "source_id", "deleted_by", "sealed",
)  # fmt: skip
SERIES_SAMPLES = 60


@dataclass
class Row:
    """One measured budget."""

    what: str
    measured: str
    bar: str
    aim: str
    holds: bool
    figures: dict[str, float]


async def push_all(world: World, work: Sequence[Sequence[bytes]]) -> float:
    """Seconds until every pusher has pushed its bodies, one after the other."""

    async def one(pusher: Pusher, mine: Sequence[bytes]) -> None:
        for body in mine:
            await pusher.push(body)

    await renew_evenly(world.pushers, world.server_pid)
    pairs = zip(world.pushers, work, strict=True)
    begun = perf_counter()
    await asyncio.gather(*(one(pusher, mine) for pusher, mine in pairs))
    return perf_counter() - begun


async def copy_all(world: World, rows: Sequence[Sequence[asyncpg.Record]], size: int) -> float:
    """Seconds to COPY the same rows into an equal, indexed table over as many connections."""
    connections = [await world.connect() for _ in rows]

    async def one(connection: asyncpg.Connection, mine: Sequence[asyncpg.Record]) -> None:
        for start in range(0, len(mine), size):
            await connection.copy_records_to_table(
                "yardstick", records=map(tuple, mine[start : start + size]), columns=COLUMNS
            )

    begun = perf_counter()
    await asyncio.gather(
        *(one(connection, mine) for connection, mine in zip(connections, rows, strict=True))
    )
    seconds = perf_counter() - begun
    for connection in connections:
        await connection.close()
    return seconds


async def measure_push(world: World, size: int, batches: int, rounds: int) -> dict[str, float]:
    """Medians over rounds: push and COPY rates, their ratio, the speed of a re-send in the same
    bodies and in others, CPU a record (of COPY with its client's).
    """
    connection = await world.connect()
    await connection.execute("CREATE TABLE IF NOT EXISTS yardstick (LIKE records INCLUDING ALL)")
    ratios, pushed, copied, again, regrouped = [], [], [], [], []
    server_cpu, postgres_cpu, copy_cpu = [], [], []
    for _ in range(rounds):
        work = [bodies(batches, size) for _ in world.pushers]
        feeds = await feed_numbers(connection, world)
        before = family_cpu_seconds(world.server_pid), family_cpu_seconds(world.postmaster_pid)
        seconds = await push_all(world, work)
        after = family_cpu_seconds(world.server_pid), family_cpu_seconds(world.postmaster_pid)
        rows = await pushed_rows(connection, world, feeds)
        records = sum(map(len, rows))
        idle = process_time() + family_cpu_seconds(world.postmaster_pid)
        copy_seconds = await copy_all(world, rows, size)
        copied_cpu = process_time() + family_cpu_seconds(world.postmaster_pid) - idle
        again_seconds = await push_all(world, work)
        regrouped_seconds = await push_all(world, [regroup(mine) for mine in work])
        ratios.append(copy_seconds / seconds)
        pushed.append(records / seconds)
        copied.append(records / copy_seconds)
        again.append(seconds / again_seconds)
        regrouped.append(seconds / regrouped_seconds)
        server_cpu.append((after[0] - before[0]) / records * 1e6)
        copy_cpu.append(copied_cpu / records * 1e6)
        postgres_cpu.append((after[1] - before[1]) / records * 1e6)
    await connection.close()
    return {
        "ratio": median(ratios),
        "push_per_s": median(pushed),
        "copy_per_s": median(copied),
        "again_times_faster": median(again),
        "regrouped_times_faster": median(regrouped),
        "server_cpu_us": median(server_cpu),
        "postgres_cpu_us": median(postgres_cpu),
        "copy_cpu_us": median(copy_cpu),
    }


def regroup(mine: Sequence[bytes]) -> list[bytes]:
    """The same records in as many bodies of other boundaries, as a phone that reads its whole
    store anew sends them.
    """
    records = [record for body in mine for record in orjson.loads(body)["records"]]
    size, cut = len(records) // len(mine), len(records) // len(mine) // 3
    moved = records[cut:] + records[:cut]
    return [
        orjson.dumps({"records": moved[start : start + size]})
        for start in range(0, len(moved), size)
    ]


async def feed_numbers(connection: asyncpg.Connection, world: World) -> dict[object, int]:
    """Each pusher's newest change number."""
    ids = [pusher.person_id for pusher in world.pushers]
    rows = await connection.fetch(
        "SELECT person_id, feed FROM persons WHERE person_id = ANY($1)", ids
    )
    return {row["person_id"]: row["feed"] for row in rows}


async def pushed_rows(
    connection: asyncpg.Connection, world: World, feeds: dict[object, int]
) -> list[list[asyncpg.Record]]:
    """The rows that each pusher added since."""
    query = f"SELECT {', '.join(COLUMNS)} FROM records WHERE person_id = $1 AND feed > $2"  # noqa: S608
    return [
        await connection.fetch(query, pusher.person_id, feeds[pusher.person_id])
        for pusher in world.pushers
    ]


async def measure_read(world: World, rounds: int) -> dict[str, float]:
    """Medians of reading a page of 1,000 over HTTP, and of COPYing the same rows out."""
    pusher, connection = world.pushers[0], await world.connect()
    query = (
        "SELECT record_id, type, source_id, start_time, end_time, version, modified_at, sealed "
        "FROM records WHERE person_id = $1 ORDER BY start_time, record_id LIMIT 1000"
    )

    async def sink(_data: bytes) -> None:
        """Takes the bytes and forgets them."""

    reads, copies = [], []
    await pusher.wire.renew()
    for _ in range(rounds):
        begun = perf_counter()
        page = await pusher.wire.request("GET", "/v1/me/records?limit=1000", pusher.token)
        reads.append(perf_counter() - begun)
        begun = perf_counter()
        await connection.copy_from_query(query, pusher.person_id, output=sink, format="binary")
        copies.append(perf_counter() - begun)
    if len(orjson.loads(page)["records"]) != 1000:
        raise RuntimeError("the page is not full")
    await connection.close()
    read, copy = median(reads), median(copies)
    return {"read_ms": read * 1000, "copy_ms": copy * 1000, "times": read / copy}


async def measure_size(world: World) -> dict[str, float]:
    """Bytes on disk of a scalar record, and of a heart-rate sample in 60-sample series."""
    connection = await world.connect()
    scalars = frozenset({"steps", "weight", "body_fat", "blood_glucose", "oxygen_saturation"})
    start = await table_bytes(connection)
    await push_all(world, [bodies(10, 1000, scalars) for _ in world.pushers])
    scalar_bytes = await table_bytes(connection) - start
    series = [series_bodies(90 + i, 3) for i in range(4)]
    start = await table_bytes(connection)
    await push_all(world, series)
    series_bytes = await table_bytes(connection) - start
    await connection.close()
    samples = SERIES_SAMPLES * 1000 * sum(map(len, series))
    return {"scalar": scalar_bytes / 40_000, "sample": series_bytes / samples}


def series_bodies(seed: int, count: int) -> list[bytes]:
    """Bodies of 1,000 heart-rate series of 60 samples, one a minute."""
    made = []
    for number in range(count):
        records = []
        for position in range(1000):
            first = 1_760_000_000 + (number * 1000 + position) * 3600
            samples = [
                {
                    "time": at(first + 60 * i),
                    "beats_per_minute": 55 + (seed * 7 + position + i * i) % 70,
                }
                for i in range(SERIES_SAMPLES)
            ]
            records.append(
                {
                    "type": "heart_rate",
                    "client_id": f"series-{seed}-{number}-{position}",
                    "origin": {"app": "jp.example.walk", "device": {"type": "watch"}},
                    "start": at(first),
                    "end": at(first + 3600),
                    "samples": samples,
                }
            )
        made.append(orjson.dumps({"records": records}))
    return made


def at(epoch: int) -> str:
    """Local time in Japan of a moment."""
    return datetime.fromtimestamp(epoch + 9 * 3600, UTC).isoformat().replace("+00:00", "+09:00")


async def table_bytes(connection: asyncpg.Connection) -> int:
    """Size of the records with all indexes."""
    size: int = await connection.fetchval("SELECT pg_total_relation_size('records')")
    return size


async def measure(world: World) -> list[Row]:
    """Every row, in the order of the design's table."""
    size = await measure_size(world)
    await measure_push(world, 1000, 2, 1)  # warm-up, not kept
    large = await measure_push(world, 1000, 5, 5)
    small = await measure_push(world, 100, 30, 5)
    read = await measure_read(world, 30)
    door = await measure_door(world, 30)
    return [
        row("push 1,000 x 4 clients", large["ratio"], "x COPY", 0.35, 0.6, large),
        row("push 100 x 4 clients", small["ratio"], "x COPY", 0.18, 0.35, small),
        row(
            "CPU a pushed record",
            large["server_cpu_us"] + large["postgres_cpu_us"],
            "us",
            -25,
            -15,
            large,
        ),
        row("the same again", large["again_times_faster"], "x faster", 1.5, 3, large),
        row("… in other bodies", large["regrouped_times_faster"], "x faster", 1, 1.5, large),
        row("read a page of 1,000", read["times"], "x COPY TO", -4, -2, read),
        row("the same by a nurse", door["times"], "x one's own", -1.5, -1.2, door),
        row("bytes a scalar record", size["scalar"], "B", -450, -300, size),
        row("bytes a sample of 60", size["sample"], "B", -20, -8, size),
    ]


def row(
    what: str, value: float, unit: str, bar: float, aim: float, figures: dict[str, float]
) -> Row:
    """A row of the table; a negative bar is an upper limit."""
    sign = "<=" if bar < 0 else ">="
    holds = value <= -bar if bar < 0 else value >= bar
    bar_text, aim_text = (f"{sign} {abs(limit):g}" for limit in (bar, aim))
    return Row(what, f"{value:.3g} {unit}", bar_text, aim_text, holds, figures)
