"""Shapes of a receipt, in the structure and by the names of ISO/IEC TS 27560:2023.

Source: the clauses named at each class; names of fields as the W3C DPV guide "consent-27560" lists
them. Members of ours are said to be.
"""

from uuid import UUID

from pydantic import BaseModel, Field

from vitalkeep.base.signing import EXACT, Signature


class ReceiptNotice(BaseModel):
    """The text that was shown. Source: TS 27560 6.3.4, privacy notice; the hash is ours."""

    model_config = EXACT

    id: str
    version: str
    locale: str
    sha256: str = Field(description="hex SHA-256 of the UTF-8 text")
    url: str


class ReceiptPii(BaseModel):
    """What is processed. Source: TS 27560 6.3.5, PII information; the period is ours."""

    model_config = EXACT

    pii_type: str = Field(examples=["steps"])
    sensitive_pii_category: bool
    data_from: str | None = None
    data_until: str | None = None


class ReceiptPurpose(BaseModel):
    """What for, by whom and how long. Source: TS 27560 6.3.4, PII processing."""

    model_config = EXACT

    purpose: str = Field(examples=["storage"])
    lawful_basis: str
    pii_information: list[ReceiptPii]
    pii_controllers: list[str]
    collection_method: str | None = None
    processing_method: str
    storage_locations: list[str]
    retention_period: str
    jurisdiction: str
    recipient_third_parties: list[str]
    withdrawal_method: str


class ReceiptProcessing(BaseModel):
    """Source: TS 27560 6.3.4. Without `privacy_notice` the consent was given under no text."""

    model_config = EXACT

    privacy_notice: ReceiptNotice | None = None
    language: str
    purposes: list[ReceiptPurpose]


class ReceiptHeader(BaseModel):
    """Source: TS 27560 6.3.3. The principal's id is a pseudonym that stands on receipts only."""

    model_config = EXACT

    schema_version: str
    record_id: UUID
    pii_principal_id: UUID


class ReceiptParty(BaseModel):
    """Source: TS 27560 6.3.6."""

    model_config = EXACT

    party_id: str
    party_name: str
    party_address: str
    party_contact: str
    party_type: str


class ReceiptEvent(BaseModel):
    """Source: TS 27560 6.3.7. The hash of the ledger's entry, and the freeze, are ours."""

    model_config = EXACT

    event_time: str
    validity_until: str | None = None
    entity_id: str
    event_type: str = Field(examples=["given"])
    event_state: str | None = Field(default=None, description="absent where it stayed as it was")
    frozen_for_days: int | None = None
    ledger_hash: str


class ReceiptRecord(BaseModel):
    """The consent record. Source: TS 27560 6.3.2. `state` is ours: what it is now."""

    model_config = EXACT

    header: ReceiptHeader
    pii_processing: ReceiptProcessing
    party_identification: list[ReceiptParty]
    events: list[ReceiptEvent]
    state: str


class ReceiptMetadata(BaseModel):
    """Source: TS 27560 6.4.5."""

    model_config = EXACT

    format: str
    schema_version: str
    receipt_id: UUID
    issuer: str


class ReceiptContent(BaseModel):
    """What is signed: the receipt's own data and a copy of the record. Source: TS 27560 6.4."""

    model_config = EXACT

    receipt: ReceiptMetadata
    record: ReceiptRecord


class ConsentReceipt(BaseModel):
    """A receipt and the signature over the canonical form (RFC 8785) of its content."""

    model_config = EXACT

    content: ReceiptContent
    signature: Signature
