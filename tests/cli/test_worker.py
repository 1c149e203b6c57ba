"""`vitalkeep worker`: what it needs, one round, and how it ends."""

import json
import signal
import subprocess
from pathlib import Path

import httpx

from tests.cli.commands import AS_A_MODULE, call, environment, refusal, run_json
from tests.cli.serving import PATIENCE_S, first_answer, free_port, next_line
from vitalkeep.base import devdb

TASKS = [
    *("finish_erasures", "forget_erased", "purge_tombstones", "rotate_keys", "expire_consents"),
    *("delete_frozen", "sweep_retention", "send_notices", "settle_erasures"),
    *("purge_notices", "pull_connections"),
]


def test_one_round_says_what_each_task_did(data: Path) -> None:
    assert run_json("worker", "--once", "--data", data) == dict.fromkeys(TASKS, 0)
    told = call("worker", "--once", "--data", data)
    assert told.exit_code == 0
    assert [line.split() for line in told.stdout.splitlines()] == [[name, "0"] for name in TASKS]


def test_without_a_database_or_keyring_it_refuses_like_serve(tmp_path: Path) -> None:
    assert "VITALKEEP_DATABASE_URL" in refusal(call("worker", "--once"))
    url = "postgresql://nobody@/none?host=/nowhere"
    assert "VITALKEEP_KEYRING" in refusal(call("worker", "--once", VITALKEEP_DATABASE_URL=url))
    keyring = tmp_path / "keyring"
    assert "keyring" in refusal(
        call("worker", "--once", VITALKEEP_DATABASE_URL=url, VITALKEEP_KEYRING=keyring)
    )


def test_a_database_that_is_away_ends_one_round_with_a_clear_error(data: Path) -> None:
    keyring = data / "keyring"
    run_json("worker", "--once", "--data", data)
    refused = call(
        "worker", "--once",
        VITALKEEP_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none", VITALKEEP_KEYRING=keyring,
    )  # fmt: skip
    assert "can't be reached" in refusal(refused)


def test_it_runs_at_start_and_sigterm_ends_it_in_order(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    with subprocess.Popen(
        [*AS_A_MODULE, "worker", "--data", str(data), "--metrics-port", str(port), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        cwd="/",
    ) as process:
        try:
            assert json.loads(next_line(process)) == {"tasks": TASKS}
            lines = [json.loads(next_line(process)) for _ in TASKS]
            done = [(each["event"], each["task"], each["rows"]) for each in lines]
            assert sorted(done) == sorted(("task_done", name, 0) for name in TASKS)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                first_answer(client, process)
                exposed = client.get("/metrics").text
            for name in TASKS:
                run = f'vitalkeep_task_runs_total{{outcome="done",task="{name}"}} 1.0'
                assert run in exposed
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=PATIENCE_S) == 0
        finally:
            process.kill()
    assert devdb.find_running(data) is None
