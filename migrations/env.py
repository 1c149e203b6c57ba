"""How alembic reaches the database: asynchronously, with short lock waits, one file one idea.

The URL comes from the caller (`vitalkeep migrate`, the tests) or from VITALKEEP_DATABASE_URL.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from vitalkeep.base.db import Table
from vitalkeep.base.settings import Settings
from vitalkeep.erasure.deactivate import ALL_MODELS

# Importing the models is what fills Table.metadata.
TABLES = Table.metadata if ALL_MODELS else None
ONE_AT_A_TIME = 0x766974616C  # an arbitrary number that only migrations of this package lock


def run(connection: Connection) -> None:
    """Runs the migrations; a lock that isn't had in 4 seconds fails instead of queueing writers."""
    context.configure(
        connection=connection,
        target_metadata=TABLES,
        compare_type=True,
        transaction_per_migration=True,
    )
    # Two processes may start at once; the second waits here and finds nothing left to do.
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({ONE_AT_A_TIME})")
    connection.exec_driver_sql("SET lock_timeout = '4s'")
    connection.exec_driver_sql("SET statement_timeout = '60s'")
    # Citus needs this; plain PostgreSQL takes it as an unknown placeholder.
    connection.exec_driver_sql("SET citus.multi_shard_modify_mode = 'sequential'")
    # Each migration has a transaction of its own, which one that builds an index can leave.
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    """Connects and runs."""
    settings = Settings()
    url = context.config.attributes.get("url") or settings.database_url
    if not url:
        raise SystemExit("set VITALKEEP_DATABASE_URL, or use `vitalkeep migrate --data DIR`")
    engine = create_async_engine(
        settings.with_database(url).database_url or "", poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main())
