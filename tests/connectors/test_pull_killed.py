"""A quick `python -m bench --pull`: a worker is killed in mid-pull, and another one goes on."""

import secrets
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import text

from bench.pulling import pull_and_kill
from tests.cli.serving import free_port


async def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    app: FastAPI, tmp_path: Path
) -> None:
    name = f"pulled_{secrets.token_hex(4)}"
    engine = app.state.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    url = app.state.engine.url.set(database=name).render_as_string(hide_password=False)
    try:
        done = await pull_and_kill(
            tmp_path, url, port=free_port(), days=9, samples=10_000, kill_after=2
        )
    finally:
        async with engine.connect() as connection:
            await connection.execute(text(f"DROP DATABASE {name}"))
    assert 0 < done.before_the_kill < done.samples
    assert done.samples > 500
    assert 20 < done.megabytes < 300
