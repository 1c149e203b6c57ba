"""Policy texts: added by the operator, shown to persons, named by every consent."""

import hashlib
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.bodies import RequestBody
from vitalkeep.base.errors import Conflict, InvalidRequest, NotFound
from vitalkeep.consents.models import Policy
from vitalkeep.consents.purposes import PURPOSES, RECIPIENTS
from vitalkeep.consents.scopes import parse_scopes


class PolicyRef(RequestBody):
    """The policy text that was shown."""

    id: str
    version: str
    locale: str


def _once_each(names: list[str]) -> list[str]:
    return sorted(set(names))


Names = Annotated[list[str], AfterValidator(_once_each), Field(min_length=1)]


class Coverage(RequestBody):
    """What a policy text speaks of, sorted: purposes, our scopes, and kinds of recipients.

    Recipients are `app`, `person`, or the kind of an organization (`medical_institution`, …).
    """

    purposes: Names
    scopes: Names
    recipients: Names

    def includes(self, purpose: str, scope: str, recipient: str) -> bool:
        """Whether the text speaks of this scope for this purpose and kind of recipient."""
        return purpose in self.purposes and scope in self.scopes and recipient in self.recipients

    def list_added(self, before: "Coverage") -> list[str]:
        """What this one covers beyond `before`, as `purpose:…`, `scope:…` and `recipient:…`."""
        added = []
        for kind in ("purpose", "scope", "recipient"):
            name = f"{kind}s"
            more = set(getattr(self, name)) - set(getattr(before, name))
            added += [f"{kind}:{each}" for each in sorted(more)]
        return added


class PolicySummary(PolicyRef):
    """A policy without its text; `sha256` is the hex digest of the UTF-8 text.

    Without `covers` it does not say what it covers, and may be named for anything.
    """

    title: str
    sha256: str
    effective_from: datetime
    covers: Coverage | None = None


class PolicyDocument(PolicySummary):
    """A policy with its text."""

    text: str


def declare_coverage(
    purposes: list[str] | None, scopes: list[str] | None, recipients: list[str] | None
) -> Coverage | None:
    """What an operator says that a text covers; None if they say nothing.

    Raises InvalidRequest for a half declaration, and for names that don't exist.
    """
    if not (purposes or scopes or recipients):
        return None
    if not (purposes and scopes and recipients):
        raise InvalidRequest("Say all three: the purposes, scopes and recipients that it covers.")
    covered = {str(scope) for scope in parse_scopes(scopes)}
    if not set(purposes) <= PURPOSES.keys() or not set(recipients) <= RECIPIENTS:
        raise InvalidRequest(
            f"Purposes are {', '.join(PURPOSES)}; recipients are {', '.join(sorted(RECIPIENTS))}."
        )
    return Coverage(purposes=purposes, scopes=sorted(covered), recipients=recipients)


async def add_policy(
    connection: AsyncConnection,
    ref: PolicyRef,
    title: str,
    text: str,
    covers: Coverage | None = None,
) -> PolicySummary:
    """Publishes a text. Raises Conflict if this version exists: versions are never changed.

    Every language of a version covers the same.
    """
    now = clock.now()
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    declared = None if covers is None else covers.model_dump()
    siblings = select(Policy.covers).where(
        Policy.policy_id == ref.id, Policy.version == ref.version
    )
    if any(other != declared for other in (await connection.scalars(siblings)).all()):
        raise Conflict("This version exists in another language, and covers something else there.")
    row = insert(Policy).values(
        policy_id=ref.id,
        version=ref.version,
        locale=ref.locale,
        title=title,
        body=text,
        sha256=sha256,
        effective_from=now,
        covers=declared,
    )
    try:
        await connection.execute(row)
    except IntegrityError:
        raise Conflict("This version exists already; publish changes as a new version.") from None
    return PolicySummary(
        **ref.model_dump(), title=title, sha256=sha256, effective_from=now, **_covers(declared)
    )


async def list_policies(connection: AsyncConnection) -> list[PolicySummary]:
    """Every published policy, by id, newest version last."""
    columns = (
        Policy.policy_id, Policy.version, Policy.locale, Policy.title, Policy.sha256,
        Policy.effective_from, Policy.covers,
    )  # fmt: skip
    query = select(*columns).order_by(Policy.policy_id, Policy.effective_from, Policy.locale)
    return [
        PolicySummary(
            id=row.policy_id,
            version=row.version,
            locale=row.locale,
            title=row.title,
            sha256=row.sha256,
            effective_from=row.effective_from,
            **_covers(row.covers),
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
        **_covers(row.covers),
    )


def _covers(declared: dict[str, list[str]] | None) -> dict[str, Coverage]:
    """The member `covers`, left out where nothing is declared: null is not accepted."""
    return {} if declared is None else {"covers": Coverage.model_validate(declared)}
