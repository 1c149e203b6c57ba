"""Commands that serve: `dev` on the embedded database, `serve` in production, and `migrate`."""

import asyncio
import json
import shutil
import socket
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
import uvicorn
from fastapi import FastAPI

from vitalkeep.app import create_app
from vitalkeep.base.embedded import embedded_database
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.logs import configure_logs
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings
from vitalkeep.cli.database import ensure_keyring, load_settings
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, console, fail
from vitalkeep.demo import world

OWN = ("postgres", "keyring")
"""What makes a directory one of ours, so that --reset never empties another."""


def dev(
    port: Annotated[int, typer.Option(help="Port on the loopback address.")] = 8000,
    data: Data = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget everything first.")] = False,
) -> None:
    """Start the embedded PostgreSQL, migrate, seed a demo world once, and serve."""
    require_port(port)
    settings = Settings() if data is None else Settings(data=data)
    if reset:
        forget(settings.data)
    if "public_url" not in settings.model_fields_set:
        url = f"http://127.0.0.1:{port}"
        settings = settings.model_copy(update={"public_url": url})
    with clear_errors(), ExitStack() as stack:
        url = stack.enter_context(embedded_database(settings.data, settings.pg_bindir))
        (settings.data / "public_url").write_text(settings.public_url)
        settings = settings.with_database(url)
        keyring = ensure_keyring(settings)
        configure_logs(settings.log_level)
        asyncio.run(upgrade(url))
        remembered = settings.data / "demo.json"
        parties = asyncio.run(welcome(settings, keyring, port, read_parties(remembered)))
        write_parties(remembered, parties)
        # uvicorn ends the process itself on SIGTERM, so the database is stopped in the lifespan.
        app = create_app(settings, keyring, on_stop=stack.close)
        uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")


def require_port(port: int) -> None:
    """Raises typer.Exit with a clear message when the port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise fail(f"port {port} can't be used ({error.strerror}); try --port") from None


def forget(data: Path) -> None:
    """Empties a data directory of ours, after stopping its database."""
    if not data.exists():
        return
    if any(data.iterdir()) and not any((data / name).exists() for name in OWN):
        raise fail(f"{data} does not look like a data directory of vitalkeep; nothing was removed")
    with clear_errors(), embedded_database(data):
        pass
    for path in data.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


async def welcome(
    settings: Settings, keyring: DirectoryKeyring, port: int, parties: world.Parties | None
) -> world.Parties:
    """Seeds the demo world if it is not there yet; prints where to look and tokens to try."""
    app = create_app(settings, keyring)
    if parties is None:
        async with app.state.engine.begin() as connection:
            parties = await world.add_parties(connection, keyring)
        await world.furnish(app, parties)
    async with app.state.engine.begin() as connection:
        nurse = await world.staff_token(
            connection, keyring, settings, world.NURSE_EMAIL, parties.client_id
        )
    async with inside_client(app) as client:
        person = await world.person_token(client, parties)
    await app.state.engine.dispose()
    base = f"http://127.0.0.1:{port}"
    console.print(f"\n[bold]vitalkeep[/bold] at {base}   explorer: {base}/docs\n")
    answer(
        {
            "app id": parties.client_id,
            "app secret": parties.client_secret,
            "organization": parties.organization_id,
            "person token": person,
            "nurse token": nurse,
        },
        as_json=False,
    )
    console.print("\nThe tokens are good for 15 minutes; `vitalkeep token --help` makes more.\n")
    return parties


def read_parties(remembered: Path) -> world.Parties | None:
    """The parties of a demo world that was seeded before."""
    if not remembered.exists():
        return None
    found = json.loads(remembered.read_text())
    secret = found.pop("client_secret")
    return world.Parties(
        client_secret=secret, **{name: UUID(value) for name, value in found.items()}
    )


def write_parties(remembered: Path, parties: world.Parties) -> None:
    """Remembers the demo world's parties, the app's secret too, for the owner only."""
    remembered.touch(mode=0o600)
    remembered.write_text(json.dumps(asdict(parties), default=str))


def serve(
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option()] = 8000,
    workers: Annotated[int, typer.Option(help="Processes; one for each core.", min=1)] = 1,
) -> None:
    """Serve in production: needs VITALKEEP_DATABASE_URL and VITALKEEP_KEYRING."""
    with clear_errors():
        production_settings()
    uvicorn.run(
        "vitalkeep.cli.server:production_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        log_level="warning",
    )


def production_settings() -> tuple[Settings, DirectoryKeyring]:
    """Settings and keyring of a production process; exits with what is missing."""
    settings = Settings()
    if settings.database_url is None:
        raise fail("set VITALKEEP_DATABASE_URL; for an embedded database use `vitalkeep dev`")
    if settings.keyring is None:
        raise fail(
            "set VITALKEEP_KEYRING to the keyring's directory; `vitalkeep keys init` makes it"
        )
    return settings, DirectoryKeyring(settings.keyring)


def production_app() -> FastAPI:
    """The application of one worker process."""
    settings, keyring = production_settings()
    configure_logs(settings.log_level)
    return create_app(settings, keyring)


def migrate(data: Data = None, as_json: AsJson = False) -> None:
    """Bring the database to the newest migration; safe to run again."""
    settings = load_settings(data)
    with clear_errors(), ExitStack() as stack:
        url = settings.database_url or stack.enter_context(
            embedded_database(settings.data, settings.pg_bindir)
        )
        asyncio.run(upgrade(url))
    answer({"migrated": True}, as_json=as_json)
