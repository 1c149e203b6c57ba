"""Budgets that need many records: a year of days, leaving with a million, a rotation, growth."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from secrets import token_bytes
from statistics import median
from time import perf_counter, process_time
from uuid import uuid4

import asyncpg
import orjson

from bench.measure import Row, at, push_all, row
from bench.world import Pusher, World, add_pusher, bodies, family_cpu_seconds
from vitalkeep.base.db import create_engine
from vitalkeep.base.keys import KEY_BYTES, Keyring
from vitalkeep.erasure.epochs import rotate
from vitalkeep.retention.scrubbing import list_tables, scrub

SPARE_TYPE = 3
FILL = f"""
INSERT INTO records (person_id, record_id, start_time, end_time, version, feed, created_feed,
                     modified_at, type, source_id, sealed)
SELECT $1, gen_random_uuid(), t, t, 0, n, n, t, {SPARE_TYPE}, 1,
       decode(md5(n::text) || md5((n + 1)::text) || md5((n + 2)::text) || md5((n + 3)::text), 'hex')
FROM generate_series(1, $2::int8) n,
     LATERAL (SELECT timestamptz '2016-01-01' + n * interval '5 minutes' AS t) at
"""  # noqa: S608 - constants only
"""Rows as a push leaves them, as large as a scalar's; nobody reads what is sealed in them."""


async def measure_days(world: World, rounds: int) -> Row:
    """A year of daily summaries of steps, cached, over HTTP; beside it the cheapest request."""
    pusher = world.pushers[0]
    await pusher.wire.renew()
    until = datetime.now(UTC).date() - timedelta(days=1)
    for body in step_bodies(until):
        await pusher.push(body)
    since = until - timedelta(days=364)
    path = f"/v1/me/days?type=steps&from={since}&to={until}"
    begun = perf_counter()
    days = orjson.loads(await pusher.wire.request("GET", path, pusher.token))["days"]
    first = perf_counter() - begun
    if len(days) != 365:
        raise RuntimeError(f"{len(days)} days instead of a year")
    year, bare = [], []
    for _ in range(rounds):
        year.append(await timed_get(pusher, path))
        bare.append(await timed_get(pusher, "/v1/me"))
    figures = {"ms": median(year), "bare_ms": median(bare), "uncached_ms": first * 1000}
    return row("a year of days, cached", figures["ms"], "ms", -20, -5, figures)


def step_bodies(until: date) -> list[bytes]:
    """A year of steps up to a day in Japan: an hour each, from 7 to 21 o'clock."""
    records = []
    midnight = datetime.combine(until, datetime.min.time(), UTC) - timedelta(hours=9)
    for day in range(365):
        for hour in range(7, 21):
            start = int((midnight - timedelta(days=day) + timedelta(hours=hour)).timestamp())
            records.append(
                {
                    "type": "steps",
                    "client_id": f"year-{start}",
                    "origin": {"app": "jp.example.walk", "device": {"type": "watch"}},
                    "start": at(start),
                    "end": at(start + 3600),
                    "count": 100 + (start // 3600) % 900,
                }
            )
    return [
        orjson.dumps({"records": records[first : first + 1000]})
        for first in range(0, len(records), 1000)
    ]


async def timed_get(pusher: Pusher, path: str) -> float:
    """Milliseconds of one request."""
    begun = perf_counter()
    await pusher.wire.request("GET", path, pusher.token)
    return (perf_counter() - begun) * 1000


async def measure_leave(world: World, records: int) -> Row:
    """Seconds that a person's leaving takes, from the confirmation to the certificate."""
    leaver = await add_pusher(world.settings, world.keyring)
    connection = await world.connect()
    await fill(connection, leaver, records)
    await leaver.wire.renew()
    preview = orjson.loads(await leaver.wire.request("GET", "/v1/me/deactivation", leaver.token))
    if sum(preview["records"].values()) != records:
        raise RuntimeError("the records are not all there")
    body = orjson.dumps({"confirm_token": preview["confirm_token"]})
    begun = perf_counter()
    await leaver.wire.request("POST", "/v1/me/deactivation", leaver.token, body)
    seconds = perf_counter() - begun
    left = await connection.fetchval(
        "SELECT count(*) FROM records WHERE person_id = $1", leaver.person_id
    )
    await connection.close()
    if left:
        raise RuntimeError(f"{left} records were left")
    return row(f"leave with {records:,}", seconds, "s", -10, -3, {"s": seconds})


async def measure_scrub(world: World, records: int) -> Row:
    """Seconds to write everything anew after somebody with that many records has left, and the
    bytes of the records' table before and after.
    """
    begun = perf_counter()
    done = await scrub(world.settings, list_tables())
    seconds = perf_counter() - begun
    # Of a table that has become empty PostgreSQL keeps the statistics, so those don't count here.
    if any(each.left for each in done.tables) or done.wal != "switched":
        raise RuntimeError(f"not everything was written anew: {done}")
    (table,) = (each for each in done.tables if each.table == "records")
    figures = {"s": seconds, "bytes_before": table.bytes_before, "bytes_after": table.bytes_after}
    return row(f"scrub after {records:,} left", seconds, "s", -60, -20, figures)


async def measure_leaving(world: World, records: int, persons: int) -> list[Row]:
    """What it takes until nothing is left of somebody: leaving, the scrub, the rotation."""
    return [
        await measure_leave(world, records),
        await measure_scrub(world, records),
        await measure_rotation(world, persons),
    ]


async def measure_rotation(world: World, persons: int) -> Row:
    """Seconds to move that many persons to a new master key, back them up and destroy the old."""
    connection = await world.connect()
    await add_persons(connection, world.keyring, persons)
    await connection.close()
    engine = create_engine(world.settings)
    begun, busy = perf_counter(), process_time()
    done = await rotate(engine, world.keyring)
    seconds, busy = perf_counter() - begun, process_time() - busy
    await engine.dispose()
    if done.persons < persons or done.rewrapped != done.persons or not done.destroyed:
        raise RuntimeError(f"not everybody was moved: {done}")
    figures = {"s": seconds, "cpu_s": busy, "us_a_person": seconds / done.rewrapped * 1e6}
    return row(f"rotate keys of {persons:,}", seconds, "s", -60, -20, figures)


async def add_persons(connection: asyncpg.Connection, keyring: Keyring, number: int) -> None:
    """Adds persons who have a key and nothing else."""
    ids = [uuid4() for _ in range(number)]
    epoch, now = keyring.epoch, datetime.now(UTC)
    await connection.copy_records_to_table(
        "persons",
        records=[(each, 0, 0, 0, now, "active", "Asia/Tokyo", "ja") for each in ids],
        columns=(
            "person_id", "feed", "purged_feed", "token_epoch", "created_at", "state", "time_zone",
            "locale",
        ),
    )  # fmt: skip
    wrapped = [(each, keyring.wrap(epoch, token_bytes(KEY_BYTES), each), epoch) for each in ids]
    await connection.copy_records_to_table(
        "person_keys", records=wrapped, columns=("person_id", "wrapped_key", "epoch")
    )
    await connection.execute("ANALYZE persons, person_keys")


async def fill(connection: asyncpg.Connection, pusher: Pusher, records: int) -> None:
    """Gives a person that many records."""
    await connection.execute(FILL, pusher.person_id, records)
    await connection.execute(
        "UPDATE persons SET feed = $2 WHERE person_id = $1", pusher.person_id, records
    )
    await connection.execute("ANALYZE records")


async def measure_growth(world: World, small: int, large: int, rounds: int) -> Row:
    """Cost of a pushed record with `large` records in the table, as a multiple of that with
    `small`: CPU of server and PostgreSQL, and time.
    """
    connection = await world.connect()
    await grow(connection, small)
    before = await measure_cost(world, rounds)
    await grow(connection, large)
    after = await measure_cost(world, rounds)
    await connection.close()
    figures = {
        "small_cpu_us": before[0],
        "large_cpu_us": after[0],
        "small_time_us": before[1],
        "large_time_us": after[1],
        "time_times": after[1] / before[1],
    }
    what = f"cost from {small:,} to {large:,} records"
    return row(what, after[0] / before[0], "x CPU", -1.3, -1.1, figures)


async def grow(connection: asyncpg.Connection, records: int) -> None:
    """Fills the table up to that many records, 10,000 a person, and lets PostgreSQL settle."""
    present = await connection.fetchval("SELECT count(*) FROM records")
    for first in range(present, records, 10_000):
        number = min(10_000, records - first)
        person = await connection.fetchval("SELECT gen_random_uuid()")
        await connection.execute(FILL, person, number)
    await connection.execute("VACUUM (ANALYZE) records")
    await connection.execute("CHECKPOINT")


async def measure_cost(world: World, rounds: int) -> tuple[float, float]:
    """Medians of CPU and time per pushed record, in microseconds."""
    cpu, time = [], []
    await push_all(world, [bodies(1, 1000) for _ in world.pushers])  # warm-up, not kept
    for _ in range(rounds):
        work = [bodies(5, 1000) for _ in world.pushers]
        records = 5_000 * len(work)
        await asyncio.sleep(1)
        begun = all_cpu_seconds(world)
        seconds = await push_all(world, work)
        cpu.append((all_cpu_seconds(world) - begun) / records * 1e6)
        time.append(seconds / records * 1e6)
    return median(cpu), median(time)


def all_cpu_seconds(world: World) -> float:
    """CPU time of the server and of PostgreSQL so far."""
    return family_cpu_seconds(world.server_pid) + family_cpu_seconds(world.postmaster_pid)
