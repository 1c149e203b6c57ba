"""The forms an export can have. Each shows by its end that it is whole.

`ndjson` is for programs and comes back through `vitalkeep import`, `fhir` for medical software,
`csv` for spreadsheets, `open-mhealth` for what speaks Open mHealth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

import orjson

from vitalkeep.base import clock
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.disclosure.points import to_points
from vitalkeep.disclosure.table import BYTE_ORDER_MARK, COLUMNS, to_rows, write_rows
from vitalkeep.fhir.observations import to_observation


@dataclass(frozen=True, slots=True)
class Ending:
    """What only a whole export can tell: how many records were read, how many of them are in it."""

    records: int
    told: int
    at: datetime
    cursor: str


@dataclass(frozen=True, slots=True)
class Form:
    """How an export is written. `write` gives nothing for a record that the form can't tell."""

    name: str
    media_type: str
    suffix: str
    head: Callable[[UUID, datetime], bytes]
    write: Callable[[UUID, bytes], bytes]
    tail: Callable[[Ending], bytes]


def write_all(form: Form, person_id: UUID, records: Sequence[bytes]) -> tuple[bytes, int]:
    """Records as the form has them, and how many of them it could tell."""
    told = [text for each in records if (text := form.write(person_id, each))]
    return b"".join(told), len(told)


def last_line(ending: Ending) -> bytes:
    """The last line of forms that are lines of JSON."""
    left_out = ending.records - ending.told
    end = {
        "end": True,
        "records": ending.told,
        **({"left_out": left_out} if left_out else {}),
        "exported_at": clock.rfc3339(ending.at),
        "changes_cursor": ending.cursor,
    }
    return orjson.dumps(end) + b"\n"


def _entry(resource: JsonObject) -> bytes:
    return orjson.dumps({"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource})


def _bundle_head(person_id: UUID, at: datetime) -> bytes:
    """The Bundle up to its first entry, the Patient that all others are about."""
    begun = {"resourceType": "Bundle", "type": "collection", "timestamp": clock.rfc3339(at)}
    patient: JsonObject = {"resourceType": "Patient", "id": str(person_id), "active": True}
    return orjson.dumps(begun)[:-1] + b',"entry":[\n' + _entry(patient)


def _bundle_entry(person_id: UUID, record: bytes) -> bytes:
    parsed: JsonObject = orjson.loads(record)
    subject = f"urn:uuid:{person_id}"
    observation = to_observation(parsed, observation_id=str(parsed["id"]), subject=subject)
    return b",\n" + _entry(observation)


def _point_lines(_person_id: UUID, record: bytes) -> bytes:
    return b"".join(orjson.dumps(point) + b"\n" for point in to_points(orjson.loads(record)))


def _table_head(_person_id: UUID, _at: datetime) -> bytes:
    return BYTE_ORDER_MARK.encode() + write_rows(iter([list(COLUMNS)]))


def _table_tail(ending: Ending) -> bytes:
    """A last row of the type `end`, whose value is the number of records."""
    row: list[object] = ["end", clock.rfc3339(ending.at), "", "records", ending.told]
    return write_rows(iter([[*row, *[""] * (len(COLUMNS) - len(row))]]))


NDJSON: Final = Form(
    "ndjson",
    "application/x-ndjson",
    "ndjson",
    lambda _person_id, _at: b"",
    lambda _person_id, record: record + b"\n",
    last_line,
)
FHIR: Final = Form(
    "fhir",
    "application/fhir+json",
    "fhir.json",
    _bundle_head,
    _bundle_entry,
    lambda _ending: b"\n]}\n",
)
CSV: Final = Form(
    "csv",
    "text/csv; charset=utf-8; header=present",
    "csv",
    _table_head,
    lambda _person_id, record: write_rows(to_rows(orjson.loads(record))),
    _table_tail,
)
OPEN_MHEALTH: Final = Form(
    "open-mhealth",
    "application/x-ndjson",
    "open-mhealth.ndjson",
    lambda _person_id, _at: b"",
    _point_lines,
    last_line,
)
FORMS: Final = MappingProxyType({form.name: form for form in (NDJSON, FHIR, CSV, OPEN_MHEALTH)})
