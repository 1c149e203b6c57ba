"""From the bytes of a push to measurements, one outcome for each record in its order.

The whole body is validated at once; only when that fails is it taken record by record, so that
one bad record never costs the others anything.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias
from uuid import UUID

import pydantic_core
from pydantic import ValidationError

from vitalkeep.base.errors import BatchTooLarge, InvalidRequest, MalformedBody
from vitalkeep.datatypes.canonical import Measurement, to_measurement
from vitalkeep.datatypes.dialects import health_connect, healthkit
from vitalkeep.datatypes.fragments import Fragment
from vitalkeep.datatypes.records import BATCH, RecordRejected, validate_record

MAX_BATCH = 1000

Outcome: TypeAlias = Measurement | Fragment | RecordRejected
Dialect: TypeAlias = Callable[[object, str, datetime], Measurement | Fragment]
DIALECTS: Final[Mapping[str, Dialect]] = {
    "health-connect": health_connect.measurement,
    "healthkit": healthkit.measurement,
}


def parse_canonical(body: bytes, now: datetime) -> list[Outcome]:
    """Outcomes of a body in our own shape. Raises MalformedBody, BatchTooLarge, InvalidRequest."""
    try:
        records = BATCH.validate_json(body)["records"]
    except ValidationError:
        return [_outcome(partial(_canonical, record), now) for record in read_records(body)]
    return [_outcome(partial(to_measurement, record), now) for record in records]


def parse_dialect(body: bytes, dialect: str, client_id: UUID, now: datetime) -> list[Outcome]:
    """Outcomes of a body in a dialect of `DIALECTS`; pointers are into the sender's JSON."""
    convert, sender = DIALECTS[dialect], str(client_id)
    return [_outcome(partial(convert, record, sender), now) for record in read_records(body)]


def read_records(body: bytes) -> list[object]:
    """The entries of `records`, unchecked. Raises MalformedBody, BatchTooLarge, InvalidRequest."""
    try:
        document = pydantic_core.from_json(body, allow_inf_nan=True)
    except ValueError:
        raise MalformedBody from None
    records = document.get("records") if isinstance(document, dict) else None
    if not isinstance(records, list) or set(document) != {"records"}:
        raise InvalidRequest(
            'The body is an object with the one member "records", a list.',
            errors=[{"pointer": "/records", "code": "invalid"}],
        )
    if not records:
        raise InvalidRequest(
            "Send at least one record.", errors=[{"pointer": "/records", "code": "too_few"}]
        )
    if len(records) > MAX_BATCH:
        raise BatchTooLarge
    return records


def _outcome(convert: Callable[[datetime], Measurement | Fragment], now: datetime) -> Outcome:
    try:
        return convert(now)
    except RecordRejected as rejected:
        return rejected


def _canonical(record: object, now: datetime) -> Measurement:
    return to_measurement(validate_record(record), now)
