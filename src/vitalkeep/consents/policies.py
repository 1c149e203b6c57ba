"""Policy texts: added by the operator, shown to persons, named by every consent."""

import hashlib
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.bodies import RequestBody
from vitalkeep.base.errors import Conflict, NotFound
from vitalkeep.consents.models import Policy


class PolicyRef(RequestBody):
    """The policy text that was shown."""

    id: str
    version: str
    locale: str


class PolicySummary(PolicyRef):
    """A policy without its text; `sha256` is the hex digest of the UTF-8 text."""

    title: str
    sha256: str
    effective_from: datetime


class PolicyDocument(PolicySummary):
    """A policy with its text."""

    text: str


async def add_policy(
    connection: AsyncConnection, ref: PolicyRef, title: str, text: str
) -> PolicySummary:
    """Publishes a text. Raises Conflict if this version exists: versions are never changed."""
    now = clock.now()
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    row = insert(Policy).values(
        policy_id=ref.id,
        version=ref.version,
        locale=ref.locale,
        title=title,
        body=text,
        sha256=sha256,
        effective_from=now,
    )
    try:
        await connection.execute(row)
    except IntegrityError:
        raise Conflict("This version exists already; publish changes as a new version.") from None
    return PolicySummary(**ref.model_dump(), title=title, sha256=sha256, effective_from=now)


async def list_policies(connection: AsyncConnection) -> list[PolicySummary]:
    """Every published policy, by id, newest version last."""
    query = select(Policy).order_by(Policy.policy_id, Policy.effective_from, Policy.locale)
    return [
        PolicySummary(
            id=row.policy_id,
            version=row.version,
            locale=row.locale,
            title=row.title,
            sha256=row.sha256,
            effective_from=row.effective_from,
        )
        for row in (await connection.execute(query)).all()
    ]


async def get_policy(connection: AsyncConnection, ref: PolicyRef) -> PolicyDocument:
    """One policy with its text. Raises NotFound."""
    query = select(Policy).where(
        Policy.policy_id == ref.id, Policy.version == ref.version, Policy.locale == ref.locale
    )
    # PostgreSQL takes no NUL in a text, so no policy has one in its name.
    unknown = "\0" in f"{ref.id}{ref.version}{ref.locale}"
    row = None if unknown else (await connection.execute(query)).first()
    if row is None:
        raise NotFound("There is no such policy; GET /v1/policies lists them.")
    return PolicyDocument(
        **ref.model_dump(),
        title=row.title,
        sha256=row.sha256,
        effective_from=row.effective_from,
        text=row.body,
    )
