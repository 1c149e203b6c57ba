"""Invitations of an organization: its staff ask for scopes, see what waits, and take it back."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, RowMapping, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Forbidden, InvalidRequest, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.care.assignment import require_colleagues, require_teams
from vitalkeep.care.models import Invitation
from vitalkeep.care.schemas import InvitationView
from vitalkeep.consents.policies import PolicyDocument, PolicyRef, get_policy
from vitalkeep.consents.purposes import RecipientKind, may_hold_cases, refusal
from vitalkeep.consents.scopes import parse_scopes
from vitalkeep.persons.access import StaffCaller
from vitalkeep.persons.roles import has_power, require_power

VALID_FOR: Final = timedelta(days=14)
NEVER_RECORDS: Final = frozenset({"employer", "insurer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody is asked for, by an organization or by a relative."""

    purpose: str
    scopes: Sequence[str]
    staff_ids: Sequence[UUID] = ()
    team_ids: Sequence[UUID] = ()
    policy: PolicyRef | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation; the code is told this once."""

    id: UUID
    code: str
    expires_at: datetime


async def invite(
    connection: AsyncConnection, keyring: Keyring, staff: StaffCaller, asked: Asked
) -> Invited:
    """A code that works once; by default for 14 days.

    Raises Forbidden for organizations that never get records and staff who may not invite,
    InvalidRequest for scopes, purposes, colleagues, teams and texts that don't exist.
    """
    if staff.organization_kind in NEVER_RECORDS:
        raise Forbidden("Employers and insurers never get anybody's records, only statistics.")
    require_power(staff, "invite")
    require_purpose(asked.purpose, "organization")
    if not may_hold_cases(staff.organization_kind, asked.purpose):
        raise Forbidden("An organization of this kind gets no records for this purpose.")
    scopes = read_scopes(asked.scopes)
    staff_ids = {*asked.staff_ids}
    if has_power(staff.role, "read_records"):
        staff_ids.add(staff.staff_id)
    await require_colleagues(connection, staff.organization_id, sorted(staff_ids), "/staff")
    await require_teams(connection, staff.organization_id, asked.team_ids)
    if asked.policy is not None:
        await get_shown_policy(connection, asked.policy)
    return await store_invitation(
        connection,
        keyring,
        asked,
        scopes,
        organization_id=staff.organization_id,
        invited_by=staff.staff_id,
        staff_ids=sorted(staff_ids),
    )


async def list_invitations(connection: AsyncConnection, staff: StaffCaller) -> list[InvitationView]:
    """What waits to be accepted, newest first: the staff member's own, for coordinators all."""
    require_power(staff, "invite")
    query = (
        select(Invitation)
        .where(*_theirs(staff), Invitation.expires_at > clock.now())
        .order_by(Invitation.created_at.desc(), Invitation.invitation_id)
    )
    return [to_view(row) for row in (await connection.execute(query)).mappings().all()]


async def take_back(connection: AsyncConnection, staff: StaffCaller, invitation_id: UUID) -> None:
    """Takes an invitation back: its code opens nothing any more. Raises NotFound."""
    require_power(staff, "invite")
    taken = delete(Invitation).where(*_theirs(staff), Invitation.invitation_id == invitation_id)
    if not (await connection.execute(taken)).rowcount:
        raise NotFound("There is no such invitation: it was accepted, or taken back.")


def require_purpose(purpose: str, recipient: RecipientKind) -> None:
    """Raises InvalidRequest unless this kind of recipient may read for the purpose."""
    reason = refusal(purpose, "read", recipient)
    if reason is not None:
        raise InvalidRequest(
            reason, errors=[{"pointer": "/purpose", "code": "purpose_not_allowed"}]
        )


def read_scopes(asked: Sequence[str]) -> list[str]:
    """The scopes in our names. Raises InvalidRequest unless all of them are to read."""
    scopes = parse_scopes(asked)
    if any(scope.action != "read" for scope in scopes):
        raise InvalidRequest(
            "An invitation asks for scopes that end in .read.",
            errors=[{"pointer": "/scopes", "code": "scope_not_allowed"}],
        )
    return [str(scope) for scope in scopes]


async def get_shown_policy(connection: AsyncConnection, policy: PolicyRef) -> PolicyDocument:
    """The text that a person is shown. Raises InvalidRequest when there is none."""
    try:
        return await get_policy(connection, policy)
    except NotFound as unknown:
        raise InvalidRequest(
            unknown.detail, errors=[{"pointer": "/policy", "code": "unknown_policy"}]
        ) from None


async def store_invitation(
    connection: AsyncConnection,
    keyring: Keyring,
    asked: Asked,
    scopes: list[str],
    **inviter: object,
) -> Invited:
    """Writes the invitation; `inviter` has the columns that say who invites."""
    code = secrets.token_urlsafe(24)
    made = Invited(uuid4(), code, asked.expires_at or clock.now() + VALID_FOR)
    values: dict[str, object] = {
        "code_digest": code_digest(keyring, code),
        "invitation_id": made.id,
        "purpose": asked.purpose,
        "scopes": scopes,
        "staff_ids": [],
        "team_ids": sorted(set(asked.team_ids)),
        "policy": None if asked.policy is None else list(asked.policy.model_dump().values()),
        "created_at": clock.now(),
        "expires_at": made.expires_at,
    }
    await connection.execute(insert(Invitation).values(**values | inviter))
    return made


def code_digest(keyring: Keyring, code: str) -> bytes:
    """What an invitation is found by."""
    return keyring.digest("invitation", code)


def to_policy(stored: Sequence[str] | None) -> PolicyRef | None:
    """The policy that an invitation names."""
    if stored is None:
        return None
    policy_id, version, locale = stored
    return PolicyRef(id=policy_id, version=version, locale=locale)


def to_view(row: RowMapping) -> InvitationView:
    """A stored invitation as its inviter sees it."""
    by_staff = row["organization_id"] is not None
    return InvitationView(
        id=row["invitation_id"],
        purpose=row["purpose"],
        scopes=row["scopes"],
        staff=row["staff_ids"] if by_staff else None,
        teams=row["team_ids"] if by_staff else None,
        policy=to_policy(row["policy"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def _theirs(staff: StaffCaller) -> list[ColumnElement[bool]]:
    mine = [Invitation.organization_id == staff.organization_id]
    if not has_power(staff.role, "assign"):
        mine.append(Invitation.invited_by == staff.staff_id)
    return mine
