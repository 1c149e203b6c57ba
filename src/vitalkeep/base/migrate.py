"""Runs the migrations that come with the package, and tells whether a database has them all."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


def script_location() -> Path:
    """The migrations: inside an installed package, else beside `src` in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent.parent / "migrations"


def alembic_config(url: str) -> Config:
    """An alembic configuration for this database, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(script_location()))
    config.attributes["url"] = url
    return config


async def upgrade(url: str) -> None:
    """Brings the database to the newest migration. Safe to call again."""
    await asyncio.to_thread(command.upgrade, alembic_config(url), "head")


def newest_revision() -> str | None:
    """The revision that this version of the package expects."""
    return ScriptDirectory(str(script_location())).get_current_head()


async def is_migrated(connection: AsyncConnection) -> bool:
    """Whether the database is at the revision that this package expects."""
    if not await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
        return False
    found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return bool(found == newest_revision())
