"""Commands that serve: `dev` on the embedded database, `serve` in production, and `migrate`."""

import asyncio
import json
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
import uvicorn
from fastapi import FastAPI

from vitalkeep.base.embedded import embedded_database, forget
from vitalkeep.base.keyrings import open_keyring
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.logs import configure_logs
from vitalkeep.base.migrate import upgrade
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.pgprocess import locked
from vitalkeep.base.settings import Settings
from vitalkeep.cli.application import build_app
from vitalkeep.cli.check import require_forgetful
from vitalkeep.cli.database import ensure_keyring, load_settings, read_settings
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, console, fail
from vitalkeep.demo import world
from vitalkeep.persons.clients import find_client
from vitalkeep.worker import work

SEED_TIMEOUT_S = 120.0
WORKER_START_S = 60
"""Until then a process of several may be coming up: after five seconds uvicorn would kill it, and
on a busy machine all of them for ever."""
SHOWN = {
    "app id": "client_id",
    "app secret": "client_secret",
    "organization": "organization_id",
    "person token": "person_token",
    "nurse token": "staff_token",
}


def dev(
    port: Annotated[
        int, typer.Option(help="Port on the loopback address.", min=1, max=65535)
    ] = 8000,
    data: Data = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget everything first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start the embedded PostgreSQL, migrate, seed a demo world once, and serve."""
    require_port(port)
    settings = read_settings(data)
    base = f"http://127.0.0.1:{port}"
    if "public_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"public_url": base})
    with clear_errors(), ExitStack() as stack:
        if reset:
            forget(settings.data)
        url = stack.enter_context(embedded_database(settings.data, settings.pg_bindir))
        (settings.data / "public_url").write_text(settings.public_url)
        settings = settings.with_database(url)
        keyring = ensure_keyring(settings)
        configure_logs("warning")  # the seeding's own requests are nobody's business
        asyncio.run(upgrade(url))
        require_forgetful(settings)
        with locked(settings.data / "demo.lock", timeout_s=SEED_TIMEOUT_S):
            welcome(asyncio.run(seed(settings, keyring)), base, as_json=as_json)
        configure_logs(settings.log_level)
        # The database goes with the application: Ctrl-C twice ends uvicorn before its lifespan.
        app = build_app(settings, keyring, alongside=work, on_stop=stack.close)
        uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")


def require_port(port: int) -> None:
    """Raises typer.Exit with a clear message when the port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise fail(f"port {port} can't be used ({error.strerror}); try --port") from None


async def seed(settings: Settings, keyring: DirectoryKeyring) -> dict[str, object]:
    """Seeds the demo world, or finishes seeding it; its parties, with new tokens."""
    app = build_app(settings, keyring)
    remembered = settings.data / "demo.json"
    parties, furnished = recall(remembered)
    try:
        async with app.state.engine.begin() as connection:
            # What was remembered may not have been committed, or the database be a new one.
            known = parties and await find_client(connection, str(parties.client_id))
            if parties is None or known is None:
                parties, furnished = await world.add_parties(connection, keyring), False
                remember(remembered, parties, furnished=False)
        if not furnished:
            await world.furnish(app, parties)
            remember(remembered, parties, furnished=True)
        async with app.state.engine.begin() as connection:
            nurse = await world.staff_token(
                connection, keyring, settings, world.NURSE_EMAIL, parties.client_id
            )
        async with inside_client(app) as client:
            person = await world.person_token(client, parties)
    finally:
        await app.state.engine.dispose()
    return {**asdict(parties), "person_token": person, "staff_token": nurse}


def recall(remembered: Path) -> tuple[world.Parties | None, bool]:
    """The parties of the demo world, if any, and whether it was furnished to the end."""
    if not remembered.exists():
        return None, False
    found = json.loads(remembered.read_text())
    ids = {name: UUID(found[name]) for name in ("client_id", "organization_id", "staff_id")}
    return world.Parties(client_secret=found["client_secret"], **ids), found.get("furnished", True)


def remember(remembered: Path, parties: world.Parties, *, furnished: bool) -> None:
    """Keeps the demo world's parties; `demo.env` has the app's id and secret for a shell."""
    document = {**asdict(parties), "furnished": furnished}
    write_private(remembered, json.dumps(document, default=str))
    variables = f"CLIENT_ID={parties.client_id}\nCLIENT_SECRET={parties.client_secret}\n"
    write_private(remembered.with_suffix(".env"), variables)


def write_private(path: Path, content: str) -> None:
    """Replaces a file that only its owner may read; it appears whole or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(content)
    unfinished.replace(path)


def welcome(seeded: Mapping[str, object], base: str, *, as_json: bool) -> None:
    """Prints where to look and tokens to try."""
    if as_json:
        answer({"url": base, "explorer": f"{base}/docs", **seeded}, as_json=True)
        return
    console.print(f"\n[bold]vitalkeep[/bold] at {base}   explorer: {base}/docs\n")
    answer({label: seeded[name] for label, name in SHOWN.items()}, as_json=False)
    console.print("\nThe tokens are good for 15 minutes; `vitalkeep token --help` makes more.\n")


def serve(
    host: Annotated[str, typer.Option()] = "127.0.0.1",
    port: Annotated[int, typer.Option()] = 8000,
    workers: Annotated[int, typer.Option(help="Processes; one for each core.", min=1)] = 1,
) -> None:
    """Serve in production: needs VITALKEEP_DATABASE_URL and VITALKEEP_KEYRING."""
    with clear_errors():
        require_forgetful(production_settings()[0])
    uvicorn.run(
        "vitalkeep.cli.server:production_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        timeout_worker_healthcheck=WORKER_START_S,
        access_log=False,
        log_level="warning",
    )


def production_settings() -> tuple[Settings, DirectoryKeyring]:
    """Settings and keyring of a production process; exits with what is missing."""
    settings = read_settings()
    if settings.database_url is None:
        raise fail("set VITALKEEP_DATABASE_URL; for an embedded database use `vitalkeep dev`")
    if settings.keyring is None:
        raise fail(
            "set VITALKEEP_KEYRING to the keyring's directory; `vitalkeep keys init` makes it"
        )
    return settings, open_keyring(settings)


def production_app() -> FastAPI:
    """The application of one worker process."""
    settings, keyring = production_settings()
    configure_logs(settings.log_level)
    return build_app(settings, keyring)


def migrate(data: Data = None, as_json: AsJson = False) -> None:
    """Bring the database to the newest migration; safe to run again."""
    settings = load_settings(data)
    with clear_errors(), ExitStack() as stack:
        url = settings.database_url or stack.enter_context(
            embedded_database(settings.data, settings.pg_bindir)
        )
        asyncio.run(upgrade(url))
    answer({"migrated": True}, as_json=as_json)
