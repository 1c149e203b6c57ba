"""Which scopes of a request can be granted: one that can't never fails the others."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import FieldError, InvalidRequest
from vitalkeep.consents.policies import PolicyDocument
from vitalkeep.consents.purposes import PURPOSES, refusal
from vitalkeep.consents.schemas import ConsentRequest, RefusedScope
from vitalkeep.consents.scopes import UNKNOWN_SCOPE, Scope, parse_scope
from vitalkeep.persons.models import Organization

BY_PERSON = "refused_by_person"
NOT_COVERED = "The policy text does not cover this scope for this purpose and recipient."


@dataclass(frozen=True, slots=True)
class Sorted:
    """Scopes to grant, each with the text that asked for it first, and those that are refused."""

    granted: dict[Scope, str]
    refused: list[RefusedScope]


def sort_scopes(request: ConsentRequest, policy: PolicyDocument, recipient_kind: str) -> Sorted:
    """Divides the scopes of a request; `recipient_kind` is an organization's own kind.

    Raises InvalidRequest when none can be granted, though the person declined none.
    """
    declined = {scope for text in request.refused for scope in parse_scope(text)}
    granted: dict[Scope, str] = {}
    refused: list[RefusedScope] = []
    for position, text in enumerate(request.scopes):
        pointer = f"/scopes/{position}"
        scopes = parse_scope(text)
        if not scopes:
            refused.append(_refused(text, "unknown_scope", UNKNOWN_SCOPE, pointer))
        for scope in scopes:
            found = judge(scope, request, policy, recipient_kind)
            if found is not None:
                refused.append(_refused(text, *found, pointer))
            elif scope not in declined:
                granted.setdefault(scope, text)
    if refused and not granted and not declined:
        raise InvalidRequest(refused[0].detail, errors=_errors(refused))
    for position, text in enumerate(request.refused):
        refused.append(_refused(text, BY_PERSON, "The person declined.", f"/refused/{position}"))
    return Sorted(granted, refused)


def require_grantable(purpose: str, recipient_kind: str) -> None:
    """Raises InvalidRequest for a purpose of which no scope can be granted to such a recipient."""
    known = PURPOSES.get(purpose)
    action = "" if known is None else str(known.action)
    reason = refusal(purpose, action, recipient_kind)
    if reason is not None:
        raise InvalidRequest(
            reason, errors=[{"pointer": "/purpose", "code": "purpose_not_allowed"}]
        )


def judge(
    scope: Scope, request: ConsentRequest, policy: PolicyDocument, recipient_kind: str
) -> tuple[str, str] | None:
    """Code and words for why this scope can't be granted; None if it can."""
    reason = refusal(request.purpose, scope.action, request.recipient.kind)
    if reason is not None:
        return "purpose_not_allowed", reason
    if not is_covered(policy, scope, request.purpose, recipient_kind):
        return "not_covered_by_policy", NOT_COVERED
    return None


async def require_covered(
    connection: AsyncConnection,
    policy: PolicyDocument,
    scopes: Iterable[Scope],
    purpose: str,
    organization_id: UUID | None,
) -> None:
    """Raises InvalidRequest if the text says what it covers, and does not cover one of the scopes
    for this purpose of an organization, or of a person where there is none.
    """
    query = select(Organization.kind).where(Organization.organization_id == organization_id)
    kind = "person" if organization_id is None else await connection.scalar(query) or ""
    if any(not is_covered(policy, scope, purpose, kind) for scope in scopes):
        where: FieldError = {"pointer": "/policy", "code": "not_covered_by_policy"}
        raise InvalidRequest(NOT_COVERED, errors=[where])


def is_covered(policy: PolicyDocument, scope: Scope, purpose: str, recipient: str) -> bool:
    """Whether the text may be named for it; one that doesn't declare what it covers always may."""
    return policy.covers is None or policy.covers.includes(purpose, str(scope), recipient)


def _refused(scope: str, code: str, detail: str, pointer: str) -> RefusedScope:
    return RefusedScope(scope=scope, code=code, detail=detail, pointer=pointer)


def _errors(refused: list[RefusedScope]) -> list[FieldError]:
    """Where the request is wrong: the purpose once, a policy once, each unknown scope."""
    places = {"purpose_not_allowed": "/purpose", "not_covered_by_policy": "/policy"}
    found = {(places.get(each.code, each.pointer), each.code): None for each in refused}
    return [{"pointer": pointer, "code": code} for pointer, code in found]
