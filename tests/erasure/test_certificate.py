"""Certificates: whoever has the published keys can check them, and no change goes unnoticed."""

from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from tests.erasure.traces import left, live
from tests.make import Make
from vitalkeep.base import clock
from vitalkeep.base.keys import DirectoryKeyring, init_keyring
from vitalkeep.erasure.certificate import (
    Certificate,
    CertificateInvalid,
    Erased,
    issue,
    sign,
    verify,
)

Keys = dict[str, dict[str, str]]


async def published_keys(make: Make) -> Keys:
    """The public keys by id."""
    answer = await make.client.get("/.well-known/jwks.json")
    return {key["kid"]: key for key in answer.json()["keys"]}


async def certificate_of(make: Make) -> dict[str, Any]:
    """The certificate of a person who left, as JSON."""
    certificate: dict[str, Any] = (await left((await live(make)).person))["certificate"]
    return certificate


def is_good(document: bytes, keys: Keys) -> bool:
    """Whether the text is a certificate that one of the keys signed."""
    try:
        verify(Certificate.model_validate_json(document), keys)
    except (CertificateInvalid, ValidationError):
        return False
    return True


async def test_a_certificate_verifies_with_the_published_keys(make: Make) -> None:
    document = await certificate_of(make)
    keys = await published_keys(make)
    statement = verify(Certificate.model_validate(document), keys)
    assert statement.model_dump(mode="json", exclude_none=True) == document["statement"]
    assert statement.format == "vitalkeep-erasure-certificate/2"
    assert is_good(orjson.dumps(document), keys)


def parsed(document: bytes) -> Certificate | None:
    """What the text says; None if it is no certificate."""
    try:
        return Certificate.model_validate_json(document)
    except ValidationError:
        return None


async def test_one_flipped_bit_anywhere_is_noticed(make: Make) -> None:
    document = orjson.dumps(await certificate_of(make))
    keys, meant = await published_keys(make), parsed(document)
    assert is_good(document, keys)
    passed = []
    for place in range(len(document)):
        for bit in range(8):
            changed = bytearray(document)
            changed[place] ^= 1 << bit
            # Whatever the bit, it says something else or nothing. That a signature doesn't fit
            # what it was not made for is tried once a byte: it takes ten times as long.
            told = parsed(bytes(changed))
            if told == meant or (bit == place % 8 and told and is_good(bytes(changed), keys)):
                passed.append((place, bit, bytes(changed[place - 20 : place + 20])))
    assert passed == []


@pytest.mark.parametrize("part", ["statement", "signature", "certificate"])
async def test_a_certificate_says_nothing_that_is_not_signed(make: Make, part: str) -> None:
    document = await certificate_of(make)
    keys = await published_keys(make)
    (document if part == "certificate" else document[part])["note"] = "and all backups"
    assert not is_good(orjson.dumps(document), keys)


async def test_a_missing_field_and_another_form_of_a_number_are_noticed(make: Make) -> None:
    document = await certificate_of(make)
    keys = await published_keys(make)
    for name in document["statement"]:
        less = {key: value for key, value in document["statement"].items() if key != name}
        assert not is_good(orjson.dumps({**document, "statement": less}), keys)
    for other in (0.0, "0", False):
        spelled = {**document["statement"], "rows_left": other}
        assert not is_good(orjson.dumps({**document, "statement": spelled}), keys)


async def test_a_key_that_is_unknown_or_of_another_kind_is_refused(make: Make) -> None:
    document = await certificate_of(make)
    keys = await published_keys(make)
    kid = document["signature"]["kid"]
    without = {name: key for name, key in keys.items() if name != kid}
    assert without
    assert not is_good(orjson.dumps(document), without)
    for other in without.values():
        assert not is_good(orjson.dumps(document), {kid: other})


async def test_a_signature_of_another_deployment_is_refused(
    make: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("other") / "keyring"
    init_keyring(directory)
    statement = Certificate.model_validate(await certificate_of(make)).statement
    forged = issue(
        DirectoryKeyring(directory),
        statement.issuer,
        statement.erasure_id,
        Erased(
            requested_at=clock.now(),
            erased_at=clock.now(),
            kept_until=clock.now(),
            rows_deleted=statement.rows_deleted,
            epoch=1,
        ),
    )
    keys = await published_keys(make)
    assert not is_good(forged.model_dump_json().encode(), keys)
    (real,) = (kid for kid, key in keys.items() if key["kty"] == "OKP")
    renamed = forged.signature.model_copy(update={"kid": real})
    forged = forged.model_copy(update={"signature": renamed})
    assert not is_good(forged.model_dump_json().encode(), keys)


async def test_a_certificate_names_nobody(make: Make) -> None:
    life = await live(make)
    document = str((await left(life.person))["certificate"])
    for each in (*life.ids, life.app.id, life.nurse.id, life.nurse.organization_id):
        assert str(each) not in document
    assert life.person.external_id not in document


async def test_a_certificate_of_the_first_version_is_still_good(make: Make, app: FastAPI) -> None:
    statement = Certificate.model_validate(await certificate_of(make)).statement
    later = {"stores": None, "upstream": None, "recipients": None, "retained": None}
    old = statement.model_copy(update={**later, "format": "vitalkeep-erasure-certificate/1"})
    document = sign(app.state.keyring, old).model_dump_json(exclude_none=True).encode()
    assert not set(later) & set(orjson.loads(document)["statement"])
    assert is_good(document, await published_keys(make))


async def test_a_certificate_says_where_it_was_deleted_who_is_told_and_what_stays(
    make: Make, app: FastAPI
) -> None:
    life = await live(make)
    _closed, case = (await life.person.get("/v1/me/cases")).json()["cases"]
    statement = (await left(life.person))["certificate"]["statement"]
    assert statement["recipients"] == [
        {"kind": "app", "name": "Test app", "outcome": "not_configured"},
        {
            "kind": "organization",
            "name": case["organization"]["name"],
            "outcome": "not_configured",
        },
    ]
    assert statement["upstream"] == [
        {"provider": name, "outcome": "not_connected"} for name in ("google_fit", "google_health")
    ]
    erased_at = datetime.fromisoformat(statement["erased_at"])
    until = clock.rfc3339(erased_at + timedelta(days=app.state.settings.backup_days))
    database, key_backup, old_files = statement["stores"]
    assert database["store"] == "database"
    assert "next backup" in key_backup["method"]
    assert f"backups by {until}" in old_files["method"]
    certificate, person_id = statement["retained"]
    assert "until" not in certificate
    assert person_id["until"] == until
    assert all(each["basis"] for each in statement["retained"])


async def test_a_relative_is_told_of_by_kind_only(make: Make) -> None:
    person, relative = await make.person(), await make.person()
    await make.watching(relative, person, ["sleep.read"], label="母")
    statement = (await left(person))["certificate"]["statement"]
    assert statement["recipients"][-1] == {"kind": "person", "outcome": "not_configured"}
