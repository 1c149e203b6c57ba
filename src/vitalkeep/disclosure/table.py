"""Records as rows of a table (RFC 4180), one for each value. Pure.

For a spreadsheet: with a byte-order mark, without which Excel misreads Japanese, and with an
apostrophe before any text that a spreadsheet would take for a formula.
"""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Final, NamedTuple, TypeAlias, cast

from vitalkeep.datatypes.descriptors import DataType, Field
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.datatypes.times import offset_minutes
from vitalkeep.fhir.nights import minutes, to_night

JsonView: TypeAlias = Mapping[str, object]
BYTE_ORDER_MARK: Final = "\ufeff"
COLUMNS: Final = (
    "type", "start", "end", "field", "value", "unit", "offset_minutes", "app", "device_type",
    "device_manufacturer", "device_model", "recording_method", "client_id", "client_version",
    "platform_id", "record_id", "modified_at",
)  # fmt: skip
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Cell(NamedTuple):
    """One value of a record: when it was, what it is, and in which UCUM unit."""

    start: object
    end: object
    field: str
    value: object
    unit: str | None = None


def to_rows(record: JsonView) -> Iterator[list[object]]:
    """The rows of a canonical record, in the order of `COLUMNS`."""
    origin = cast(JsonView, record["origin"])
    device = cast(JsonView, origin.get("device", {}))
    names = ("recording_method", "client_id", "client_version", "platform_id", "id", "modified_at")
    end = [
        origin["app"],
        *(device.get(name, "") for name in ("type", "manufacturer", "model")),
        *(record.get(name, "") for name in names),
    ]
    for cell in to_cells(BY_NAME[str(record["type"])], record):
        offset = offset_minutes(str(cell.start))
        told = [cell.field, cell.value, cell.unit or "", "" if offset is None else offset]
        yield [record["type"], cell.start, cell.end, *told, *end]


def to_cells(kind: DataType, record: JsonView) -> Iterator[Cell]:
    """Each value of a record: fields, samples, stages, and what a value was converted from."""
    start, end = (record.get(name, record.get("time")) for name in ("start", "end"))
    if kind.shape == "stages":
        asleep = minutes(to_night(record).asleep)
        yield Cell(start, end, "asleep", asleep, kind.fhir.ucum)
    for field in kind.fields:
        if field.kind == "list":
            yield from _listed(field, record)
        elif field.name in record:
            yield Cell(start, end, field.name, record[field.name], field.unit)
    if "original" in record:
        original = cast(JsonView, record["original"])
        yield Cell(start, end, "original", original["value"], str(original["unit"]))


def _listed(field: Field, record: JsonView) -> Iterator[Cell]:
    part = field.parts[-1]
    for each in cast(list[JsonView], record[field.name]):
        start, end = (each.get(name, each.get("time")) for name in ("start", "end"))
        yield Cell(start, end, part.name, each[part.name], part.unit)


def write_rows(rows: Iterator[list[object]]) -> bytes:
    """Rows as they are sent, each ended by CR and LF."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
    return text.getvalue().encode()


def safe(cell: object) -> object:
    """The cell, with an apostrophe before text that would be a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
