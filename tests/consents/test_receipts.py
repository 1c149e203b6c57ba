"""Receipts: signed, complete, and noticed when a single byte of them is changed."""

import json
from typing import Any
from uuid import UUID

import orjson
import pytest

from tests.consents.asking import everything
from tests.consents.test_withdraw import withdraw
from tests.erasure.test_certificate import certificate_of, published_keys
from tests.make import Caller, Make
from vitalkeep.base.signing import SignatureInvalid
from vitalkeep.consents.receipts import verify_receipt
from vitalkeep.demo.policies import sample_ref


async def receipt_of(person: Caller, consent_id: object) -> dict[str, Any]:
    answer = await person.get(f"/v1/me/consents/{consent_id}/receipt")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def collecting(make: Make) -> tuple[Caller, str]:
    person = await make.person(collects=False)
    (given,) = await make.consents(person, ["steps.collect"])
    return person, str(given["id"])


async def test_a_receipt_says_who_may_do_what_on_which_text_and_how_to_end_it(make: Make) -> None:
    person, consent_id = await collecting(make)
    assert person.app is not None
    content = (await receipt_of(person, consent_id))["content"]
    record = content["record"]
    assert content["receipt"]["schema_version"] == "ISO/IEC TS 27560:2023"
    assert record["header"]["record_id"] == consent_id
    processing = record["pii_processing"]
    notice = processing["privacy_notice"]
    policy = (await make.client.get(notice["url"].removeprefix("http://127.0.0.1:8000"))).json()
    assert {name: notice[name] for name in ("id", "version", "locale")} == (
        sample_ref("ja").model_dump()
    )
    assert (notice["sha256"], processing["language"]) == (policy["sha256"], "ja")
    (purpose,) = processing["purposes"]
    assert purpose["purpose"] == "storage"
    assert [each["pii_type"] for each in purpose["pii_information"]] == ["steps"]
    assert purpose["recipient_third_parties"] == []
    assert purpose["withdrawal_method"].endswith(f"/v1/me/consents/{consent_id}/withdrawal")
    parties = {each["party_id"]: each for each in record["party_identification"]}
    assert parties.keys() == {"controller", str(person.app.id)} >= set(purpose["pii_controllers"])
    assert parties[str(person.app.id)]["party_name"] == "Test app"
    (event,) = record["events"]
    assert (event["event_type"], event["event_state"], event["entity_id"]) == (
        "given", "active", "pii_principal",
    )  # fmt: skip
    assert record["state"] == "active"


async def test_every_mandatory_field_of_the_structure_is_there(make: Make) -> None:
    """Source: ISO/IEC TS 27560:2023, 6.3.3 to 6.3.7 and 6.4.5, what is required."""
    person, consent_id = await collecting(make)
    content = (await receipt_of(person, consent_id))["content"]
    record = content["record"]
    (purpose,) = record["pii_processing"]["purposes"]
    for section, fields in (
        (content["receipt"], {"schema_version", "receipt_id"}),
        (record["header"], {"schema_version", "record_id", "pii_principal_id"}),
        (record["pii_processing"], {"privacy_notice", "language", "purposes"}),
        (purpose, {"purpose", "pii_information", "pii_controllers", "storage_locations",
                   "retention_period", "jurisdiction", "recipient_third_parties",
                   "withdrawal_method"}),
        (purpose["pii_information"][0], {"pii_type"}),
        (record["party_identification"][0], {"party_id", "party_address", "party_name",
                                             "party_contact", "party_type"}),
        (record["events"][0], {"event_time", "entity_id", "event_type", "event_state"}),
    ):  # fmt: skip
        assert fields <= section.keys()


async def test_it_tells_the_whole_history_of_this_consent_and_of_no_other(make: Make) -> None:
    person, consent_id = await collecting(make)
    await make.consents(person, ["sleep.collect"])
    await person.push(make.record("steps"))
    for way in ("pause", "resume"):
        await person.post(f"/v1/me/consents/{consent_id}/{way}")
    await withdraw(person, consent_id, {"stored_data": "freeze"})
    record = (await receipt_of(person, consent_id))["content"]["record"]
    told = [(each["event_type"], each["event_state"]) for each in record["events"]]
    assert told == [
        ("given", "active"), ("paused", "paused"), ("resumed", "active"),
        ("withdrawn", "withdrawn"),
    ]  # fmt: skip
    assert record["events"][-1]["frozen_for_days"] == 30
    entries = await everything(person, "events")
    hashes = [each["hash"] for each in entries if each["consent_id"] == consent_id]
    assert [each["ledger_hash"] for each in record["events"]] == hashes
    assert record["state"] == "withdrawn"


async def test_a_reader_is_named_as_the_third_party_that_receives(make: Make) -> None:
    person = await make.person(collects=False)
    organization_id = await make.organization("medical_institution")
    recipient = {"kind": "organization", "id": str(organization_id)}
    (given,) = await make.consents(person, ["steps.read"], recipient=recipient, purpose="guidance")
    record = (await receipt_of(person, given["id"]))["content"]["record"]
    (purpose,) = record["pii_processing"]["purposes"]
    assert purpose["recipient_third_parties"] == [str(organization_id)]
    (party,) = [p for p in record["party_identification"] if p["party_id"] == str(organization_id)]
    assert party["party_type"] == "medical_institution"
    assert party["party_name"].startswith("Center ")


async def test_without_a_policy_there_is_no_notice_and_nobodys_id_is_told(make: Make) -> None:
    person = await make.person(collects=False)
    await make.case(await make.staff(), person, ["steps.read"])
    (consent,) = await everything(person)
    receipt = await receipt_of(person, consent["id"])
    assert "privacy_notice" not in receipt["content"]["record"]["pii_processing"]
    assert str(person.id) not in json.dumps(receipt)
    assert person.external_id not in json.dumps(receipt)


async def test_the_pseudonym_is_the_same_on_all_receipts_of_a_person_and_on_no_others(
    make: Make,
) -> None:
    person, first = await collecting(make)
    (second,) = await make.consents(person, ["sleep.collect"])
    other, third = await collecting(make)
    receipts = [
        await receipt_of(person, first), await receipt_of(person, second["id"]),
        await receipt_of(other, third),
    ]  # fmt: skip
    names = [each["content"]["record"]["header"]["pii_principal_id"] for each in receipts]
    assert names[0] == names[1] != names[2]
    assert UUID(names[0]) != person.id


async def test_it_is_the_same_until_something_happens(make: Make) -> None:
    person, consent_id = await collecting(make)
    first = await receipt_of(person, consent_id)
    await make.consents(person, ["sleep.collect"])
    assert await receipt_of(person, consent_id) == first
    await person.post(f"/v1/me/consents/{consent_id}/pause")
    later = await receipt_of(person, consent_id)
    names = [each["content"]["receipt"]["receipt_id"] for each in (first, later)]
    assert names[0] != names[1]


async def test_the_published_keys_verify_it(make: Make) -> None:
    person, consent_id = await collecting(make)
    receipt = await receipt_of(person, consent_id)
    assert verify_receipt(receipt, await published_keys(make)) == receipt["content"]
    with pytest.raises(SignatureInvalid, match="not one of the known"):
        verify_receipt(receipt, {})


async def test_one_changed_byte_anywhere_is_noticed(make: Make) -> None:
    person, consent_id = await collecting(make)
    document = orjson.dumps(await receipt_of(person, consent_id))
    keys = await published_keys(make)
    passed = []
    for place in range(len(document)):
        changed = bytearray(document)
        changed[place] ^= 1
        try:
            verify_receipt(orjson.loads(changed), keys)
        except (SignatureInvalid, orjson.JSONDecodeError):
            continue
        passed.append(bytes(changed[place - 20 : place + 20]))
    assert passed == []


async def test_what_is_added_or_is_something_else_is_no_receipt(make: Make) -> None:
    person, consent_id = await collecting(make)
    receipt, keys = await receipt_of(person, consent_id), await published_keys(make)
    certificate = await certificate_of(make)
    disguised = {"content": certificate["statement"], "signature": certificate["signature"]}
    documents: list[object] = [
        {**receipt, "note": "x"}, {"content": receipt["content"]}, [], None, "receipt", disguised,
        {**receipt, "signature": {**receipt["signature"], "alg": "none"}},
        {**receipt, "signature": {**receipt["signature"], "more": 1}},
    ]  # fmt: skip
    for document in documents:
        with pytest.raises(SignatureInvalid):
            verify_receipt(document, keys)


async def test_nobody_gets_another_persons_receipt(make: Make) -> None:
    person, consent_id = await collecting(make)
    other = await make.person(person.app, collects=False)
    assert (await other.get(f"/v1/me/consents/{consent_id}/receipt")).status_code == 404
