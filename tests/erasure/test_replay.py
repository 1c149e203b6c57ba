"""Restore drills: whoever had left and came back with a backup is erased again, and nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.cli.commands import call, refusal, run_json
from tests.erasure.epochs_world import EpochsWorld, furnish, open_epochs_world, require_readable
from tests.erasure.traces import left, list_rows, live, traces
from tests.make import Caller
from vitalkeep.base.db import Table, transaction
from vitalkeep.base.keys import DirectoryKeyring, KeyringError
from vitalkeep.erasure.epochs import rotate
from vitalkeep.erasure.journal_copy import (
    NAME,
    Entry,
    further,
    keep_copy,
    list_entries,
    read_journal,
    write_journal,
)
from vitalkeep.erasure.key_backup import restore_keys
from vitalkeep.erasure.replay import Replayed, replay


@pytest_asyncio.fixture
async def world(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    directory = tmp_path_factory.mktemp("replay") / "keyring"
    async with open_epochs_world(app.state.engine, directory) as opened:
        yield opened


async def set_aside(world: EpochsWorld) -> None:
    """A backup of every row of every table."""
    await run_sql(world.app, "CREATE SCHEMA aside")
    for table in Table.metadata.sorted_tables:
        await run_sql(world.app, f"CREATE TABLE aside.{table.name} AS TABLE {table.name}")


async def put_back(world: EpochsWorld) -> None:
    """The database as it was set aside, and the backup gone."""
    for table in reversed(Table.metadata.sorted_tables):
        await run_sql(world.app, f"DELETE FROM {table.name}")  # noqa: S608
    for table in Table.metadata.sorted_tables:
        names = ", ".join(column.name for column in table.columns)
        await run_sql(
            world.app,
            f"INSERT INTO {table.name} ({names}) SELECT {names} FROM aside.{table.name}",  # noqa: S608
        )
    await run_sql(world.app, "DROP SCHEMA aside CASCADE")


async def entries_of(world: EpochsWorld) -> list[Entry]:
    """The journal as it is in the database."""
    async with transaction(world.engine) as connection:
        return await list_entries(connection)


async def again(world: EpochsWorld, *entries: Entry, even_so: bool = False) -> Replayed:
    """A replay by a new process."""
    keyring = DirectoryKeyring(world.directory)
    settings = world.app.state.settings
    return await replay(world.engine, keyring, settings, entries, even_so=even_so)


async def erasure_of(world: EpochsWorld, done: dict[str, Any]) -> dict[str, Any]:
    """The erasure as its public page shows it."""
    answer = await world.make.client.get(f"/v1/erasures/{done['erasure_id']}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def rows_of(world: EpochsWorld, persons: dict[str, Caller]) -> dict[UUID, Any]:
    """Every row of these persons, as the database writes it."""
    return {each.id: await list_rows(world.app, each.id) for each in persons.values()}


async def test_whoever_left_after_the_backup_is_erased_again_and_the_others_are_untouched(
    world: EpochsWorld,
) -> None:
    survivors = await furnish(world, 2)
    life = await live(world.make)
    (plain,) = (await furnish(world, 1)).values()
    before = await rows_of(world, survivors)
    await set_aside(world)
    answers = [await left(life.person), await left(plain)]
    pages = [await erasure_of(world, each) for each in answers]
    journal = await entries_of(world)
    await put_back(world)
    assert len(await traces(world.app, life.ids)) > 10
    done = await again(world, *journal)
    deleted = [sum(p["certificate"]["statement"]["rows_deleted"].values()) for p in pages]
    assert done == Replayed(entered=2, erased=2, unreadable=0, rows_deleted=sum(deleted))
    assert await traces(world.app, [*life.ids, plain.id], life.person.external_id) == set()
    assert await rows_of(world, survivors) == before
    await require_readable(survivors)
    assert [await erasure_of(world, each) for each in answers] == pages
    assert await again(world, *journal) == Replayed()


async def test_without_a_copy_the_databases_own_journal_is_enough(world: EpochsWorld) -> None:
    survivors = await furnish(world, 2)
    (leaver,) = (await furnish(world, 1)).values()
    await set_aside(world)
    await left(leaver)
    journal = await entries_of(world)
    await put_back(world)
    write_journal(world.directory / NAME, journal)
    told = run_json("erasures", "replay", **world.variables)
    assert {**told, "seconds": 0, "rows_deleted": 0} == {
        "journaled": 1, "entered": 1, "erased": 1, "unreadable": 0, "rows_deleted": 0, "seconds": 0,
    }  # fmt: skip
    assert await traces(world.app, [leaver.id]) == set()
    await require_readable(survivors)


async def test_a_shredded_erasure_comes_back_with_both_certificates(world: EpochsWorld) -> None:
    survivors = await furnish(world, 2)
    (leaver,) = (await furnish(world, 1)).values()
    await set_aside(world)
    answer = await left(leaver)
    await rotate(world.engine, world.keyring)
    page = await erasure_of(world, answer)
    assert page["stage"] == "shredded"
    journal = await entries_of(world)
    await put_back(world)
    await restore_keys(world.engine, DirectoryKeyring(world.directory))
    assert (await again(world, *journal)).erased == 1
    assert await erasure_of(world, answer) == page
    await require_readable(survivors)
    # While unreadable rows were there this refused.
    await rotate(world.engine, DirectoryKeyring(world.directory))
    await require_readable(survivors)


async def test_a_key_that_came_back_readable_waits_for_the_newest_master_key(
    world: EpochsWorld,
) -> None:
    await furnish(world, 2)
    (leaver,) = (await furnish(world, 1)).values()
    await set_aside(world)
    answer = await left(leaver)
    journal = await entries_of(world)
    await put_back(world)
    await rotate(world.engine, world.keyring)  # moves whoever came back, too
    await again(world, *journal)
    assert [entry.epoch for entry in await entries_of(world)] == [2]
    assert (await erasure_of(world, answer))["stage"] == "erased"
    await rotate(world.engine, DirectoryKeyring(world.directory))
    assert (await erasure_of(world, answer))["stage"] == "shredded"


async def test_whoever_has_no_readable_key_is_erased_though_nobody_wrote_it_down(
    world: EpochsWorld,
) -> None:
    survivors = await furnish(world, 2)
    (leaver,) = (await furnish(world, 1)).values()
    await set_aside(world)
    await left(leaver)
    await rotate(world.engine, world.keyring)
    await put_back(world)
    with pytest.raises(KeyringError, match="run `vitalkeep keys restore` first"):
        await again(world)
    await restore_keys(world.engine, DirectoryKeyring(world.directory))
    before = await rows_of(world, survivors)
    done = await again(world)
    assert (done.entered, done.erased, done.unreadable) == (0, 0, 1)
    assert await traces(world.app, [leaver.id]) == set()
    assert await rows_of(world, survivors) == before
    await require_readable(survivors)
    (entry,) = await entries_of(world)
    assert entry.stage == "erased"
    assert await again(world) == Replayed()


async def test_a_journal_that_turns_up_after_that_brings_only_the_certificate(
    world: EpochsWorld,
) -> None:
    await furnish(world, 2)
    (leaver,) = (await furnish(world, 1)).values()
    await set_aside(world)
    answer = await left(leaver)
    await rotate(world.engine, world.keyring)
    journal = await entries_of(world)
    await put_back(world)
    await restore_keys(world.engine, DirectoryKeyring(world.directory))
    assert (await again(world)).unreadable == 1
    assert await again(world, *journal) == Replayed(entered=1)
    assert (await erasure_of(world, answer))["certificate"] == answer["certificate"]
    assert sorted(entry.sealed_person is None for entry in await entries_of(world)) == [False, True]


async def test_with_the_wrong_keyring_nobody_is_erased(world: EpochsWorld, tmp_path: Path) -> None:
    persons = await furnish(world, 3)
    old = {path.name: path.read_bytes() for path in world.directory.iterdir()}
    await rotate(world.engine, world.keyring)
    place = tmp_path / "old"
    place.mkdir(mode=0o700)
    for name, content in old.items():
        (place / name).touch(mode=0o600)
        (place / name).write_bytes(content)
    variables = {**world.variables, "VITALKEEP_KEYRING": str(place)}
    said = refusal(call("erasures", "replay", "--even-so", **variables))
    assert said.startswith("3 persons' keys are wrapped by master keys that this keyring has not")
    await require_readable(persons)


async def test_more_unreadable_than_readable_persons_need_a_second_thought(
    world: EpochsWorld,
) -> None:
    survivors = await furnish(world, 1)
    leavers = [*(await furnish(world, 2)).values()]
    await set_aside(world)
    for each in leavers:
        await left(each)
    await rotate(world.engine, world.keyring)
    await put_back(world)
    await restore_keys(world.engine, DirectoryKeyring(world.directory))
    with pytest.raises(KeyringError, match="2 of 3 persons are unreadable"):
        await again(world)
    assert (await again(world, even_so=True)).unreadable == 2
    await require_readable(survivors)


async def test_the_keyrings_copy_outlives_a_restore_until_it_is_replayed(
    world: EpochsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await furnish(world, 2)
    persons = [*(await furnish(world, 2)).values()]
    await set_aside(world)
    await left(persons[0])
    assert await keep_copy(world.engine, world.directory) == 1
    assert await keep_copy(world.engine, world.directory) == 0
    path = world.directory / NAME
    assert path.stat().st_mode & 0o777 == 0o600
    first = read_journal(path)
    assert str(persons[0].id) not in path.read_text()
    await put_back(world)
    await left(persons[1])
    # A worker that runs before the replay forgets nobody.
    assert await keep_copy(world.engine, world.directory) == 2
    assert read_journal(path)[:1] == first
    assert (await again(world, *read_journal(path))).erased == 1
    until = max(entry.kept_until for entry in read_journal(path) if entry.kept_until)
    monkeypatch.setattr("vitalkeep.base.clock.now", lambda: until)
    await keep_copy(world.engine, world.directory)
    assert read_journal(path) == []


async def test_an_exported_journal_is_private_and_read_again(
    world: EpochsWorld, tmp_path: Path
) -> None:
    (person,) = (await furnish(world, 1)).values()
    done = await left(person)
    file = tmp_path / "journal.json"
    told = run_json("erasures", "list", "--export", file, **world.variables)
    assert told == {"exported": 1, "file": str(file)}
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_journal(file) == await entries_of(world)
    assert orjson.loads(file.read_bytes())["erasures"][0]["erasure_id"] == done["erasure_id"]
    told = run_json("erasures", "replay", "--journal", file, **world.variables)
    assert (told["journaled"], told["entered"], told["erased"]) == (1, 0, 0)
    file.write_text("{}")
    said = refusal(call("erasures", "replay", "--journal", file, **world.variables))
    assert said == f"{file} does not hold a journal of erasures"


async def test_of_two_journals_the_one_that_has_come_further_counts(world: EpochsWorld) -> None:
    (person,) = (await furnish(world, 1)).values()
    await left(person)
    erased = await entries_of(world)
    await rotate(world.engine, world.keyring)
    shredded = await entries_of(world)
    assert [entry.stage for entry in erased + shredded] == ["erased", "shredded"]
    assert further(erased, shredded) == further(shredded, erased) == shredded
