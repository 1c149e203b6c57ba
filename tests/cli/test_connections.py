"""`vitalkeep connections move`: what it says, and what it does not take."""

from pathlib import Path

import pytest

from tests.cli.commands import call, run_json

MOVE = ("connections", "move", "--from", "google-fit", "--to", "google-health")


def test_where_nobody_is_connected_nobody_is_asked_to_move(data: Path) -> None:
    none = {"connections": 0, "marked": 0, "marked_before": 0}
    moved = {"from": "google-fit", "to": "google-health", **none}
    assert run_json(*MOVE, "--data", data) == {**moved, "dry_run": False}
    said = call(*MOVE, "--dry-run", "--data", data)
    assert (said.exit_code, "marked  0" in said.stdout) == (0, True)


@pytest.mark.parametrize("way", [("google-health", "google-fit"), ("fitbit", "google-health")])
def test_the_only_way_is_from_fit_to_health(way: tuple[str, str]) -> None:
    assert call("connections", "move", "--from", way[0], "--to", way[1]).exit_code == 2
