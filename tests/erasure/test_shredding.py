"""From erased to shredded: only when every master key that wrapped the person's key is gone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import respx
from alembic import command
from fastapi import FastAPI
from google.auth.credentials import AnonymousCredentials

from tests.base.fake_kms import KEY, FakeKms
from tests.care.sql import refusal, run_sql
from tests.erasure.epochs_world import EpochsWorld, furnish, open_epochs_world, require_readable
from tests.erasure.traces import left
from vitalkeep.base import clock
from vitalkeep.base.cloud_kms import CloudKms
from vitalkeep.base.keyring_google import GoogleKeyring, make_google_keyring
from vitalkeep.base.keys import DirectoryKeyring, KeyringError
from vitalkeep.base.migrate import alembic_config, upgrade
from vitalkeep.erasure import epochs
from vitalkeep.erasure.certificate import Certificate, CertificateInvalid, verify
from vitalkeep.erasure.epochs import rotate, rotate_when_due
from vitalkeep.erasure.key_backup import restore_keys
from vitalkeep.persons.epochs import register_epoch

DAY = timedelta(hours=24)


@pytest_asyncio.fixture
async def world(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    directory = tmp_path_factory.mktemp("shredding") / "keyring"
    async with open_epochs_world(app.state.engine, directory) as opened:
        yield opened


async def status_of(world: EpochsWorld, erasure_id: str) -> dict[str, Any]:
    answer = await world.make.client.get(f"/v1/erasures/{erasure_id}")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def leave_one(world: EpochsWorld) -> dict[str, Any]:
    (person,) = (await furnish(world, 1)).values()
    return await left(person)


async def test_a_second_certificate_follows_the_end_of_the_master_key(world: EpochsWorld) -> None:
    done = await leave_one(world)
    before = await status_of(world, done["erasure_id"])
    assert before["stage"] == "erased"
    assert "up to epoch 1 are destroyed" in before["certificate"]["statement"]["horizon"]
    # By now the notice has arrived.
    arrived = "UPDATE erasures SET outcomes = replace(outcomes, 'not_configured', 'delivered')"
    await run_sql(world.app, arrived)
    before["recipients"][0]["outcome"] = "delivered"
    assert (await rotate(world.engine, world.keyring)).shredded == 1
    after = await status_of(world, done["erasure_id"])
    assert after.keys() == before.keys() | {"shredded_at", "shredded_certificate"}
    assert after["stage"] == "shredded"
    assert after["certificate"] == before["certificate"] == done["certificate"]
    erased_at, shredded_at = (after[name] for name in ("erased_at", "shredded_at"))
    assert datetime.fromisoformat(erased_at) < datetime.fromisoformat(shredded_at) <= clock.now()
    second = after["shredded_certificate"]["statement"]
    assert (second["stage"], second["shredded_at"]) == ("shredded", shredded_at)
    first = done["certificate"]["statement"]
    changed = {"stage", "methods", "horizon", "recipients", "shredded_at"}
    assert {name for name in second if second[name] != first.get(name)} == changed
    assert second["methods"][:-1] == first["methods"]
    assert second["recipients"] == after["recipients"] == before["recipients"]


async def test_both_certificates_verify_and_neither_can_be_turned_into_the_other(
    world: EpochsWorld,
) -> None:
    done = await leave_one(world)
    await rotate(world.engine, world.keyring)
    second = (await status_of(world, done["erasure_id"]))["shredded_certificate"]
    published = (await world.make.client.get("/.well-known/jwks.json")).json()["keys"]
    keys = {key["kid"]: key for key in published}
    for document in (done["certificate"], second):
        verify(Certificate.model_validate(document), keys)
    forged = {**done["certificate"], "statement": second["statement"]}
    with pytest.raises(CertificateInvalid):
        verify(Certificate.model_validate(forged), keys)
    less = {name: value for name, value in second["statement"].items() if name != "shredded_at"}
    with pytest.raises(CertificateInvalid):
        verify(Certificate.model_validate({**second, "statement": less}), keys)
    with pytest.raises(ValueError, match="absent means absent"):
        Certificate.model_validate(
            {**second, "statement": {**done["certificate"]["statement"], "shredded_at": None}}
        )


async def test_who_left_in_the_middle_of_a_rotation_waits_for_the_next(world: EpochsWorld) -> None:
    persons = await furnish(world, 2)
    chosen, _ = await epochs.choose_epoch(world.engine, world.keyring)
    async with world.engine.begin() as connection:
        await register_epoch(connection, chosen)
    # Re-wrapping may have been under way: their key may stand in the WAL under either epoch.
    done = await left(persons.pop(next(iter(persons))))
    early = clock.now()
    async with epochs.lease(world.engine) as alive:
        await epochs.move_to(world.engine, world.keyring, chosen, epochs.tell_nobody, alive)
    assert (await status_of(world, done["erasure_id"]))["stage"] == "erased"
    await rotate(world.engine, world.keyring)
    status = await status_of(world, done["erasure_id"])
    assert status["stage"] == "shredded"
    assert datetime.fromisoformat(status["shredded_at"]) > early
    await require_readable(persons)


async def test_after_a_rotation_everybody_who_left_before_it_is_shredded(
    world: EpochsWorld,
) -> None:
    persons = await furnish(world, 2)
    chosen, _ = await epochs.choose_epoch(world.engine, world.keyring)
    async with world.engine.begin() as connection:
        await register_epoch(connection, chosen)
    done = await left(persons.pop(next(iter(persons))))
    # The rotation that was cut off alone would not reach them.
    again = await rotate(world.engine, world.keyring)
    assert again.epoch == chosen + 1
    assert (await status_of(world, done["erasure_id"]))["stage"] == "shredded"
    await require_readable(persons)


async def test_an_old_backup_with_the_present_key_table_gives_back_the_living_only(
    world: EpochsWorld,
) -> None:
    persons = await furnish(world, 3)
    tables = ("persons", "person_keys", "records", "sources", "epochs")
    for table in tables:
        await run_sql(world.app, f"CREATE TABLE old_{table} AS TABLE {table}")
    gone_record, leaver = next(iter(persons.items()))
    await left(persons.pop(gone_record))
    await rotate(world.engine, world.keyring)
    # The database as it was before anybody left and before the rotation.
    for table in reversed(("epochs", *tables[:-1])):
        await run_sql(world.app, f"DELETE FROM {table}")  # noqa: S608
    for table in ("epochs", *tables[:-1]):
        await run_sql(world.app, f"INSERT INTO {table} SELECT * FROM old_{table}")  # noqa: S608
    restored = await restore_keys(world.engine, DirectoryKeyring(world.directory))
    assert (restored.epoch, restored.restored, restored.unreadable) == (2, 2, 1)
    row = "SELECT epoch, wrapped_key FROM person_keys WHERE person_id = :id"
    ((epoch, wrapped),) = await run_sql(world.app, row, id=leaver.id)
    keyring = DirectoryKeyring(world.directory)
    for tried in (epoch, *keyring.epochs()):
        with pytest.raises(KeyringError):
            keyring.unwrap(tried, wrapped, leaver.id)
    records = await run_sql(world.app, "SELECT record_id, sealed FROM records")
    assert gone_record in {str(row[0]) for row in records}
    await require_readable(persons)


async def test_it_rotates_when_the_newest_epoch_is_a_day_old(
    world: EpochsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await furnish(world, 2)
    now = clock.now()
    assert await rotate_when_due(world.engine, world.keyring, DAY) == 0
    monkeypatch.setattr(clock, "now", lambda: now + DAY - timedelta(seconds=30))
    assert await rotate_when_due(world.engine, world.keyring, DAY) == 0
    assert world.keyring.epochs() == [1]
    monkeypatch.setattr(clock, "now", lambda: now + DAY)
    assert await rotate_when_due(world.engine, world.keyring, None) == 0
    assert await rotate_when_due(world.engine, world.keyring, DAY) == 2
    assert world.keyring.epochs() == [2]
    assert await rotate_when_due(world.engine, world.keyring, DAY) == 0
    assert world.keyring.epochs() == [2]


async def test_what_was_cut_off_is_finished_at_once(world: EpochsWorld) -> None:
    await furnish(world, 2)
    await epochs.choose_epoch(world.engine, world.keyring)
    assert await rotate_when_due(world.engine, DirectoryKeyring(world.directory), DAY) == 2
    assert world.masters() == {"master-2.key"}


async def test_while_another_process_rotates_nothing_is_due(world: EpochsWorld) -> None:
    await furnish(world, 1)
    async with epochs.lease(world.engine):
        assert await rotate_when_due(world.engine, world.keyring, timedelta(0)) == 0
    assert world.keyring.epochs() == [1]


async def test_with_cloud_kms_an_erasure_is_shredded_when_kms_has_destroyed_the_version(
    app: FastAPI, tmp_path: Path
) -> None:
    with respx.mock(assert_all_called=False) as router:
        kms, place = FakeKms(router), tmp_path / "keyring"
        calls = CloudKms(KEY, AnonymousCredentials())  # type: ignore[no-untyped-call]
        make_google_keyring(calls, place)
        async with open_epochs_world(
            app.state.engine, place, lambda: GoogleKeyring(calls, place)
        ) as world:
            persons = await furnish(world, 2)
            done = await left(persons.pop(next(iter(persons))))
            rotated = await rotate(world.engine, world.keyring)
            assert (rotated.destroyed, list(rotated.waiting), rotated.shredded) == ([], [1], 0)
            await require_readable(persons)
            assert await rotate_when_due(world.engine, world.keyring, DAY) == 0
            assert (await status_of(world, done["erasure_id"]))["stage"] == "erased"
            kms.run_out()
            assert await rotate_when_due(world.engine, world.keyring, None) == 0
            after = await status_of(world, done["erasure_id"])
            assert after["stage"] == "shredded"
            method = after["shredded_certificate"]["statement"]["methods"][-1]
            assert "destroyed in Google Cloud KMS" in method
            await require_readable(persons)


async def test_a_request_that_lacks_a_master_key_is_told_to_come_again(world: EpochsWorld) -> None:
    (person,) = (await furnish(world, 1)).values()
    master = world.directory / "master-1.key"
    world.app.state.keyring = DirectoryKeyring(world.directory)
    DirectoryKeyring(world.directory).new_epoch()
    away = master.rename(world.directory.parent / "master-1.key")
    world.app.state.keyring.refresh()
    status, document = refusal(await person.get("/v1/me/records"))
    assert (status, document["code"]) == (503, "dependency_unavailable")
    assert "Nothing was stored" in document["detail"]
    away.rename(master)
    assert (await person.get("/v1/me/records")).status_code == 200


async def test_what_was_there_before_there_were_epochs_is_taken_over(world: EpochsWorld) -> None:
    persons = await furnish(world, 2)
    done = await left(persons.pop(next(iter(persons))))
    url = world.variables["VITALKEEP_DATABASE_URL"]
    await world.engine.dispose()
    await asyncio.to_thread(command.downgrade, alembic_config(url), "0020-1")
    await upgrade(url)
    assert (await status_of(world, done["erasure_id"]))["stage"] == "erased"
    await require_readable(persons)
    rotated = await rotate(world.engine, world.keyring)
    assert (rotated.destroyed, rotated.rewrapped, rotated.shredded) == ([1], 1, 1)
    await require_readable(persons)
