"""What a notice says and the headers that prove it, as Standard Webhooks 1.0.0 has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import orjson
from standardwebhooks.webhooks import Webhook

from vitalkeep.base import clock
from vitalkeep.notices.endpoints import Recipient

USER_AGENT: Final = "vitalkeep"


@dataclass(frozen=True, slots=True)
class Message:
    """A notice that is to be sent."""

    notice_id: UUID
    recipient: Recipient
    type: str
    created_at: datetime
    case_ids: tuple[UUID, ...]
    scope: str | None
    consent_id: UUID | None
    erasure_id: UUID | None


def body(message: Message) -> bytes:
    """The JSON that is sent, the same bytes at every attempt."""
    told = {"type": message.type, "timestamp": clock.rfc3339(message.created_at)}
    return orjson.dumps({**told, "data": content(message)}, default=str)


def content(message: Message) -> Mapping[str, object]:
    """The `data` of a notice: nothing but ids and the name of a scope.

    Of an erasure organizations are told the cases they held, and not its id, under which its
    certificate is public; apps are told the id, and no case. Of a withdrawal apps are told the
    consent's id, which they were given.
    """
    if message.type == "person.erased":
        if message.recipient.kind == "organization":
            return {"case_ids": message.case_ids}
        return {"erasure_id": message.erasure_id}
    if message.consent_id is not None:
        return {"consent_id": message.consent_id, "scope": message.scope}
    (case_id,) = message.case_ids
    return {"case_id": case_id} | ({"scope": message.scope} if message.scope else {})


def webhook_id(notice_id: UUID) -> str:
    """By which a receiver tells that a notice has come before."""
    return f"msg_{notice_id.hex}"


def headers(secret: str, notice_id: UUID, at: datetime, payload: bytes) -> dict[str, str]:
    """The headers of an attempt at a moment."""
    name = webhook_id(notice_id)
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, at, payload.decode()),
    }
