"""Where notices go: one URL for each app and each organization, with a secret of its own."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import InvalidRequest, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.outbound import UrlRefused, check_url
from vitalkeep.base.sealing import open_text, seal_text
from vitalkeep.notices.models import NoticeEndpoint

RecipientKind = Literal["app", "organization"]
# Source: Standard Webhooks 1.0.0, "Signature scheme": 24 to 64 random bytes, base64, with a prefix.
SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of all of them


class Recipient(NamedTuple):
    """Who gets notices: an app by its client id, or an organization."""

    kind: RecipientKind
    id: UUID


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a recipient wants its notices; `state` is `active` or `disabled`."""

    url: str
    state: str
    created_at: datetime


async def set_endpoint(
    connection: AsyncConnection,
    keyring: Keyring,
    recipient: Recipient,
    url: str,
    *,
    allow_private: bool,
) -> str:
    """The new signing secret of the recipient, told this once; notices go to the URL from now on.

    Whoever calls knows that the recipient exists. Raises InvalidRequest for a URL that notices
    can't go to.
    """
    try:
        check_url(url, allow_private=allow_private)
    except UrlRefused as refused:
        raise InvalidRequest(
            str(refused), errors=[{"pointer": "/url", "code": "url_refused"}]
        ) from None
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    values = {
        "url": url,
        "sealed_secret": seal_text(keyring.system_siv(), secret, *_place(recipient)),
        "state": "active",
        "created_at": clock.now(),
    }
    key = {"recipient_kind": recipient.kind, "recipient_id": recipient.id}
    await connection.execute(
        insert(NoticeEndpoint)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=list(key), set_=values)
    )
    return secret


async def get_endpoint(connection: AsyncConnection, recipient: Recipient) -> Endpoint:
    """The recipient's endpoint. Raises NotFound."""
    query = select(NoticeEndpoint.url, NoticeEndpoint.state, NoticeEndpoint.created_at)
    row = (await connection.execute(query.where(*_is(recipient)))).first()
    if row is None:
        raise NotFound("No URL for notices is set.")
    return Endpoint(row.url, row.state, row.created_at)


async def remove_endpoint(connection: AsyncConnection, recipient: Recipient) -> None:
    """Has the recipient get no notices any more; without an endpoint nothing happens."""
    await connection.execute(delete(NoticeEndpoint).where(*_is(recipient)))


async def disable_endpoint(connection: AsyncConnection, recipient: Recipient, url: str) -> None:
    """Stops sending to a URL that is gone, unless the recipient has named another meanwhile."""
    await connection.execute(
        update(NoticeEndpoint)
        .where(*_is(recipient), NoticeEndpoint.url == url)
        .values(state="disabled")
    )


async def is_reachable(connection: AsyncConnection, recipient: Recipient) -> bool:
    """Whether the recipient has an active endpoint."""
    query = select(NoticeEndpoint.url).where(*_is(recipient), NoticeEndpoint.state == "active")
    return await connection.scalar(query) is not None


def open_secret(keyring: Keyring, recipient: Recipient, sealed: bytes) -> str:
    """The signing secret, `whsec_…`. Raises SealBroken."""
    return open_text(keyring.system_siv(), sealed, *_place(recipient))


def _place(recipient: Recipient) -> tuple[bytes, ...]:
    return b"notice_endpoints", recipient.kind.encode(), recipient.id.bytes


def _is(recipient: Recipient) -> tuple[ColumnElement[bool], ...]:
    return (
        NoticeEndpoint.recipient_kind == recipient.kind,
        NoticeEndpoint.recipient_id == recipient.id,
    )
