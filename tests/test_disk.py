"""Promise 6: the disk never holds a health value in clear, nor anything else that is personal."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.make import EVERYTHING, Caller, Make
from tests.plants import BLOCK, DiskSearch, Plant, list_forms
from vitalkeep.base.logs import configure_logs
from vitalkeep.persons.organizations import add_organization, add_staff
from vitalkeep.persons.tokens import AccessClaims, issue

CLEAR = "Clear name of an organization 5d1f"
TEXTS = {
    "title": "秘密の題 plant-title-8c1e",
    "notes": "plant-notes-4b7d 夢",
    "app": "plant.app.name.a91c",
    "model": "plant-model-77f0",
    "manufacturer": "plant-manufacturer-e13b",
    "client id": "plant-client-id-0d95",
    "platform id": "plant-platform-id-66aa",
    "external user id": "plant-user-9f20@app.example",
    "staff e-mail": "plant.nurse.31d8@staff.example",
    "case label": "植木 花子 plant-label-c0de",
    "evidence": "plant-evidence-5e5e",
    "rejected text": "plant-rejected-2a2a",
    "malformed text": "plant-malformed-3b3b",
    "misplaced text": "plant-misplaced-4c4c",
    "quoted by the database": "plant-quoted-6e6e",
    "app of a sleep sample": "plant.sleep.app.7d7d",
    "sync identifier": "plant-sync-8e8e",
}
NUMBERS = {
    "steps": 837519.0,
    "distance": 1673.73519264,
    "weight": 71.83519264,
    "body_fat": 21.73519264,
    "systolic": 131.73519264,
    "diastolic": 83.73519264,
    "blood_glucose": 6.73519264,
    "glucose in milligrams": 127.73519264,
    "body_temperature": 36.73519264,
    "oxygen_saturation": 93.73519264,
    "older weight": 64.19375264,
    "newer weight": 65.19375264,
    "stale weight": 66.19375264,
    "weight from a phone": 67.19375264,
    "rejected weight": 1071.83519264,
    "weight without consent": 68.19375264,
}
UUIDS = {
    "platform uuid": UUID("8a4fd9f0-52fb-4d63-9f0a-5c9f86d1c003"),
    "uuid of a sleep sample": UUID("5b1c77de-90aa-4d0e-8a71-41d2c6e0b9f4"),
}
ORIGIN = {
    "app": TEXTS["app"],
    "device": {"manufacturer": TEXTS["manufacturer"], "model": TEXTS["model"]},
}


def records(make: Make) -> list[dict[str, Any]]:
    """Records of every type full of plants."""
    n = NUMBERS
    named = {"client_id": TEXTS["client id"], "origin": ORIGIN}
    pressure = {"systolic_mmhg": n["systolic"], "diastolic_mmhg": n["diastolic"]}
    milligrams = {
        "millimoles_per_liter": None,
        "milligrams_per_deciliter": n["glucose in milligrams"],
    }
    night = {"title": TEXTS["title"], "notes": TEXTS["notes"]}
    made = [
        make.record("steps", count=int(n["steps"]), **named),
        make.record("distance", meters=n["distance"], **named),
        make.record("weight", kilograms=n["weight"], **named),
        make.record("body_fat", percent=n["body_fat"], **named),
        make.record("sleep", **night, **named),
        # Long enough to be compressed before it is sealed.
        make.record("sleep", **{**night, "notes": TEXTS["notes"] + "z" * 900}, origin=ORIGIN),
        make.record("blood_pressure", **pressure, **named),
        make.record("blood_glucose", millimoles_per_liter=n["blood_glucose"], **named),
        make.record("blood_glucose", **milligrams, origin=ORIGIN),
        make.record("body_temperature", celsius=n["body_temperature"], **named),
        make.record("oxygen_saturation", percent=n["oxygen_saturation"], **named),
        make.record("heart_rate", platform_id=TEXTS["platform id"], origin=ORIGIN),
    ]
    changing = make.record("weight", platform_id=str(UUIDS["platform uuid"]).upper())
    for version, name in ((2, "older weight"), (3, "newer weight"), (1, "stale weight")):
        made.append({**changing, "client_version": version, "kilograms": n[name]})
    return made


async def sign_in(make: Make) -> tuple[Caller, dict[str, str]]:
    """A person with planted identity and consents, and the secrets that their app was given."""
    app = await make.app()
    granted = await make.sign_in(app, TEXTS["external user id"])
    token = granted["access_token"]
    person = Caller(make.client, UUID(make.claims(token)["sub"]), token, app)
    source = {"kind": "in_app", "evidence": [TEXTS["evidence"]]}
    collected = [scope for scope in EVERYTHING if scope != "body_temperature.collect"]
    await make.consents(person, collected, source=source)
    secrets = {"access token": token[-60:], "client secret": app.secret}
    return person, secrets | {"refresh token": granted["refresh_token"]}


async def push_and_read(make: Make, person: Caller) -> None:
    """Everything that a person does with records, right and wrong."""
    made = records(make)
    for record in made:
        await person.push(record)
    await make.consents(person, ["body_temperature.collect"])
    await person.push(*made)
    phone = {
        "recordType": "Weight",
        "time": "2024-05-01T07:00:00Z",
        "weight": {"value": NUMBERS["weight from a phone"] * 1000, "unit": "grams"},
        "metadata": {"id": TEXTS["platform id"] + "2", "clientRecordId": TEXTS["client id"]},
    }
    answer = await person.post("/v1/me/records/health-connect", {"records": [phone]})
    assert answer.json()["counts"]["created"] == 1
    sleep = {
        "uuid": str(UUIDS["uuid of a sleep sample"]).upper(),
        "categoryType": "HKCategoryTypeIdentifierSleepAnalysis",
        "startDate": "2024-05-01T15:00:00Z",
        "endDate": "2024-05-01T16:00:00Z",
        "value": 4,
        "sourceRevision": {"source": {"bundleIdentifier": TEXTS["app of a sleep sample"]}},
        "metadata": {"HKSyncIdentifier": TEXTS["sync identifier"], "HKSyncVersion": 1},
    }
    answer = await person.post("/v1/me/records/healthkit", {"records": [sleep]})
    assert answer.json()["counts"]["created"] == 1
    rejected = make.record("weight", kilograms=NUMBERS["rejected weight"], origin=ORIGIN)
    unknown = {"type": TEXTS["rejected text"], TEXTS["rejected text"]: TEXTS["rejected text"]}
    assert (await person.push(rejected, unknown, TEXTS["rejected text"]))["counts"]["rejected"] == 3
    broken = json.dumps({"records": [TEXTS["malformed text"]]}).encode()[:-1]
    answer = await person.request("POST", "/v1/me/records", content=broken)
    assert answer.status_code == 400
    misplaced = TEXTS["misplaced text"]
    assert (await person.post("/v1/me/records", {misplaced: misplaced})).status_code == 422
    assert (await person.get("/v1/me/records", type=misplaced)).status_code == 422
    assert (await person.get("/v1/me/records", cursor=misplaced)).status_code == 400
    assert (await person.get(f"/v1/me/records/{UUIDS['platform uuid']}")).status_code == 404
    assert (await person.get(f"/v1/{misplaced}")).status_code == 404
    listed = (await person.get("/v1/me/records")).json()["records"]
    assert len(listed) == 15
    order = {"sources": [{"app": ORIGIN["app"]}]}
    answer = await person.request("PUT", "/v1/me/source-priority", json=order)
    assert answer.status_code == 200
    days = await person.get("/v1/me/days")
    assert str(NUMBERS["newer weight"]) in days.text
    assert TEXTS["app"] in days.text
    for path in (f"/v1/me/records/{listed[0]['id']}", "/v1/me/changes", "/v1/me/consent-events"):
        assert (await person.get(path)).status_code == 200


async def nurse_reads(make: Make, person: Caller) -> dict[str, str]:
    """A nurse with a planted address reads under a planted label; the invitation's code."""
    state = make.fastapi.state
    async with state.engine.begin() as connection:
        organization = await add_organization(connection, CLEAR, "guidance_provider")
        staff = await add_staff(
            connection, state.keyring, organization, TEXTS["staff e-mail"], "public_health_nurse"
        )
    token = issue(state.keyring, state.settings, AccessClaims(staff, UUID(int=0), "staff", 0))
    nurse = Caller(make.client, staff, token, organization_id=organization)
    code = await make.invitation(nurse, ["weight.read"])
    accepted = await person.post(
        f"/v1/me/invitations/{code}/acceptance",
        {"scopes": ["weight.read"], "label": TEXTS["case label"]},
    )
    case = accepted.json()["case"]["id"]
    answer = await nurse.get(f"/v1/cases/{case}/records")
    assert str(NUMBERS["weight"]) in answer.text
    assert TEXTS["case label"] in (await nurse.get("/v1/cases")).text
    return {"invitation code": code}


async def fail(make: Make) -> None:
    """Faults of ours and of the database's, both with a plant at hand."""
    person = await make.person()
    await person.push(make.record("weight", kilograms=NUMBERS["weight"], origin=ORIGIN))
    await run(make, "UPDATE records SET version = 9 WHERE person_id = :id", id=person.id)
    assert (await person.get("/v1/me/records")).status_code == 500
    without = await make.person(collects=False)
    await without.push(make.record("weight", kilograms=NUMBERS["weight without consent"]))
    quoted = TEXTS["quoted by the database"]
    with pytest.raises(DBAPIError, match=quoted):
        await run(make, "SELECT CAST(CAST(:plant AS text) AS integer)", plant=quoted)


async def run(make: Make, *statements: str, **values: object) -> None:
    """Runs statements past the application, each in a transaction of its own."""
    for statement in statements:
        async with make.fastapi.state.engine.begin() as connection:
            await connection.execute(text(statement), values)


@pytest.fixture
def every_log_line() -> Iterator[None]:
    """Logs at their most talkative, as long as the test runs."""
    configure_logs("debug", strict=True)
    yield
    configure_logs("warning", strict=True)


def test_the_search_finds_a_plant_in_every_form(tmp_path: Path) -> None:
    moment = datetime(2026, 5, 4, 3, 2, 1, 987654, UTC)
    words: list[Plant] = [TEXTS["title"], NUMBERS["weight"], UUIDS["platform uuid"]]
    plants = {str(plant): plant for plant in (*words, moment, bytes(range(200, 240)))}
    search = DiskSearch({**plants, "none": "no such thing"})
    file, at = tmp_path / "file", 0
    for name, plant in plants.items():
        forms = list_forms(plant)
        assert len(forms) >= 6
        for form in sorted(forms):
            # Wherever in a page, or across the end of one.
            at += 1
            before = bytes(BLOCK - at % 80 - 8)
            file.write_bytes(b"before!!" + before + form + b"after" + bytes(99))
            assert search.find(file) == {name: {file}}
    base64_of_utf16 = base64.b64encode(b"a" + TEXTS["title"].encode("utf-16-le"))
    file.write_bytes(base64_of_utf16 + b'"\\u79d8\\u5bc6\\u306e\\u984c plant-title-8c1e"')
    assert list(search.find(file)) == [TEXTS["title"]]


@pytest.mark.usefixtures("every_log_line")
async def test_neither_disk_nor_log_holds_anything_personal_in_clear(
    make: Make, data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    person, secrets = await sign_in(make)
    await push_and_read(make, person)
    secrets |= await nurse_reads(make, person)
    await fail(make)
    logged = "".join(capfd.readouterr())
    plants: dict[str, Plant] = {**TEXTS, **NUMBERS, **UUIDS, **secrets}

    # First the WAL, which a checkpoint takes away, then the tables it writes. The control is what
    # is stored in clear: it is found in both.
    await run(make, "ANALYZE", "SELECT pg_switch_wal()")
    search = DiskSearch({**plants, "clear": CLEAR})
    for statement, place in (("SELECT 1", "pg_wal"), ("CHECKPOINT", "base")):
        await run(make, statement)
        found = search.find(data_dir)
        assert any(f"/{place}/" in str(path) for path in found.pop("clear"))
        assert found == {}

    assert logged.count('"event": "request"') > 20
    assert '"error": "SealBroken"' in logged
    said = logged.encode()
    names = [name for name, plant in plants.items() if any(f in said for f in list_forms(plant))]
    assert names == []
    assert not any(form in said for form in list_forms(person.id))
