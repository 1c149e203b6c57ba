"""One record of a case by its id, through the one door."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import ConsentMissing, NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.base.session import speak_for
from vitalkeep.care import reading
from vitalkeep.care.readers import list_handles
from vitalkeep.care.reading_denied import Wanted
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
    person, or none of a type that is consented to. Forbidden for whoever never reads records.
    """
    place = await _find_place(connection, staff, case_id, record_id)
    if place is None:
        anything = Wanted(data="records", types=[], since=None, until=None)
        await reading.open_case(connection, keyring, staff, case_id, anything)
        raise NotFound
    kind, start = place
    just_before = query.Position(start, UUID(int=max(record_id.int - 1, 0)))
    until = start + timedelta(microseconds=1)
    asked = reading.Asked([kind], start, until, just_before, 1)
    try:
        page = await reading.read_case(connection, keyring, staff, case_id, asked)
    except ConsentMissing as missing:
        raise NotFound from missing.__cause__
    if not page.records or not page.records[0].startswith(b'{"id":"%b"' % str(record_id).encode()):
        raise NotFound
    return page.records[0]


async def _find_place(
    connection: AsyncConnection, staff: StaffCaller, case_id: UUID, record_id: UUID
) -> tuple[int, datetime] | None:
    """Type and start of the record, if the staff member may read it."""
    person_id = (await list_handles(connection, staff, case_id)).get(case_id)
    if person_id is None:
        return None
    await speak_for(connection, case_id=case_id)
    return await query.find_place(connection, person_id, record_id)
