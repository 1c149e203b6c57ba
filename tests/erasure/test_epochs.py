"""Rotation: everybody alive reads on, the old master key is gone, and no key is ever lost."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import text

from tests.care.sql import run_sql
from tests.erasure.epochs_world import (
    EpochsWorld,
    furnish,
    open_epochs_world,
    read,
    require_readable,
)
from tests.erasure.traces import left
from tests.records.waiting import waiters
from vitalkeep.base.keys import DirectoryKeyring, KeyringError
from vitalkeep.erasure import epochs
from vitalkeep.erasure.epochs import EpochInUse, RotationUnderWay, rotate
from vitalkeep.persons.sign_in import sign_in

pytestmark = pytest.mark.xdist_group("epochs")  # one keyring for all, in this order


@pytest_asyncio.fixture(scope="module")
async def world(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    directory = tmp_path_factory.mktemp("epochs") / "keyring"
    async with open_epochs_world(app.state.engine, directory) as opened:
        yield opened


async def wrapped_keys(world: EpochsWorld) -> dict[str, tuple[int, bytes]]:
    rows = await run_sql(world.app, "SELECT person_id, epoch, wrapped_key FROM person_keys")
    return {str(row[0]): (row[1], row[2]) for row in rows}


async def test_everybody_reads_on_without_a_restart_and_the_old_master_key_is_gone(
    world: EpochsWorld,
) -> None:
    persons = await furnish(world, 3)
    before, first = await wrapped_keys(world), world.keyring.epoch
    done = await rotate(world.engine, world.keyring)
    assert (done.epoch, done.destroyed) == (first + 1, [first])
    assert done.rewrapped == done.persons == len(before)
    assert set((await world.epochs()).values()) == {first + 1}
    assert world.masters() == {f"master-{first + 1}.key"}
    # The application still has the keyring that it read at its start.
    await require_readable(persons)
    for person in persons.values():
        assert (await person.push(world.make.record()))["counts"]["created"] == 1
        epoch, wrapped = before[str(person.id)]
        with pytest.raises(KeyringError, match="not in the keyring"):
            DirectoryKeyring(world.directory).unwrap(epoch, wrapped, person.id)


async def test_a_new_person_is_wrapped_under_the_newest_epoch_at_once(world: EpochsWorld) -> None:
    persons = await furnish(world, 2)
    held = next(iter(persons.values())).id
    async with world.engine.connect() as other, other.begin():
        lock = text("SELECT FROM person_keys WHERE person_id = :id FOR UPDATE")
        await other.execute(lock, {"id": held})
        rotating = asyncio.create_task(rotate(world.engine, world.keyring))
        await waiters(world.make)
        persons |= await furnish(world, 2)
        newest = (await world.epochs())[list(persons.values())[-1].id]
    done = await rotating
    assert done.epoch == newest
    assert set((await world.epochs()).values()) == {newest}
    await require_readable(persons)


async def test_a_sign_in_that_began_under_the_old_epoch_is_not_lost(world: EpochsWorld) -> None:
    state, sender = world.app.state, await world.make.app()
    persons = await furnish(world, 1)

    async with world.engine.connect() as slow, slow.begin():
        person_id, _ = await sign_in(slow, state.keyring, state.settings, str(sender.id), "slow")
        old = world.keyring.epoch
        rotating = asyncio.create_task(rotate(world.engine, world.keyring))
        await waiters(world.make)
        assert f"master-{old}.key" in world.masters()
    done = await rotating
    assert (await world.epochs())[person_id] == done.epoch
    assert old in done.destroyed
    epoch, wrapped = (await wrapped_keys(world))[str(person_id)]
    assert len(DirectoryKeyring(world.directory).unwrap(epoch, wrapped, person_id)) == 32
    await require_readable(persons)


async def test_who_leaves_in_the_middle_stays_gone(world: EpochsWorld) -> None:
    persons = await furnish(world, 3)
    leaver = persons.pop(next(iter(persons)))
    async with world.engine.connect() as other, other.begin():
        lock = text("SELECT FROM person_keys WHERE person_id = :id FOR UPDATE")
        await other.execute(lock, {"id": leaver.id})
        rotating = asyncio.create_task(rotate(world.engine, world.keyring))
        await waiters(world.make)
        await other.execute(text("DELETE FROM persons WHERE person_id = :id"), {"id": leaver.id})
    await rotating
    assert leaver.id not in await world.epochs()
    assert (await read(leaver)).status_code == 401
    await require_readable(persons)


async def test_of_two_rotations_at_once_one_steps_back(world: EpochsWorld) -> None:
    persons = await furnish(world, 2)
    other = DirectoryKeyring(world.directory)
    answers = await asyncio.gather(
        rotate(world.engine, world.keyring), rotate(world.engine, other), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {epochs.Rotation, RotationUnderWay}
    await require_readable(persons)


async def test_two_rotations_that_know_nothing_of_each_other_do_no_harm(
    world: EpochsWorld,
) -> None:
    async def alive() -> None:
        return None

    persons = await furnish(world, 4)
    keyrings = [DirectoryKeyring(world.directory) for _ in range(2)]
    chosen = [(await epochs.choose_epoch(world.engine, keyrings[0]))[0]]
    chosen.append(keyrings[1].new_epoch())
    assert chosen[0] != chosen[1]
    moves = [
        epochs.move_to(world.engine, keyring, epoch, epochs.tell_nobody, alive)
        for keyring, epoch in zip(keyrings, chosen, strict=True)
    ]
    await asyncio.gather(*moves, return_exceptions=True)
    await require_readable(persons)
    await rotate(world.engine, world.keyring)
    await require_readable(persons)
    assert len(world.masters()) == 1


async def test_an_epoch_that_wraps_a_living_persons_key_is_never_destroyed(
    world: EpochsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = await furnish(world, 2)
    old = world.keyring.epoch
    monkeypatch.setattr(epochs, "REWRAP", epochs.REWRAP + "AND false")
    with pytest.raises(EpochInUse, match="still wrapped by older epochs"):
        await rotate(world.engine, world.keyring)
    assert f"master-{old}.key" in world.masters()
    await require_readable(persons)
    monkeypatch.undo()
    assert old in (await rotate(world.engine, world.keyring)).destroyed
    await require_readable(persons)


async def test_a_key_that_does_not_open_stops_the_rotation_before_anything_is_destroyed(
    world: EpochsWorld,
) -> None:
    persons = await furnish(world, 2)
    broken = next(iter(persons.values())).id
    old, kept = world.keyring.epoch, (await wrapped_keys(world))[str(broken)][1]
    change = "UPDATE person_keys SET wrapped_key = :key WHERE person_id = :id"
    await run_sql(world.app, change, key=bytes(48), id=broken)
    with pytest.raises(KeyringError, match="it was changed"):
        await rotate(world.engine, world.keyring)
    assert f"master-{old}.key" in world.masters()
    await run_sql(world.app, change, key=kept, id=broken)
    await rotate(world.engine, world.keyring)
    await require_readable(persons)


async def test_many_persons_are_moved_page_by_page(
    world: EpochsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = await furnish(world, 5)
    monkeypatch.setattr(epochs, "BATCH", 2)
    monkeypatch.setattr("vitalkeep.erasure.key_backup.BATCH", 2)
    told: list[tuple[str, int, int]] = []
    done = await rotate(world.engine, world.keyring, lambda *step: told.append(step))
    living = len(await world.epochs())
    assert done.rewrapped == done.persons == living
    moved = [done for step, done, _ in told if step == "rewrapped"]
    assert moved == [*range(2, living, 2), living]
    assert {total for step, _, total in told if step == "rewrapped"} == {living}
    await require_readable(persons)


async def test_the_backup_has_everybody_alive_and_replaces_the_older(world: EpochsWorld) -> None:
    persons = await furnish(world, 2)
    leaver = persons.pop(next(iter(persons)))
    await rotate(world.engine, world.keyring)
    await left(leaver)
    done = await rotate(world.engine, world.keyring)
    assert world.backups() == {f"persons-{done.epoch}.keys"}
    mode = (world.directory / f"persons-{done.epoch}.keys").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    kept = [key for keys in world.keyring.read_backup() for key in keys]
    assert {str(key[0]): key[1:] for key in kept} == await wrapped_keys(world)
    assert leaver.id not in {key[0] for key in kept}


async def test_without_a_whole_backup_no_master_key_goes(
    world: EpochsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    persons = await furnish(world, 1)
    await rotate(world.engine, world.keyring)
    old = world.keyring.epoch

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vitalkeep.base.key_table.make_durable", full)
    with pytest.raises(OSError, match="No space left"):
        await rotate(world.engine, world.keyring)
    assert f"master-{old}.key" in world.masters()
    assert world.backups() == {f"persons-{old}.keys"}
    await require_readable(persons)
    monkeypatch.undo()
    assert old in (await rotate(world.engine, world.keyring)).destroyed


async def test_a_killed_writers_leftovers_go_with_the_key(world: EpochsWorld) -> None:
    old = world.keyring.epoch
    for name in (f".master-{old}.key.0badcafe", f".persons-{old}.keys.0badcafe"):
        (world.directory / name).write_bytes(b"a copy")
    done = await rotate(world.engine, world.keyring)
    assert world.masters() == {f"master-{done.epoch}.key"}
    assert world.backups() == {f"persons-{done.epoch}.keys"}


async def test_a_database_that_lacks_the_backups_persons_is_refused(
    world: EpochsWorld, app: FastAPI, tmp_path: Path
) -> None:
    await furnish(world, 1)
    await rotate(world.engine, world.keyring)
    before = world.masters()
    async with open_epochs_world(app.state.engine, tmp_path / "keyring") as stranger:
        with pytest.raises(KeyringError, match="belongs to another database"):
            await rotate(stranger.engine, world.keyring)
    assert world.masters() == before
