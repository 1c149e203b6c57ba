"""Invitations: an organization asks for scopes, a person accepts some of them, a case opens."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Forbidden, InvalidRequest, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.care.models import Case, CaseHandle, CaseStaff, Invitation
from vitalkeep.consents import ledger
from vitalkeep.consents.policies import PolicyDocument, PolicyRef, get_policy
from vitalkeep.consents.purposes import may_hold_cases, refusal
from vitalkeep.consents.requests import require_covered
from vitalkeep.consents.schemas import ConsentSource, ConsentView, Recipient
from vitalkeep.consents.scopes import parse_scopes
from vitalkeep.persons.access import PersonCaller, StaffCaller
from vitalkeep.persons.models import Staff

VALID_FOR = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an organization asks for."""

    purpose: str
    scopes: list[str]
    staff_ids: list[UUID]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What the person agrees to, the name they show, and the policy text they were shown."""

    scopes: list[str]
    label: str | None
    policy: PolicyRef | None


async def invite(
    connection: AsyncConnection, keyring: Keyring, staff: StaffCaller, asked: Asked
) -> tuple[str, datetime]:
    """A code that works once, and until when; by default 14 days.

    Raises Forbidden for organizations that never get records, InvalidRequest for scopes, purposes
    and colleagues that don't exist.
    """
    reason = refusal(asked.purpose, "read", "organization")
    if reason is not None:
        raise InvalidRequest(
            reason, errors=[{"pointer": "/purpose", "code": "purpose_not_allowed"}]
        )
    if not may_hold_cases(staff.organization_kind, asked.purpose):
        raise Forbidden("An organization of this kind gets no records for this purpose.")
    scopes = parse_scopes(asked.scopes)
    if any(scope.action != "read" for scope in scopes):
        raise InvalidRequest(
            "An invitation asks for scopes that end in .read.",
            errors=[{"pointer": "/scopes", "code": "scope_not_allowed"}],
        )
    staff_ids = sorted({*asked.staff_ids, staff.staff_id})
    await _require_colleagues(connection, staff.organization_id, staff_ids)
    code = secrets.token_urlsafe(24)
    expires_at = asked.expires_at or clock.now() + VALID_FOR
    await connection.execute(
        insert(Invitation).values(
            code_digest=keyring.digest("invitation", code),
            organization_id=staff.organization_id,
            purpose=asked.purpose,
            scopes=[str(scope) for scope in scopes],
            staff_ids=staff_ids,
            expires_at=expires_at,
        )
    )
    return code, expires_at


async def _require_colleagues(
    connection: AsyncConnection, organization_id: UUID, staff_ids: Sequence[UUID]
) -> None:
    query = select(Staff.staff_id).where(
        Staff.organization_id == organization_id,
        Staff.state == "active",
        Staff.staff_id.in_(staff_ids),
    )
    known = set((await connection.scalars(query)).all())
    if known != set(staff_ids):
        raise InvalidRequest(
            "Everybody named in staff has to work for your organization.",
            errors=[{"pointer": "/staff", "code": "unknown_staff"}],
        )


async def accept(
    connection: AsyncConnection,
    keyring: Keyring,
    person: PersonCaller,
    code: str,
    agreed: Agreed,
) -> tuple[UUID, list[ConsentView]]:
    """Opens a case with the accepted scopes; answers its id and the consents.

    The code is used up. Raises NotFound for a code that is unknown, used or too old, and
    InvalidRequest for scopes that were not asked for.
    """
    taken = (
        delete(Invitation)
        .where(
            Invitation.code_digest == keyring.digest("invitation", code),
            Invitation.expires_at > clock.now(),
        )
        .returning(Invitation)
    )
    asked = (await connection.execute(taken)).first()
    if asked is None:
        raise NotFound("The invitation is unknown, was used, or is too old; ask for a new one.")
    wanted = parse_scopes(agreed.scopes)
    if not {str(scope) for scope in wanted} <= set(asked.scopes):
        raise InvalidRequest(
            f"Accept some of what was asked for: {', '.join(asked.scopes)}.",
            errors=[{"pointer": "/scopes", "code": "scope_not_asked"}],
        )
    document = None if agreed.policy is None else await _get_shown_policy(connection, agreed.policy)
    if document is not None:
        await require_covered(connection, document, wanted, asked.purpose, asked.organization_id)
    consents = await ledger.give(
        connection,
        person,
        ledger.Grant(
            scopes=wanted,
            recipient=Recipient(kind="organization", id=asked.organization_id),
            purpose=asked.purpose,
            policy=agreed.policy,
            policy_sha256=None if document is None else document.sha256,
            source=ConsentSource(kind="in_app", evidence=["invitation"]),
        ),
    )
    case_id = await _open_case(
        connection, person, asked.organization_id, asked.purpose, agreed.label
    )
    await connection.execute(
        insert(CaseStaff),
        [
            {"person_id": person.person_id, "case_id": case_id, "staff_id": staff_id}
            for staff_id in asked.staff_ids
        ],
    )
    return case_id, consents


async def _get_shown_policy(connection: AsyncConnection, policy: PolicyRef) -> PolicyDocument:
    try:
        return await get_policy(connection, policy)
    except NotFound as unknown:
        raise InvalidRequest(
            unknown.detail, errors=[{"pointer": "/policy", "code": "unknown_policy"}]
        ) from None


async def _open_case(
    connection: AsyncConnection,
    person: PersonCaller,
    organization_id: UUID,
    purpose: str,
    label: str | None,
) -> UUID:
    case_id = uuid4()
    sealed = None if label is None else person.key.seal(label.encode(), *label_place(case_id))
    await connection.execute(
        insert(Case).values(
            person_id=person.person_id,
            case_id=case_id,
            organization_id=organization_id,
            opened_at=clock.now(),
            purpose=purpose,
            state="open",
            sealed_label=sealed,
        )
    )
    await connection.execute(
        insert(CaseHandle).values(
            case_id=case_id, person_id=person.person_id, organization_id=organization_id
        )
    )
    return case_id


def label_place(case_id: UUID) -> tuple[bytes, bytes]:
    """What a case's sealed label is bound to."""
    return b"cases.label", case_id.bytes
