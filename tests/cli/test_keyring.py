"""The keyring's commands, and certificates of erasure checked as an outsider would."""

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.cli.commands import call, refusal, run, run_json
from tests.erasure.epochs_world import furnish, open_epochs_world, require_readable
from tests.erasure.traces import left as leave
from tests.make import Make
from vitalkeep.base.keys import DirectoryKeyring


@pytest.fixture
async def left(make: Make) -> dict[str, Any]:
    """The answer that a person got who left: erasure id and certificate."""
    person = await make.person()
    await person.push(make.record())
    preview = (await person.get("/v1/me/deactivation")).json()
    confirmed = {"confirm_token": preview["confirm_token"]}
    answer = await person.post("/v1/me/deactivation", confirmed)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


@pytest.fixture
def theirs(app: FastAPI) -> dict[str, str]:
    """The variables of an operator of the test application."""
    settings = app.state.settings
    return {
        "VITALKEEP_DATABASE_URL": settings.database_url,
        "VITALKEEP_KEYRING": str(settings.keyring_dir),
    }


def written(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_new_keyring_is_complete_and_never_made_twice(tmp_path: Path) -> None:
    place = tmp_path / "keyring"
    made = run_json("keys", "init", VITALKEEP_KEYRING=place)
    assert made == {"keyring": str(place), "epoch": 1}
    assert DirectoryKeyring(place).epoch == 1
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    assert "nothing was changed" in refusal(call("keys", "init", VITALKEEP_KEYRING=place))
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_a_data_directory_has_its_keyring_inside(tmp_path: Path) -> None:
    shown = call("keys", "init", "--data", tmp_path)
    assert f"keyring  {tmp_path / 'keyring'}\n" in shown.stdout
    assert DirectoryKeyring(tmp_path / "keyring").epoch == 1


def test_a_missing_keyring_is_named_with_the_way_to_make_one(
    theirs: dict[str, str], tmp_path: Path
) -> None:
    theirs["VITALKEEP_KEYRING"] = str(tmp_path / "none")
    for command in (("keys", "status"), ("client", "add", "A"), ("erasures", "list")):
        said = refusal(call(*command, **theirs))
        assert said.startswith(f"no keyring in {tmp_path / 'none'}: run `vitalkeep keys init`")


async def test_the_status_counts_the_persons_of_each_epoch(
    theirs: dict[str, str], make: Make
) -> None:
    await make.person(collects=False)
    before = run_json("keys", "status", **theirs)
    assert before["epochs"].keys() == {"1"}
    assert (before["epoch"], before["lost_epochs"]) == (1, {})
    assert len(before["token_keys"]) == len(before["certificate_keys"]) == 1
    await make.person(collects=False)
    after = json.loads(call("keys", "status", "--json", **theirs).stdout)
    assert after["epochs"]["1"] == before["epochs"]["1"] + 1
    assert f"epochs  {after['epochs']}" in call("keys", "status", **theirs).stdout


async def test_the_status_fails_when_the_key_of_a_living_person_is_gone(
    theirs: dict[str, str], make: Make, tmp_path: Path
) -> None:
    await make.person(collects=False)
    copy = Path(shutil.copytree(theirs["VITALKEEP_KEYRING"], tmp_path / "keyring"))
    (copy / "master-1.key").rename(copy / "master-2.key")
    shown = call("keys", "status", "--json", **theirs | {"VITALKEEP_KEYRING": str(copy)})
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["lost_epochs"].keys() == {"1"}
    assert shown.stderr == "error: persons' keys are wrapped by epochs that are gone: [1]\n"


async def test_a_rotation_is_told_and_the_status_shows_what_waits(
    app: FastAPI, tmp_path: Path
) -> None:
    async with open_epochs_world(app.state.engine, tmp_path / "keyring") as world:
        persons = await furnish(world, 3)
        before = run_json("keys", "status", **world.variables)
        assert (before["epochs"], before["backup"], before["waiting"]) == ({"1": 3}, {}, {})
        assert 0 <= before["ages"]["1"] < 1
        await leave(persons.pop(next(iter(persons))))
        waits = run_json("keys", "status", **world.variables)
        assert (waits["epochs"], waits["waiting"]) == ({"1": 2}, {"1": 1})
        told = run_json("keys", "rotate", **world.variables)
        assert told.pop("seconds") > 0
        assert told == {
            "epoch": 2, "rewrapped": 2, "persons": 2, "destroyed": [1], "waiting": {},
            "shredded": 1,
        }  # fmt: skip
        after = run_json("keys", "status", **world.variables)
        assert (after["epoch"], after["epochs"], after["waiting"]) == (2, {"2": 2}, {})
        assert {name: after["backup"][name] for name in ("epoch", "persons")} == {
            "epoch": 2, "persons": 2,
        }  # fmt: skip
        assert "epoch  3\n" in call("keys", "rotate", **world.variables).stdout
        await require_readable(persons)


async def test_a_backup_that_is_not_whole_is_shown_and_stops_the_rotation(
    app: FastAPI, tmp_path: Path
) -> None:
    async with open_epochs_world(app.state.engine, tmp_path / "keyring") as world:
        await furnish(world, 2)
        assert call("keys", "rotate", **world.variables).exit_code == 0
        backup = world.directory / "persons-2.keys"
        backup.write_bytes(backup.read_bytes()[:-9])
        status = json.loads(call("keys", "status", "--json", **world.variables).stdout)
        assert "not a whole backup" in status["backup"]["error"]
        assert "not a whole backup" in refusal(call("keys", "rotate", **world.variables))
        assert "not a whole backup" in refusal(call("keys", "restore", **world.variables))
        assert world.masters() == {"master-2.key"}
        backup.unlink()
        assert "no backup of persons' keys" in refusal(call("keys", "restore", **world.variables))
        assert call("keys", "rotate", **world.variables).exit_code == 0


async def test_persons_who_are_missing_stop_a_rotation_unless_the_operator_knows(
    app: FastAPI, tmp_path: Path
) -> None:
    async with open_epochs_world(app.state.engine, tmp_path / "keyring") as world:
        (person, _) = (await furnish(world, 2)).values()
        assert call("keys", "rotate", **world.variables).exit_code == 0
        for table in ("person_keys", "sign_ins", "persons"):
            statement = f"DELETE FROM {table} WHERE person_id = :id"  # noqa: S608
            await run_sql(world.app, statement, id=person.id)
        said = refusal(call("keys", "rotate", **world.variables))
        assert said.startswith("1 of the 2 persons in the keyring's backup are not in this")
        assert call("keys", "rotate", "--even-so", **world.variables).exit_code == 0
        restored = run_json("keys", "restore", **world.variables)
        assert restored == {"epoch": 3, "restored": 0, "unreadable": 0}


async def test_erasures_are_listed_newest_first(
    theirs: dict[str, str], left: dict[str, Any]
) -> None:
    listed = run_json("erasures", "list", **theirs)["erasures"]
    assert listed[0]["erasure_id"] == left["erasure_id"]
    assert listed[0]["stage"] == "erased"
    assert [*listed] == sorted(listed, key=lambda each: each["erased_at"], reverse=True)
    assert f"erasure_id  {left['erasure_id']}\n" in call("erasures", "list", **theirs).stdout


async def test_a_certificate_is_good_alone_or_in_its_answer_for_who_has_the_keyring(
    theirs: dict[str, str], left: dict[str, Any], tmp_path: Path
) -> None:
    keyring = {"VITALKEEP_KEYRING": theirs["VITALKEEP_KEYRING"]}
    whole = written(tmp_path / "whole.json", left)
    alone = written(tmp_path / "alone.json", left["certificate"])
    checked = run_json("erasures", "verify", whole, **keyring)
    assert checked == {"valid": True, **left["certificate"]["statement"]}
    shown = call("erasures", "verify", alone, **keyring)
    assert shown.exit_code == 0
    assert "valid  True\n" in shown.stdout


async def test_a_certificate_is_checked_offline_with_published_keys_alone(
    client: httpx.AsyncClient, left: dict[str, Any], tmp_path: Path
) -> None:
    published = (await client.get("/.well-known/jwks.json")).json()
    jwks = written(tmp_path / "jwks.json", published)
    certificate = written(tmp_path / "certificate.json", left["certificate"])
    offline = {"VITALKEEP_DATABASE_URL": "postgresql://127.0.0.1:1/x", "VITALKEEP_DATA": "/none"}
    arguments = ("erasures", "verify", certificate, "--jwks", jwks)
    assert run(*arguments, **offline).returncode == 0
    written(jwks, {"keys": [key for key in published["keys"] if key["alg"] != "EdDSA"]})
    assert "not one of the known signing keys" in refusal(call(*arguments, **offline))
    jwks.write_text("[]")
    assert refusal(call(*arguments, **offline)) == f"{jwks} is not a set of JSON web keys"


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("statement", {"rows_left": 1}, "the certificate was changed"),
        ("statement", {"erased_at": "2026-01-01T00:00:00Z"}, "the certificate was changed"),
        ("statement", {"person": "somebody"}, "does not hold a certificate"),
        ("statement", {"rows_left": "0"}, "does not hold a certificate"),
        ("statement", {"kept": None}, "does not hold a certificate"),
        ("signature", {"value": "AAAA"}, "the certificate was changed"),
        ("signature", {"value": "not base64!"}, "the certificate was changed"),
        ("signature", {"alg": "none"}, "not one of the known signing keys"),
        ("signature", {"kid": "another"}, "not one of the known signing keys"),
    ],
)
async def test_a_certificate_that_was_touched_is_refused(
    theirs: dict[str, str],
    left: dict[str, Any],
    tmp_path: Path,
    part: str,
    change: dict[str, object],
    message: str,
) -> None:
    left["certificate"][part] |= change
    touched = written(tmp_path / "certificate.json", left["certificate"])
    assert message in refusal(call("erasures", "verify", touched, **theirs))


async def test_a_certificate_of_another_deployment_is_refused(
    left: dict[str, Any], tmp_path: Path
) -> None:
    call("keys", "init", VITALKEEP_KEYRING=tmp_path / "keyring")
    certificate = written(tmp_path / "certificate.json", left)
    refused = run("erasures", "verify", certificate, VITALKEEP_KEYRING=tmp_path / "keyring")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "not one of the known signing keys" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"certificate": 1}', b"\xff\xfe"])
def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "certificate.json"
    file.write_bytes(content)
    said = refusal(call("erasures", "verify", file, "--data", tmp_path))
    assert said == f"{file} does not hold a certificate of erasure"
