"""One run over a connection: who, from where, under which lease, with which tokens."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.base.db import bound_transaction
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.faults import GoogleFault, GrantFault
from vitalkeep.connectors.granted import change_connection, change_type, take_scopes
from vitalkeep.connectors.oauth import Tokens, refresh
from vitalkeep.connectors.providers import Provider
from vitalkeep.connectors.stored import seal_tokens
from vitalkeep.connectors.writing import hold
from vitalkeep.persons.access import PersonCaller


@dataclass(slots=True)
class Run:
    """One run over a connection that this process holds the lease of."""

    engine: AsyncEngine
    settings: Settings
    person: PersonCaller
    provider: Provider
    lease: UUID
    tokens: Tokens

    async def renew(self) -> str:
        """A fresh access token, stored before it is used. Raises GrantFault, LeaseLost."""
        before, person = self.tokens, self.person
        try:
            self.tokens = await refresh(self.settings, before)
        except GoogleFault as fault:
            raise GrantFault(fault.code, fault.wait) from None
        sealed = seal_tokens(person.key, self.provider.platform, person.client_id, self.tokens)
        async with bound_transaction(self.engine, person_id=person.person_id) as connection:
            await hold(connection, person, self.provider, self.lease)
            await change_connection(
                connection, person, self.provider.platform, sealed_tokens=sealed
            )
            if set(self.tokens.scopes) != set(before.scopes):
                await take_scopes(connection, person, self.provider, self.tokens.scopes)
        return self.tokens.access_token

    async def enter(self, number: int, **columns: object) -> None:
        """Changes columns of one type. Raises LeaseLost."""
        async with bound_transaction(self.engine, person_id=self.person.person_id) as connection:
            await hold(connection, self.person, self.provider, self.lease)
            await change_type(connection, self.person, self.provider.platform, number, **columns)
