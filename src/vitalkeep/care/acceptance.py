"""A person looks at an invitation and accepts some of it: a case opens, resting on consents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import Conflict, InvalidRequest, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.care.assignment import put_on_case
from vitalkeep.care.cases import label_place, relative_place
from vitalkeep.care.invitations import code_digest, get_shown_policy, to_policy
from vitalkeep.care.models import Case, CaseHandle, Invitation
from vitalkeep.care.schemas import InvitationPreview, InvitingOrganization
from vitalkeep.consents import ledger
from vitalkeep.consents.policies import PolicyRef
from vitalkeep.consents.requests import require_covered
from vitalkeep.consents.schemas import ConsentSource, ConsentView, Recipient
from vitalkeep.consents.scopes import Scope, parse_scopes
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.models import Organization
from vitalkeep.persons.teams import list_known_teams

UNKNOWN = "The invitation is unknown, was used, or is too old; ask for a new one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What the person agrees to, the names they give, and the policy text they were shown."""

    scopes: Sequence[str]
    label: str | None = None
    relative_label: str | None = None
    policy: PolicyRef | None = None
    valid_until: datetime | None = None


async def preview(connection: AsyncConnection, keyring: Keyring, code: str) -> InvitationPreview:
    """What accepting would allow, and whom; the code stays good.

    Raises NotFound for a code that is unknown, used or too old.
    """
    query = (
        select(Invitation, Organization.name, Organization.kind)
        .outerjoin(Organization, Organization.organization_id == Invitation.organization_id)
        .where(
            Invitation.code_digest == code_digest(keyring, code),
            Invitation.expires_at > clock.now(),
        )
    )
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound(UNKNOWN)
    organization = None
    if row["organization_id"] is not None:
        organization = InvitingOrganization(
            id=row["organization_id"], name=row["name"], kind=row["kind"]
        )
    return InvitationPreview(
        kind="person" if organization is None else "organization",
        organization=organization,
        purpose=row["purpose"],
        scopes=row["scopes"],
        policy=to_policy(row["policy"]),
        expires_at=row["expires_at"],
    )


async def accept(
    connection: AsyncConnection,
    keyring: Keyring,
    person: PersonCaller,
    code: str,
    agreed: Agreed,
) -> tuple[UUID, list[ConsentView]]:
    """Opens a case with the accepted scopes; answers its id and the consents.

    The code is used up. Raises NotFound for a code that is unknown, used or too old, InvalidRequest
    for what was not asked for, Conflict for the person's own invitation.
    """
    # The gate comes first: whoever waits for an invitation holds no other person's.
    await take_gate(connection, person.person_id)
    asked = await _use_up(connection, keyring, code)
    if asked.inviter_id == person.person_id:
        raise Conflict("This is your own invitation: the code is for the person to be watched.")
    wanted = parse_scopes(agreed.scopes)
    _require_asked(asked, wanted, agreed)
    consents = await _give_consents(connection, person, asked, wanted, agreed)
    case_id = await _open_case(connection, person, asked, agreed)
    if asked.organization_id is not None:
        known = await list_known_teams(connection, asked.organization_id, asked.team_ids)
        await put_on_case(connection, person.person_id, case_id, asked.staff_ids, sorted(known))
    return case_id, consents


async def _use_up(connection: AsyncConnection, keyring: Keyring, code: str) -> Row[Invitation]:
    taken = (
        delete(Invitation)
        .where(
            Invitation.code_digest == code_digest(keyring, code),
            Invitation.expires_at > clock.now(),
        )
        .returning(Invitation)
    )
    asked = (await connection.execute(taken)).first()
    if asked is None:
        raise NotFound(UNKNOWN)
    return asked


def _require_asked(asked: Row[Invitation], wanted: Sequence[Scope], agreed: Agreed) -> None:
    """Raises InvalidRequest for what goes beyond the invitation, or ends before it begins."""
    if not {str(scope) for scope in wanted} <= set(asked.scopes):
        raise InvalidRequest(
            f"Accept some of what was asked for: {', '.join(asked.scopes)}.",
            errors=[{"pointer": "/scopes", "code": "scope_not_asked"}],
        )
    if agreed.valid_until is not None and agreed.valid_until <= clock.now():
        raise InvalidRequest(
            "valid_until has to lie ahead.", errors=[{"pointer": "/valid_until", "code": "past"}]
        )
    if agreed.relative_label is not None and asked.relative_id is None:
        raise InvalidRequest(
            "relative_label is for the invitation of a relative: leave it out.",
            errors=[{"pointer": "/relative_label", "code": "no_relative"}],
        )
    text = to_policy(asked.policy)
    shown = agreed.policy
    if text is not None and (shown is None or (shown.id, shown.version) != (text.id, text.version)):
        raise InvalidRequest(
            "Name the policy of the invitation, in the language in which it was shown.",
            errors=[{"pointer": "/policy", "code": "policy_not_asked"}],
        )


async def _give_consents(
    connection: AsyncConnection,
    person: PersonCaller,
    asked: Row[Invitation],
    wanted: Sequence[Scope],
    agreed: Agreed,
) -> list[ConsentView]:
    shown = None if agreed.policy is None else await get_shown_policy(connection, agreed.policy)
    if shown is not None:
        await require_covered(connection, shown, wanted, asked.purpose, asked.organization_id)
    if asked.organization_id is None:
        recipient = Recipient(kind="person", id=asked.relative_id)
    else:
        recipient = Recipient(kind="organization", id=asked.organization_id)
    grant = ledger.Grant(
        scopes=wanted,
        recipient=recipient,
        purpose=asked.purpose,
        policy=agreed.policy,
        policy_sha256=None if shown is None else shown.sha256,
        source=ConsentSource(kind="in_app", evidence=["invitation"]),
        valid_until=agreed.valid_until,
    )
    return await ledger.give(connection, person, grant)


async def _open_case(
    connection: AsyncConnection, person: PersonCaller, asked: Row[Invitation], agreed: Agreed
) -> UUID:
    case_id = uuid4()
    whose = {"organization_id": asked.organization_id, "relative_id": asked.relative_id}
    await connection.execute(
        insert(Case).values(
            person_id=person.person_id,
            case_id=case_id,
            **whose,
            opened_at=clock.now(),
            purpose=asked.purpose,
            state="open",
            sealed_label=_seal(person, agreed.label, label_place(case_id)),
            sealed_relative=_seal(person, agreed.relative_label, relative_place(case_id)),
        )
    )
    await connection.execute(
        insert(CaseHandle).values(case_id=case_id, person_id=person.person_id, **whose)
    )
    return case_id


def _seal(person: PersonCaller, name: str | None, place: tuple[bytes, bytes]) -> bytes | None:
    return None if name is None else person.key.seal(name.encode(), *place)
