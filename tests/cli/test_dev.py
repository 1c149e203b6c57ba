"""`vitalkeep dev`: what it serves, how it ends, and what it finds again after any end."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.commands import AS_A_SCRIPT, environment, run, run_json
from tests.cli.serving import (
    Dev,
    can_run_us,
    dev,
    first_answer,
    free_port,
    is_stopped,
    kill_database,
    next_line,
    remove,
    stop_database,
)
from tests.make import Make
from vitalkeep.base import devdb

IS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory that `dev` has served before; each test leaves its database stopped."""
    data = tmp_path_factory.mktemp("dev") / "data"
    with dev(data) as first:
        first.end(signal.SIGTERM)
    yield data
    stop_database(data)


def records_of(served: Dev) -> list[str]:
    changes = served.get("/v1/me/changes?limit=1000")["changes"]
    return [change["record"]["id"] for change in changes]


def test_the_printed_tokens_work_and_sigterm_stops_the_database(seeded: Path) -> None:
    with dev(seeded) as served:
        assert len(records_of(served)) > 500
        (case,) = served.get("/v1/cases", served.printed["staff_token"])["cases"]
        assert len(case["scopes"]) == 10
        assert served.client.get("/docs").status_code == 200
        user = ("--client", served.printed["client_id"], "--person", "user-0001")
        token = run_json("token", *user, "--data", seeded)["access_token"]
        assert len(served.get("/v1/me/consents", token)["consents"]) == 20
        assert devdb.find_running(seeded) is not None
        assert served.end(signal.SIGTERM) == 128 + signal.SIGTERM
    assert is_stopped(seeded)


def test_without_json_it_tells_a_person_where_to_look_and_ctrl_c_ends_it(seeded: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        [*AS_A_SCRIPT, "dev", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(VITALKEEP_DATA=seeded, VITALKEEP_LOG_LEVEL="error"),
        cwd="/",
    ) as process:
        said = ""
        while "15 minutes" not in said:
            line = next_line(process)
            assert line, said
            said += line
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert first_answer(client, process).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert f"vitalkeep at http://127.0.0.1:{port}" in said
    for name in ("person token", "nurse token"):
        assert re.search(rf"^{name}  \S+\.\S+\.\S+$", said, re.MULTILINE)
    assert is_stopped(seeded)


def test_a_killed_server_s_database_is_taken_over_and_stopped_in_the_end(seeded: Path) -> None:
    with dev(seeded) as killed:
        pushed = killed.push(Make.record())
        killed.end(signal.SIGKILL)
    left = devdb.find_running(seeded)
    assert left is not None
    with dev(seeded) as heir:
        assert devdb.find_running(seeded) == left
        assert heir.get(f"/v1/me/records/{pushed}")["id"] == pushed
        heir.end(signal.SIGTERM)
    assert is_stopped(seeded)


def test_what_was_acknowledged_survives_a_kill_of_server_and_database(seeded: Path) -> None:
    with dev(seeded) as killed:
        before = records_of(killed)
        pushed = [killed.push(Make.record()) for _ in range(20)]
        kill_database(seeded)
        killed.end(signal.SIGKILL)
    with dev(seeded) as again:
        assert sorted(records_of(again)) == sorted([*before, *pushed])
        assert killed.printed["client_id"] == again.printed["client_id"]
        again.end(signal.SIGTERM)
    assert is_stopped(seeded)


def test_two_on_one_directory_share_it_and_the_last_one_stops_it(seeded: Path) -> None:
    with dev(seeded) as first, dev(seeded) as second:
        pushed = first.push(Make.record())
        refused = run("dev", "--reset", "--data", seeded, "--port", str(free_port()))
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "is in use" in refused.stderr
        first.end(signal.SIGTERM)
        assert second.get(f"/v1/me/records/{pushed}")["id"] == pushed
        second.end(signal.SIGTERM)
    assert is_stopped(seeded)


def test_a_taken_port_is_named_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run("dev", "--port", port, "--data", tmp_path / "data")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.fullmatch(rf"error: port {port} can't be used .*; try --port\n", refused.stderr)
    assert not (tmp_path / "data").exists()


def test_reset_forgets_the_data_and_begins_a_new_world(tmp_path: Path) -> None:
    with dev(tmp_path / "data") as old:
        pushed = old.push(Make.record())
        old.end(signal.SIGKILL)
    with dev(tmp_path / "data", "--reset") as new:
        assert old.printed["client_id"] != new.printed["client_id"]
        assert pushed not in records_of(new)
        stale = {"Authorization": f"Bearer {old.printed['person_token']}"}
        assert new.client.get("/v1/me", headers=stale).status_code == 401
        new.end(signal.SIGTERM)
    assert is_stopped(tmp_path / "data")


def test_an_ordinary_user_gets_a_server_of_their_own() -> None:
    """As root, by `nobody`; anyone else is an ordinary user already."""
    user = "nobody" if IS_ROOT and can_run_us("nobody") else None
    directory = Path(tempfile.mkdtemp(prefix="vitalkeep-test-"))
    try:
        if user:
            shutil.chown(directory, user)
        with dev(directory / "data", user=user) as served:
            assert len(records_of(served)) > 500
            assert served.end(signal.SIGTERM) == 128 + signal.SIGTERM
        assert is_stopped(directory / "data")
    finally:
        remove(directory)
