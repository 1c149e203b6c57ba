"""The stand-in changed from outside, in this process and in one of its own."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.serving import free_port
from tests.google.connecting import NOON, Visitor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def address() -> Iterator[str]:
    """Where a process of its own listens."""
    port = free_port()
    command = [sys.executable, "-m", "tests.google", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        assert listens(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def listens(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Waits until it does, a minute at the most."""
    for _ in range(600):
        try:
            return httpx.get(f"{url}/world").status_code == 200
        except httpx.ConnectError:
            assert process.poll() is None
            time.sleep(0.1)
    return False


async def test_a_scenario_changes_the_world(visitor: Visitor) -> None:
    tokens = await visitor.connect()
    at = NOON.isoformat()
    steps = [
        {"do": "generate_heart_rate", "api": "fit", "samples": 1000},
        {"do": "add_point", "api": "fit", "data_type": "com.google.weight", "start": at,
         "values": [70.5]},
        {"do": "add_point", "api": "health", "data_type": "weight", "start": at,
         "values": [70500]},
        {"do": "duplicate_points", "api": "health", "data_type": "weight", "start": at,
         "end": "2026-11-21T00:00:00Z"},
        {"do": "add_sleep", "api": "health", "start": at, "end": "2026-11-20T20:00:00Z"},
        {"do": "sign_in", "user": "jiro@jp.example"},
        {"do": "agree", "agrees": "none", "user": "jiro@jp.example"},
        {"do": "fail_next", "kind": "oauth.token", "how": {"status": 500}},
        {"do": "limit", "fit": 1},
        {"do": "expire_access_tokens"},
    ]  # fmt: skip
    done = (await visitor.http.post("/world", json={"steps": steps})).json()
    assert done["users"][0]["fit_points"] == {"com.google.weight": 1, "generated": 1000}
    assert done["users"][0]["health_points"] == {"weight": 2, "sleep": 1}
    assert (visitor.world.signed_in.email, visitor.world.signed_in.agrees) == (
        "jiro@jp.example",
        "none",
    )
    assert (await visitor.refresh(tokens["refresh_token"])).status_code == 500
    assert (await visitor.fit("/dataSources")).status_code == 401
    calls = (await visitor.http.get("/world/calls", params={"kind": "oauth"})).json()
    assert [call["status"] for call in calls] == [302, 200, 500]
    wrong = {"steps": [{"do": "break"}]}
    assert (await visitor.http.post("/world", json=wrong)).status_code == 422


def test_a_process_of_its_own_can_be_driven(address: str) -> None:
    beats = {"do": "generate_heart_rate", "api": "fit"}
    silent = {"do": "fail_next", "kind": "certs", "how": {"body": "timeout", "seconds": 30}}
    with httpx.Client(base_url=address, timeout=60) as client:
        done = client.post("/world", json={"steps": [beats, silent]}).json()
        assert done["users"][0]["fit_points"] == {"generated": 230_000}
        with pytest.raises(httpx.ReadTimeout):
            client.get("/oauth2/v1/certs", timeout=0.2)
        assert client.get("/oauth2/v1/certs").status_code == 200
        assert client.get("/world").json()["calls"] == {"certs.x509": 2}
