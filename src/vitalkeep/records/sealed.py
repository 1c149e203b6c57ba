"""A record as it is stored: which id it has, what is sealed, and what the seal is bound to.

Sealed are two 16-bit offsets (minutes east of UTC, 0x7fff for unknown), the number of the recording
method (255 for none), and the rest of the record's content.
The associated data is one string of its id, type, source, times and version, so that none of these
columns can be changed and no value moved without the record refusing to open. The numbers and the
time of its changes are given behind the gate, after sealing, and are not bound.
"""

import struct
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import orjson

from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.sealing import PersonKey
from vitalkeep.datatypes.canonical import Measurement, render, to_head
from vitalkeep.datatypes.choices import RECORDING_METHOD
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.datatypes.times import microseconds

UNKNOWN = 0x7FFF
HEAD = struct.Struct(">hhB")
METHOD = b',"recording_method":"'
"""In content these bytes begin this member and nothing else: in a text their quotes are escaped."""
METHODS = [value.encode() for value in RECORDING_METHOD.values]
NO_METHOD = 255
COLUMNS = struct.Struct(">hhqqq")


class Stored(NamedTuple):
    """The columns of one stored record that an answer is made of."""

    record_id: UUID
    type: int
    source_id: int
    start: datetime
    end: datetime
    version: int
    modified_at: datetime
    sealed: bytes


def record_place(
    record_id: bytes, type_number: int, source_id: int, start: int, end: int, version: int
) -> bytes:
    """What a sealed record is bound to; times in microseconds since 1970."""
    return b"records\0" + record_id + COLUMNS.pack(type_number, source_id, start, end, version)


@lru_cache(maxsize=4096)
def app_of(origin: bytes) -> str:
    """The app in a canonical origin."""
    app: str = orjson.loads(origin)["app"]
    return app


def identity(measurement: Measurement) -> bytes:
    """What the sender calls the record: its platform's id alone, else app, type and client id,
    else app, device, type and times.
    """
    if measurement.platform_id is not None:
        return platform_identity(measurement.platform_id)
    name = measurement.type.name
    if measurement.client_id is not None:
        return client_identity(app_of(measurement.origin), name, measurement.client_id)
    times = f"{measurement.start_us} {measurement.end_us}"
    return b"times\0" + b"\0".join((measurement.origin, name.encode(), times.encode()))


def platform_identity(platform_id: str) -> bytes:
    """What a phone's own store calls a record, whatever its type and app; in canonical form."""
    return b"platform\0" + platform_id.encode()


def client_identity(app: str, type_name: str, client_id: str) -> bytes:
    """What an app calls a record of one type; app and id in canonical form."""
    return b"client\0" + orjson.dumps([app, type_name, client_id])


def seal_record(
    key: PersonKey, record_id: bytes, measurement: Measurement, source_id: int
) -> bytes:
    """The sealed value of a measurement; equal for equal content."""
    begun, ended = measurement.start_offset, measurement.end_offset
    method, content = without_method(measurement.content)
    head = HEAD.pack(
        UNKNOWN if begun is None else begun, UNKNOWN if ended is None else ended, method
    )
    place = record_place(
        record_id,
        measurement.type.number,
        source_id,
        measurement.start_us,
        measurement.end_us,
        measurement.version,
    )
    return key.seal(head + content, place)


def without_method(content: bytes) -> tuple[int, bytes]:
    """The number of the recording method in a record's content, and the content without it."""
    before, found, after = content.partition(METHOD)
    if not found:
        return NO_METHOD, content
    value, _, rest = after.partition(b'"')
    return METHODS.index(value), before + rest


def open_record(key: PersonKey, row: Stored, origins: dict[int, bytes]) -> bytes:
    """The JSON of a stored record. Raises SealBroken when a bound column was changed, and
    Unauthenticated when the person, sources and all, was erased since the row was read.
    """
    if not origins:
        raise Unauthenticated("This account has been deleted.")
    start, end = microseconds(row.start), microseconds(row.end)
    place = record_place(row.record_id.bytes, row.type, row.source_id, start, end, row.version)
    opened = key.open(row.sealed, place)
    begun, ended, method = HEAD.unpack_from(opened)
    head = to_head(
        BY_NUMBER[row.type],
        row.start,
        row.end,
        None if begun == UNKNOWN else begun,
        None if ended == UNKNOWN else ended,
    )
    content, origin = opened[HEAD.size :], origins[row.source_id]
    if method != NO_METHOD:
        content += METHOD + METHODS[method] + b'"'
    return render(row.record_id, head, content, row.version, origin, row.modified_at)
