"""Leaving: the preview, its confirmation, and the deletion of everything of a person.

Which tables to empty comes from the columns' own declarations, so every room's tables have to be
known here: `ALL_MODELS` names them and a test compares it with the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import column as sql_column
from sqlalchemy import delete, func, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.audit import models as audit_models
from vitalkeep.base import clock
from vitalkeep.base.db import tables_of_a_person
from vitalkeep.base.errors import ConfirmTokenInvalid, InvalidCursor
from vitalkeep.base.keys import Keyring
from vitalkeep.base.paging import sign, unsign
from vitalkeep.care import models as care_models
from vitalkeep.care.cases import list_own_cases
from vitalkeep.connectors import models as connector_models
from vitalkeep.consents import models as consent_models
from vitalkeep.consents.models import Consent
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.erasure import models as erasure_models
from vitalkeep.notices import models as notice_models
from vitalkeep.persons import models as person_models
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.models import Organization, Person
from vitalkeep.records import models as record_models
from vitalkeep.records.models import Record
from vitalkeep.summaries import models as summary_models

ALL_MODELS: Final = (
    person_models,
    consent_models,
    audit_models,
    record_models,
    summary_models,
    connector_models,
    care_models,
    notice_models,
    erasure_models,
)
CONFIRM_WITHIN: Final = timedelta(minutes=5)
ERASURE: Final = b"\x00erasure"
"""No record's identity begins with a NUL."""


class ErasureIncomplete(Exception):
    """Rows of the person were left; the transaction must not commit."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a deactivation will delete: live records by type, and who could read them.

    `relatives`: of each relative who watches, what the person calls them, if anything.
    """

    records: dict[str, int]
    recipients: list[tuple[UUID, str]]
    erasure_id: UUID
    confirm_token: str
    relatives: list[str | None] = field(default_factory=list)


async def preview(connection: AsyncConnection, keyring: Keyring, person: PersonCaller) -> Preview:
    """What leaving will do. The token confirms it within five minutes, for this person only.

    All previews of a person hand out one erasure id. It comes from the person's data key, so once
    that is gone nothing leads from one to the other.
    """
    person_id = person.person_id
    counts = (
        select(Record.type, func.count())
        .where(Record.person_id == person_id, Record.sealed.is_not(None))
        .group_by(Record.type)
        .order_by(Record.type)
    )
    readers = (
        select(Organization.organization_id, Organization.name)
        .join(Consent, Consent.recipient_id == Organization.organization_id)
        .where(Consent.person_id == person_id)
        .distinct()
        .order_by(Organization.name)
    )
    erasure_id = person.key.record_id(ERASURE)
    until = clock.now() + CONFIRM_WITHIN
    return Preview(
        {BY_NUMBER[row[0]].name: row[1] for row in (await connection.execute(counts)).all()},
        [(row[0], row[1]) for row in (await connection.execute(readers)).all()],
        erasure_id,
        sign(keyring, "deactivation", str(person_id), [str(erasure_id), until.timestamp()]),
        await list_relatives(connection, person),
    )


async def list_relatives(connection: AsyncConnection, person: PersonCaller) -> list[str | None]:
    """What the person calls each relative who watches over them now; None without a name."""
    cases = await list_own_cases(connection, person)
    watching = {
        each.relative.id: each.relative.label
        for each in reversed(cases)
        if each.relative is not None and each.state == "open"
    }
    return sorted(watching.values(), key=lambda label: label or "")


def confirmed_erasure(keyring: Keyring, person_id: UUID, token: str) -> UUID:
    """The erasure id of a preview that this person confirms. Raises ConfirmTokenInvalid."""
    try:
        payload = unsign(keyring, "deactivation", str(person_id), token)
    except InvalidCursor:
        raise ConfirmTokenInvalid from None
    if not isinstance(payload, list) or payload[1] < clock.now().timestamp():
        raise ConfirmTokenInvalid
    return UUID(payload[0])


async def delete_rows(connection: AsyncConnection, person_id: UUID) -> dict[str, int]:
    """Deletes every row of the person in every table of the data map; how many, by table.

    For `erasure.journal` and `erasure.replay`, with the person's gate closed. Raises
    ErasureIncomplete (and the transaction must not commit) if a row would stay.
    """
    # Denied reads are entered without the gate: none may come between counting and deleting.
    held = select(Person.person_id).where(Person.person_id == person_id)
    await connection.execute(held.with_for_update())
    tables = tables_of_a_person()
    deleted = await count_rows(connection, tables, person_id)
    for name, column in tables.items():
        await connection.execute(delete(table(name)).where(sql_column(column) == person_id))
    left = await count_rows(connection, tables, person_id)
    if any(left.values()):
        raise ErasureIncomplete(", ".join(name for name, count in left.items() if count))
    return deleted


async def count_rows(
    connection: AsyncConnection, tables: Mapping[str, str], person_id: UUID
) -> dict[str, int]:
    """How many rows of the person each table holds."""
    counts = {}
    for name, column in tables.items():
        query = select(func.count()).select_from(table(name))
        count = await connection.scalar(query.where(sql_column(column) == person_id))
        counts[name] = count or 0
    return counts
