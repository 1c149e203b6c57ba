"""Rotations that end anywhere: everybody still reads, and the next one finishes the work."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.cli.commands import AS_A_SCRIPT, environment, run_json
from tests.erasure.epochs_world import EpochsWorld, furnish, open_epochs_world, require_readable
from tests.erasure.traces import left
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.erasure import epochs
from vitalkeep.erasure.epochs import rotate

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("made", "registered", "rewrapped", "rewrapped", "retired", "backed up", "destroyed")
"""Of a rotation of up to four persons in batches of two."""


class Died(Exception):
    """The process ends here."""


@pytest_asyncio.fixture(scope="module")
async def world(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    directory = tmp_path_factory.mktemp("killed") / "keyring"
    async with open_epochs_world(app.state.engine, directory) as opened:
        await furnish(opened, 3)
        yield opened


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epochs, "BATCH", 2)
    monkeypatch.setattr("vitalkeep.erasure.key_backup.BATCH", 2)


async def require_finished(world: EpochsWorld) -> None:
    """One master key, one backup, and everybody under it."""
    (epoch,) = set((await world.epochs()).values())
    assert world.masters() == {f"master-{epoch}.key"}
    assert world.backups() == {f"persons-{epoch}.keys"}


async def test_the_steps_are_those_that_are_tried_here(world: EpochsWorld) -> None:
    told: list[str] = []
    await rotate(world.engine, world.keyring, lambda step, _done, _total: told.append(step))
    assert tuple(told) == STEPS


@pytest.mark.parametrize("last", range(1, len(STEPS) + 1))
async def test_an_end_at_any_step_loses_nobody_and_is_made_good(
    world: EpochsWorld, last: int
) -> None:
    (person,) = (await furnish(world, 1)).items()
    told: list[str] = []

    def die(step: str, _done: int, _total: int) -> None:
        told.append(step)
        if len(told) == last:
            raise Died

    with pytest.raises(Died):
        await rotate(world.engine, DirectoryKeyring(world.directory), die)
    await require_readable(dict([person]))
    new = await furnish(world, 1)
    cut_off = max(DirectoryKeyring(world.directory).epochs())
    done = await rotate(world.engine, DirectoryKeyring(world.directory))
    # What was begun is finished, not begun anew; after the last step there was nothing left of it.
    assert done.epoch == cut_off + (told[-1] == "destroyed")
    await require_finished(world)
    await require_readable(dict([person]) | new)
    for each in (person[1], *new.values()):
        await left(each)


@pytest.mark.parametrize("last", range(1, len(STEPS) + 1))
async def test_kill_9_of_the_command_at_any_step_loses_nobody(
    world: EpochsWorld, last: int
) -> None:
    persons = await furnish(world, 1)
    died = subprocess.run(  # noqa: ASYNC221 - nothing else is to happen meanwhile
        [sys.executable, "-m", "tests.erasure.killed_rotation", str(last), "keys", "rotate"],
        env={**environment(**world.variables), "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=ROOT,
        check=False,
        timeout=60,
    )
    assert died.returncode == -signal.SIGKILL
    await require_readable(persons)
    await rotate(world.engine, DirectoryKeyring(world.directory))
    await require_finished(world)
    await require_readable(persons)
    for person in persons.values():
        await left(person)


async def test_kill_9_from_outside_is_made_good_by_the_same_command(world: EpochsWorld) -> None:
    persons = await furnish(world, 2)
    for delay_s in (0.9, 1.2, 1.5):
        command = [*AS_A_SCRIPT, "keys", "rotate"]
        started = subprocess.Popen(  # noqa: ASYNC220
            command, env=environment(**world.variables), stdout=subprocess.DEVNULL
        )
        try:
            started.wait(timeout=delay_s)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait(timeout=60)
        await require_readable(persons)
    done = run_json("keys", "rotate", **world.variables)
    assert done.keys() >= {"epoch", "rewrapped", "destroyed", "seconds"}
    await require_finished(world)
    await require_readable(persons)
    for person in persons.values():
        await left(person)
