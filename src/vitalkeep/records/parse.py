"""From the bytes of a push to measurements, one outcome for each record in its order.

The whole body is validated at once; only when that fails is it taken record by record, so that
one bad record never costs the others anything.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeAlias

import msgspec
import pydantic_core

from vitalkeep.base.errors import BatchTooLarge, InvalidRequest, MalformedBody
from vitalkeep.datatypes.canonical import Measurement, to_measurement
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.fragments import Fragment
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.structs import read_batch
from vitalkeep.datatypes.wire import MAX_BATCH

Outcome: TypeAlias = Measurement | Fragment | RecordRejected


def parse_canonical(body: bytes, now: datetime) -> list[Outcome]:
    """Outcomes of a body in our own shape. Raises MalformedBody, BatchTooLarge, InvalidRequest."""
    try:
        records = read_batch(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return [_outcome(partial(_canonical, record), now) for record in read_records(body)]
    outcomes: list[Outcome] = []
    for record in records:
        try:
            outcomes.append(to_measurement(record, now))
        except RecordRejected as rejected:
            outcomes.append(rejected)
    return outcomes


def read_document(body: bytes) -> JsonObject:
    """The body's members; none if it is JSON and no object. Raises MalformedBody."""
    try:
        document = pydantic_core.from_json(body, allow_inf_nan=True)
    except ValueError:
        raise MalformedBody from None
    return document if isinstance(document, dict) else {}


def read_records(body: bytes) -> list[object]:
    """The entries of `records`, unchecked. Raises MalformedBody, BatchTooLarge, InvalidRequest."""
    document = read_document(body)
    records = document.get("records")
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
