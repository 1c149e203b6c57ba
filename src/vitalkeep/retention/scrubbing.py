"""Taking deleted rows off the disk: a DELETE leaves their bytes in table files and statistics.

A plain VACUUM frees the space and overwrites nothing, so the files are written anew. VACUUM FULL
locks out reads and writes of one table at a time (ACCESS EXCLUSIVE) for as long as that takes.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.db import create_probe_engine, driver, tables_of_a_person
from vitalkeep.base.pgsettings import list_remembered
from vitalkeep.base.settings import Settings

STATISTICS: Final = ("pg_catalog.pg_statistic", "pg_catalog.pg_statistic_ext_data")
LOCK: Final = "ACCESS EXCLUSIVE"
LONGEST_S: Final = 24 * 3600.0
"""The server cancels nothing of a rewrite: it takes as long as the table is large."""

POLL_S: Final = 0.1
# Catalogues keep for a logical slot what its reader has not passed, and tables for a standby that
# tells what it reads.
READERS: Final = """
SELECT DISTINCT reader FROM (
    SELECT 'replication slot ' || slot_name, xmin FROM pg_replication_slots UNION ALL
    SELECT 'replication slot ' || slot_name, catalog_xmin FROM pg_replication_slots UNION ALL
    SELECT 'process ' || pid, backend_xmin FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
) AS seen (reader, since)
WHERE age(since) > age($1::text::xid) ORDER BY reader
"""

LOOK: Final = """
SELECT pg_total_relation_size(c.oid) AS bytes, pg_relation_filenode(c.oid) AS file,
       coalesce(pg_stat_get_dead_tuples(c.oid), 0) AS dead
FROM pg_class c WHERE c.oid = to_regclass($1)
"""

# ANALYZE leaves the statistics of a table without rows as they were.
FORGET: Final = """
SELECT pg_clear_attribute_stats(schemaname, tablename, attname, inherited) FROM pg_stats
WHERE schemaname = current_schema() AND tablename = '{0}' AND NOT EXISTS (SELECT FROM {0})
"""
CAN_FORGET: Final = 18
"""The first release of PostgreSQL with `pg_clear_attribute_stats`."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A table that may hold deleted rows: its bytes with indexes, and dead rows as last counted.

    None dead does not mean nothing left: freed space keeps its bytes.
    """

    table: str
    bytes: int
    dead_rows: int


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of one table; `left` says why it was not rewritten.

    `dead_rows`: still seen by an open transaction, or died since.
    """

    table: str
    bytes_before: int
    bytes_after: int
    dead_rows: int
    left: str | None = None


@dataclass(frozen=True, slots=True)
class Scrub:
    """A scrub: each table, how many ids of the departed statistics still name, and the WAL.

    `wal` is `switched`, `untouched` or why it could not be done.
    """

    tables: list[Rewritten]
    ids_in_statistics: int
    wal: str

    @property
    def complete(self) -> bool:
        """Whether nothing was left."""
        everywhere = all(each.left is None for each in self.tables)
        return everywhere and not self.ids_in_statistics


def list_tables(only: Sequence[str] = ()) -> list[str]:
    """Tables with rows of persons, `persons` last. Raises ValueError for one that isn't."""
    tables = list(tables_of_a_person())
    unknown = sorted(set(only) - set(tables))
    if unknown:
        raise ValueError(f"{unknown[0]} is no table with rows of persons: {', '.join(tables)}")
    return [table for table in tables if not only or table in only]


async def list_holdings(connection: AsyncConnection, tables: Sequence[str]) -> list[Holding]:
    """What a scrub would rewrite."""
    raw = await driver(connection)
    rows = [(table, await raw.fetchrow(LOOK, table)) for table in (*tables, *STATISTICS)]
    return [Holding(table, row["bytes"], row["dead"]) for table, row in rows if row]


async def scrub(
    settings: Settings,
    tables: Sequence[str],
    *,
    lock_timeout_s: float = 5.0,
    wal: bool = True,
    told: Callable[[str], None] = lambda _table: None,
) -> Scrub:
    """Rewrites the tables and their statistics, each by itself: stopped, what is done stays done.

    A lock that isn't granted in time is given up, so that requests don't queue behind the wait;
    that table is `left`. So are the statistics while somebody, waited for as long, sees the old
    ones. Then WAL is switched and a checkpoint made, so that with `wal_recycle` off the older files
    go, but for what slots and the archive keep. Needs the tables' owner.
    """
    engine = create_probe_engine(settings).execution_options(isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            raw = await driver(connection)
            await raw.execute(
                f"SET statement_timeout = 0; SET lock_timeout = {int(lock_timeout_s * 1000)}"
            )
            done = []
            for table in tables:
                told(table)
                done.append(await rewrite(raw, table))
            readers = await wait_for_readers(raw, lock_timeout_s)
            for table in STATISTICS:
                told(table)
                done.append(blame(await rewrite(raw, table), readers))
            remembered = await list_remembered(connection)
            ids = int(remembered[0].found.partition(" ")[0]) if remembered else 0
            return Scrub(done, ids, await switch_wal(raw) if wal else "untouched")
    finally:
        await engine.dispose()


async def rewrite(raw: asyncpg.Connection, table: str) -> Rewritten:
    """Writes a table, its indexes and its statistics anew.

    PostgreSQL only warns where it may not, so it is the new file that counts.
    """
    before = await look(raw, table)
    is_ours = table not in STATISTICS
    how = "FULL, ANALYZE" if is_ours else "FULL"
    left = None
    try:
        await raw.execute(f"VACUUM ({how}) {table}", timeout=LONGEST_S)
        if is_ours and raw.get_server_version().major >= CAN_FORGET:
            await raw.execute(FORGET.format(table))
    except asyncpg.LockNotAvailableError:
        left = "somebody uses it: try again"
    except asyncpg.InsufficientPrivilegeError:
        left = "only its owner may"
    after = await look(raw, table)
    if left is None and before["file"] == after["file"]:
        left = "only its owner may"
    return Rewritten(table, before["bytes"], after["bytes"], after["dead"], left)


async def wait_for_readers(raw: asyncpg.Connection, patience_s: float) -> list[str]:
    """Whoever still sees the statistics of before, after waiting for them; a rewrite would keep
    those. A checkpoint lets slots that are read move on at once.
    """
    now = await raw.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text")
    if await raw.fetch(READERS, now):
        with suppress(asyncpg.InsufficientPrivilegeError):
            await raw.execute("CHECKPOINT", timeout=LONGEST_S)
    for _ in range(int(patience_s / POLL_S)):
        if not await raw.fetch(READERS, now):
            break
        await asyncio.sleep(POLL_S)
    return [row["reader"] for row in await raw.fetch(READERS, now)]


def blame(done: Rewritten, readers: Sequence[str]) -> Rewritten:
    """The same, left if somebody sees what was there before."""
    if done.left is not None or not readers:
        return done
    return replace(done, left=f"{readers[0]} still sees what was deleted: try again")


async def look(raw: asyncpg.Connection, table: str) -> asyncpg.Record:
    """Size, file and dead rows of a table. Raises LookupError where migrations lack."""
    row = await raw.fetchrow(LOOK, table)
    if row is None:
        raise LookupError(table)
    return row


async def switch_wal(raw: asyncpg.Connection) -> str:
    """Begins a new WAL file and makes a checkpoint, after which older files can go."""
    try:
        await raw.execute("SELECT pg_switch_wal()")
        await raw.execute("CHECKPOINT", timeout=LONGEST_S)
    except asyncpg.InsufficientPrivilegeError as error:
        return f"left: {error}"
    return "switched"
