"""Which database a command works on, `migrate` and `serve`; what is wrong is said in one line."""

import secrets
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.cli.commands import AS_A_MODULE, call, environment, refusal, run, run_json
from tests.cli.serving import first_answer, free_port
from vitalkeep.base.keys import init_keyring


@pytest.fixture
async def empty(app: FastAPI, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """The variables of a new, empty database and a new keyring."""
    name = f"empty_{secrets.token_hex(4)}"
    engine = app.state.engine.execution_options(isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    init_keyring(tmp_path / "keyring")
    url = app.state.engine.url.set(database=name).render_as_string(hide_password=False)
    yield {"VITALKEEP_DATABASE_URL": url, "VITALKEEP_KEYRING": str(tmp_path / "keyring")}
    async with engine.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name}"))


async def test_commands_ask_for_migrations_and_migrate_brings_them(empty: dict[str, str]) -> None:
    said = refusal(call("client", "add", "A", **empty))
    assert said == "the database lacks migrations: run `vitalkeep migrate`"
    assert run_json("migrate", **empty) == {"migrated": True}
    assert call("migrate", **empty).stdout == "migrated  True\n"
    assert call("client", "add", "A", **empty).exit_code == 0


def test_migrate_also_serves_the_embedded_database(tmp_path: Path) -> None:
    assert run_json("migrate", "--data", tmp_path / "data") == {"migrated": True}
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()


def test_a_database_that_does_not_answer_is_reported_in_one_line(tmp_path: Path) -> None:
    init_keyring(tmp_path)
    away = f"postgresql://keep:secret-word@127.0.0.1:{free_port()}/keep"
    theirs = {"VITALKEEP_DATABASE_URL": away, "VITALKEEP_KEYRING": str(tmp_path)}
    refused = run("client", "add", "A", **theirs)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "VITALKEEP_DATABASE_URL can't be reached" in refused.stderr
    assert "VITALKEEP_DATABASE_URL can't be reached" in refusal(call("migrate", **theirs))


async def test_a_database_that_does_not_exist_is_named(empty: dict[str, str]) -> None:
    empty["VITALKEEP_DATABASE_URL"] = empty["VITALKEEP_DATABASE_URL"].replace("empty_", "no_")
    assert "does not exist" in refusal(call("migrate", **empty))


@pytest.mark.parametrize("url", ["nonsense", "mysql://h/d"])
def test_a_url_that_is_none_of_postgresql_is_refused(tmp_path: Path, url: str) -> None:
    init_keyring(tmp_path)
    theirs = {"VITALKEEP_DATABASE_URL": url, "VITALKEEP_KEYRING": str(tmp_path)}
    said = refusal(call("client", "add", "A", **theirs))
    assert said == "VITALKEEP_DATABASE_URL: it has to begin with postgresql://"


def test_an_impossible_setting_is_named_by_its_variable() -> None:
    said = refusal(call("client", "add", "A", VITALKEEP_POOL_SIZE="many"))
    assert said.startswith("VITALKEEP_POOL_SIZE: ")


def test_a_data_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert str(tmp_path / "file") in refusal(call("migrate", "--data", tmp_path / "file" / "data"))


def test_serve_says_which_setting_is_missing(tmp_path: Path) -> None:
    url = {"VITALKEEP_DATABASE_URL": "postgresql://127.0.0.1:1/x"}
    assert "set VITALKEEP_DATABASE_URL" in refusal(call("serve"))
    assert "set VITALKEEP_KEYRING" in refusal(call("serve", **url))
    assert "no keyring in" in refusal(call("serve", **url, VITALKEEP_KEYRING=tmp_path))


def test_serve_is_ready_once_the_database_is_migrated(empty: dict[str, str]) -> None:
    port = free_port()
    command = [*AS_A_MODULE, "serve", "--port", str(port)]
    with subprocess.Popen(command, env=environment(**empty), cwd="/") as server:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                unready = first_answer(client, server)
                assert unready.status_code == 503
                assert "vitalkeep migrate" in unready.json()["detail"]
                assert call("migrate", **empty).exit_code == 0
                assert client.get("/readyz").json() == {"status": "ready"}
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 128 + signal.SIGTERM
