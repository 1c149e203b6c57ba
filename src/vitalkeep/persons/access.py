"""Who a request is from: the one place where a bearer token becomes a caller.

The account's state is read in the request's own transaction, so a token of somebody who has left,
or was signed out, is refused on its next use.
"""

from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import bindparam, select
from starlette.requests import Request

from vitalkeep.base.db import Connection
from vitalkeep.base.errors import Forbidden, Unauthenticated
from vitalkeep.base.keys import Keyring
from vitalkeep.base.sealing import PersonKey
from vitalkeep.base.session import speak_for
from vitalkeep.persons.models import Organization, Person, PersonKeyRow, Staff
from vitalkeep.persons.tokens import AccessClaims, Role, verify

bearer = HTTPBearer(
    auto_error=False, scheme_name="bearer", description="An access token of POST /oauth/token."
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


@dataclass(frozen=True, slots=True)
class PersonCaller:
    """A signed-in person, the app they came with, and the key that opens their values.

    `via` is the way by which records of this caller come (`records.models.Source`): 0 for a push.
    """

    person_id: UUID
    client_id: UUID
    key: PersonKey
    time_zone: str
    locale: str
    via: int = 0


@dataclass(frozen=True, slots=True)
class StaffCaller:
    """A signed-in staff member and the organization they work for."""

    staff_id: UUID
    organization_id: UUID
    organization_name: str
    organization_kind: str
    role: str


def require_claims(request: Request, credentials: Bearer, *roles: Role) -> AccessClaims:
    """The claims of the request's token, verified once a request.

    Raises Unauthenticated, TokenExpired or Forbidden.
    """
    if credentials is None:
        raise Unauthenticated
    claims: AccessClaims | None = request.scope.get("claims")
    if claims is None:
        state = request.app.state
        claims = verify(state.keyring, state.settings, credentials.credentials)
        request.scope["claims"] = claims
        request.scope["caller_kind"] = claims.role
    if claims.role not in roles:
        raise Forbidden(f"This route takes tokens with the role {' or '.join(roles)}.")
    return claims


CALLER: Final = (
    select(
        Person.state, Person.token_epoch, Person.time_zone, Person.locale,
        PersonKeyRow.wrapped_key, PersonKeyRow.epoch,
    )
    .join(PersonKeyRow, PersonKeyRow.person_id == Person.person_id)
    .where(Person.person_id == bindparam("person_id"))
)  # fmt: skip
"""Made once: making a statement takes longer than running it, and every request runs this one."""


async def require_person(
    request: Request, credentials: Bearer, connection: Connection
) -> PersonCaller:
    """The signed-in person. Raises Unauthenticated when they left or were signed out."""
    claims = require_claims(request, credentials, "person")
    await speak_for(connection, person_id=claims.subject)
    row = (await connection.execute(CALLER, {"person_id": claims.subject})).first()
    if row is None or row.state != "active" or row.token_epoch != claims.epoch:
        raise Unauthenticated("The token is not valid any more: sign in again.")
    keyring: Keyring = request.app.state.keyring
    return PersonCaller(
        claims.subject,
        claims.client_id,
        open_key(keyring, claims.subject, row.epoch, row.wrapped_key),
        row.time_zone,
        row.locale,
    )


def open_key(keyring: Keyring, person_id: UUID, epoch: int, wrapped: bytes) -> PersonKey:
    """What seals and opens this person's values."""
    return PersonKey(keyring.unwrap(epoch, wrapped, person_id))


async def require_staff(
    request: Request, credentials: Bearer, connection: Connection
) -> StaffCaller:
    """The signed-in staff member. Raises Unauthenticated when suspended or signed out."""
    claims = require_claims(request, credentials, "staff")
    await speak_for(connection, staff_id=claims.subject)
    query = (
        select(
            Staff.organization_id, Staff.role, Staff.token_epoch, Organization.name,
            Organization.kind,
        )
        .join(Organization, Organization.organization_id == Staff.organization_id)
        .where(Staff.staff_id == claims.subject, Staff.state == "active")
    )  # fmt: skip
    row = (await connection.execute(query)).first()
    if row is None or row.token_epoch != claims.epoch:
        raise Unauthenticated("The token is not valid any more: sign in again.")
    return StaffCaller(claims.subject, row.organization_id, row.name, row.kind, row.role)


SignedInPerson = Annotated[PersonCaller, Depends(require_person)]
SignedInStaff = Annotated[StaffCaller, Depends(require_staff)]
