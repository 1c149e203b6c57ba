"""Receipts: what a consent is and what became of it, signed, for the person to keep.

A receipt is a copy of the consent record in the structure of ISO/IEC TS 27560:2023. It is signed
over its canonical form with the key that signs certificates, so that anybody can check it offline
with `GET /.well-known/jwks.json`. Asked for again, nothing having happened, it is the same.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, cast

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.keys import Keyring
from vitalkeep.base.settings import UNDECLARED, Settings
from vitalkeep.base.signing import (
    Signature,
    SignatureInvalid,
    canonical_json,
    check_signature,
    sign_statement,
)
from vitalkeep.consents.events import Principal, bound, list_events
from vitalkeep.consents.receipt_schemas import (
    ConsentReceipt,
    ReceiptContent,
    ReceiptEvent,
    ReceiptHeader,
    ReceiptMetadata,
    ReceiptNotice,
    ReceiptParty,
    ReceiptPii,
    ReceiptProcessing,
    ReceiptPurpose,
    ReceiptRecord,
)
from vitalkeep.consents.states import FREEZE_FOR
from vitalkeep.consents.stored import ConsentRow, open_shown, state_at
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.persons.models import Client, Organization

FORMAT: Final = "vitalkeep-consent-receipt/1"
SCHEMA: Final = "ISO/IEC TS 27560:2023"
CONTROLLER: Final = "controller"
EXPLICIT_CONSENT: Final = "https://w3id.org/dpv#ExplicitlyExpressedConsent"
"""Source: W3C Data Privacy Vocabulary 2, types of consent."""

STATES: Final = {"given": "active", "resumed": "active"}
"""The state after an event, where it is not called like it; some change none."""
UNCHANGED: Final = {"unfrozen", "frozen_deleted"}


async def issue_receipt(
    connection: AsyncConnection,
    keyring: Keyring,
    settings: Settings,
    person: Principal,
    row: ConsentRow,
) -> ConsentReceipt:
    """The signed receipt of a consent as it is now. Raises SealBroken."""
    events = [
        each
        for each in await list_events(connection, person)
        if each["consent_id"] == row.consent_id
    ]
    given = events[0]
    state = state_at(row.state, row.valid_until, clock.now())
    receipt_id = person.key.record_id(bound("receipt", row.consent_id, len(events), state))
    recipient = await _find_recipient(connection, person, row)
    content = ReceiptContent(
        receipt=ReceiptMetadata(
            format=FORMAT, schema_version=SCHEMA, receipt_id=receipt_id, issuer=settings.public_url
        ),
        record=ReceiptRecord(
            header=ReceiptHeader(
                schema_version=SCHEMA,
                record_id=row.consent_id,
                pii_principal_id=person.key.record_id(b"consents.receipt principal"),
            ),
            pii_processing=_processing(person, row, given, settings, recipient),
            party_identification=[_controller(settings), recipient],
            events=[_event(row, each, recipient) for each in events],
            state=state,
        ),
    )
    told = content.model_dump(mode="json", exclude_none=True)
    return ConsentReceipt(content=content, signature=sign_statement(keyring, canonical_json(told)))


def verify_receipt(
    document: object, public_keys: Mapping[str, Mapping[str, str]]
) -> dict[str, object]:
    """What a receipt says, if one of the public JWKs (by kid) signed just that.

    `document` is its JSON, parsed. Raises SignatureInvalid.
    """
    try:
        if not isinstance(document, dict) or document.keys() != {"content", "signature"}:
            raise ValueError("not a receipt")
        content = cast(dict[str, object], document["content"])
        if cast(dict[str, object], content["receipt"])["format"] != FORMAT:
            raise ValueError("another format")
        signature = Signature.model_validate(document["signature"])
        statement = canonical_json(content)
    except (ValueError, KeyError, TypeError):
        raise SignatureInvalid("this is not a receipt of a consent") from None
    check_signature(statement, signature, public_keys, what="receipt")
    return content


def _processing(
    person: Principal,
    row: ConsentRow,
    given: Mapping[str, object],
    settings: Settings,
    recipient: ReceiptParty,
) -> ReceiptProcessing:
    shown = open_shown(person, row)
    policy = shown["policy"]
    notice = None
    if policy is not None:
        notice = ReceiptNotice(
            **policy,
            sha256=str(given["policy_sha256"]),
            url="{}/v1/policies/{id}/{version}/{locale}".format(settings.public_url, **policy),
        )
    collects = row.action == "collect"
    return ReceiptProcessing(
        privacy_notice=notice,
        language=policy["locale"] if policy else "und",
        purposes=[
            ReceiptPurpose(
                purpose=row.purpose,
                lawful_basis=EXPLICIT_CONSENT,
                pii_information=[
                    ReceiptPii(
                        pii_type=BY_NUMBER[row.type].name,
                        sensitive_pii_category=True,
                        data_from=_time(row.data_from),
                        data_until=_time(row.data_until),
                    )
                ],
                pii_controllers=[CONTROLLER],
                collection_method=str(shown["source"]["kind"]) if collects else None,
                processing_method="collect and store" if collects else "disclose to the recipient",
                storage_locations=[settings.storage_location],
                retention_period=_retention(row),
                jurisdiction=settings.jurisdiction,
                recipient_third_parties=[] if collects else [recipient.party_id],
                withdrawal_method=(
                    f"POST {settings.public_url}/v1/me/consents/{row.consent_id}/withdrawal"
                ),
            )
        ],
    )


def _retention(row: ConsentRow) -> str:
    if row.action == "read":
        return "the recipient reads; nothing is stored for it here"
    return (
        "until the withdrawal with `delete`, 30 days after one with `freeze`, and in any case until"
        " the person leaves"
    )


def _controller(settings: Settings) -> ReceiptParty:
    return ReceiptParty(
        party_id=CONTROLLER,
        party_name=settings.controller_name,
        party_address=settings.controller_address,
        party_contact=settings.controller_contact,
        party_type="pii_controller",
    )


async def _find_recipient(
    connection: AsyncConnection, person: Principal, row: ConsentRow
) -> ReceiptParty:
    """The recipient by name; another person only by an id that means nothing elsewhere."""
    party_id, kind = str(row.recipient_id), str(row.recipient_kind)
    name: str | None = UNDECLARED
    if row.recipient_kind == "person":
        party_id = str(person.key.record_id(bound("receipt recipient", row.recipient_id)))
    elif row.recipient_kind == "app":
        query = select(Client.name).where(Client.client_id == row.recipient_id)
        name = await connection.scalar(query)
    else:
        found = await connection.execute(
            select(Organization.name, Organization.kind).where(
                Organization.organization_id == row.recipient_id
            )
        )
        name, kind = found.one()
    return ReceiptParty(
        party_id=party_id,
        party_name=name or UNDECLARED,
        party_address=UNDECLARED,
        party_contact=UNDECLARED,
        party_type=kind,
    )


def _event(row: ConsentRow, entry: Mapping[str, object], recipient: ReceiptParty) -> ReceiptEvent:
    event = str(entry["event"])
    entity = {"self": "pii_principal", "platform": recipient.party_id}
    return ReceiptEvent(
        event_time=clock.rfc3339(cast(datetime, entry["recorded_at"])),
        validity_until=_time(row.valid_until) if event == "given" else None,
        entity_id=entity.get(str(entry["actor"]), CONTROLLER),
        event_type=event,
        event_state=None if event in UNCHANGED else STATES.get(event, event),
        frozen_for_days=FREEZE_FOR.days if entry.get("frozen_until") else None,
        ledger_hash=str(entry["hash"]),
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else clock.rfc3339(moment)
