"""Which database and keyring a command works on: the operator's, else the embedded one."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base.db import create_engine
from vitalkeep.base.embedded import embedded_database
from vitalkeep.base.keyrings import directory_of, make_keyring, open_keyring
from vitalkeep.base.keys import DirectoryKeyring, KeyringError
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.settings import Settings
from vitalkeep.cli.output import fail


@dataclass(frozen=True, slots=True)
class World:
    """Settings with a database, and its keyring. `embedded`: the database is our own."""

    settings: Settings
    keyring: DirectoryKeyring
    embedded: bool


def read_settings(data: Path | None = None) -> Settings:
    """Settings from the environment; `data` wins over VITALKEEP_DATA. Exits on a bad value."""
    try:
        settings = Settings() if data is None else Settings(data=data)
    except ValidationError as error:
        wrong = (f"VITALKEEP_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise fail("; ".join(wrong)) from None
    if settings.database_url is not None and not settings.database_url.startswith("postgres"):
        raise fail("VITALKEEP_DATABASE_URL: it has to begin with postgresql://")
    return settings


def load_settings(data: Path | None) -> Settings:
    """Like `read_settings`, with the public URL of the `vitalkeep dev` on the same directory."""
    settings = read_settings(data)
    remembered = settings.data / "public_url"
    if settings.database_url is None and remembered.is_file():
        settings = settings.model_copy(update={"public_url": remembered.read_text().strip()})
    return settings


def ensure_keyring(settings: Settings) -> DirectoryKeyring:
    """The keyring of an embedded database, made on first use."""
    try:
        return open_keyring(settings)
    except KeyringError:
        directory = directory_of(settings)
        if directory.exists() and any(directory.iterdir()):
            raise
        return make_keyring(settings)


@contextmanager
def open_world(data: Path | None) -> Iterator[World]:
    """The world to work on; an embedded database is started for as long as it is needed.

    Raises DevDatabaseError, KeyringError.
    """
    settings = load_settings(data)
    if settings.database_url is not None:
        yield World(settings, open_keyring(settings), embedded=False)
        return
    with embedded_database(settings.data, settings.pg_bindir) as url:
        yield World(settings.with_database(url), ensure_keyring(settings), embedded=True)


@asynccontextmanager
async def open_engine(world: World) -> AsyncIterator[AsyncEngine]:
    """An engine for several transactions; an embedded database is migrated first."""
    if world.embedded:
        await upgrade(world.settings.database_url or "")
    engine = create_engine(world.settings)
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def connect(world: World) -> AsyncIterator[AsyncConnection]:
    """One transaction on an engine of its own."""
    async with open_engine(world) as engine, engine.begin() as connection:
        yield connection
