"""One record of a case by its id, through the one door."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import ConsentMissing, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.care import reading
from vitalkeep.care.models import CaseHandle
from vitalkeep.persons.access import StaffCaller
from vitalkeep.records import query


async def get_case_record(
    connection: AsyncConnection,
    keyring: Keyring,
    staff: StaffCaller,
    case_id: UUID,
    record_id: UUID,
) -> bytes:
    """The record as a JSON object, written down as read.

    Where it stands is looked up first, without opening it; the door then reads that one place.
    Raises NotFound, with one body, for whatever can't be read: no such record, none of this case's
    person, or none of a type that is consented to.
    """
    handle = select(CaseHandle.person_id).where(
        CaseHandle.case_id == case_id, CaseHandle.organization_id == staff.organization_id
    )
    person_id = await connection.scalar(handle)
    if person_id is None:
        raise NotFound
    place = await query.find_place(connection, person_id, record_id)
    if place is None:
        raise NotFound
    kind, start = place
    just_before = query.Position(start, UUID(int=max(record_id.int - 1, 0)))
    until = start + timedelta(microseconds=1)
    asked = reading.Asked([kind], start, until, just_before, 1)
    try:
        page = await reading.read_case(connection, keyring, staff, case_id, asked)
    except ConsentMissing:
        raise NotFound from None
    if not page.records or not page.records[0].startswith(b'{"id":"%b"' % str(record_id).encode()):
        raise NotFound
    return page.records[0]
