"""Under which policy the consents of a connection are given: what they need beside Google's grant.

A connection's consents are for `storage`, to the app that connects. The text is the one that the
person agreed to last with this app; a person who has agreed to none is connecting under the newest
one that is published, which the app has to show before it sends them to Google.
"""

from collections.abc import AsyncIterator, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import Conflict, FieldError, InvalidRequest, NotFound
from vitalkeep.consents.ledger import Grant
from vitalkeep.consents.policies import PolicyDocument, PolicyRef, get_policy, list_policies
from vitalkeep.consents.requests import NOT_COVERED, is_covered
from vitalkeep.consents.schemas import ConsentSource, Recipient
from vitalkeep.consents.scopes import Scope
from vitalkeep.consents.stored import list_rows, open_shown
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.persons.access import PersonCaller

PURPOSE = "storage"


async def choose_policy(
    connection: AsyncConnection, person: PersonCaller, types: Sequence[str]
) -> PolicyDocument:
    """The first text that covers storing these types.

    Raises InvalidRequest that points at the types the first one doesn't cover, and Conflict where
    none is published.
    """
    first: PolicyDocument | None = None
    async for policy in _candidates(connection, person):
        if all(covers(policy, name) for name in types):
            return policy
        first = first or policy
    if first is None:
        raise Conflict("No policy is published; `vitalkeep policy add` publishes one.")
    errors: list[FieldError] = [
        {"pointer": f"/types/{position}", "code": "not_covered_by_policy"}
        for position, name in enumerate(types)
        if not covers(first, name)
    ]
    raise InvalidRequest(NOT_COVERED, errors=errors)


def covers(policy: PolicyDocument, type_name: str) -> bool:
    """Whether a consent to store this type may name the text."""
    return is_covered(policy, Scope(BY_NAME[type_name], "collect"), PURPOSE, "app")


async def _candidates(
    connection: AsyncConnection, person: PersonCaller
) -> AsyncIterator[PolicyDocument]:
    seen: set[tuple[str, str, str]] = set()
    for ref in [*await _agreed(connection, person), *await _published(connection, person)]:
        name = (ref.id, ref.version, ref.locale)
        if name not in seen:
            seen.add(name)
            try:
                yield await get_policy(connection, ref)
            except NotFound:  # a text from before this database was set up anew
                continue


async def _agreed(connection: AsyncConnection, person: PersonCaller) -> list[PolicyRef]:
    """Texts of the person's consents to this app, the last one first."""
    shown = [
        open_shown(person, row)["policy"]
        for row in await list_rows(connection, person)
        if row.recipient_id == person.client_id and row.action == "collect"
    ]
    return [PolicyRef(**policy) for policy in shown if policy is not None]


async def _published(connection: AsyncConnection, person: PersonCaller) -> list[PolicyRef]:
    """Texts in force, newest first, in the person's language before others."""
    language = person.locale.partition("-")[0]
    ordered = sorted(
        await list_policies(connection), key=lambda each: each.effective_from, reverse=True
    )
    ordered.sort(key=lambda each: each.locale.partition("-")[0] != language)
    return [PolicyRef(id=each.id, version=each.version, locale=each.locale) for each in ordered]


def to_grant(
    person: PersonCaller, policy: PolicyDocument, types: dict[str, str], evidence: Sequence[str]
) -> Grant:
    """Consents to collect `types` (names, each with the Google scope that lets it be read)."""
    scopes = {Scope(BY_NAME[name], "collect"): scope for name, scope in types.items()}
    return Grant(
        scopes=list(scopes),
        asked=scopes,
        recipient=Recipient(kind="app", id=person.client_id),
        purpose=PURPOSE,
        policy=PolicyRef(id=policy.id, version=policy.version, locale=policy.locale),
        policy_sha256=policy.sha256,
        source=ConsentSource(kind="google_oauth", evidence=list(evidence)[:100]),
    )
