"""What every data point of Google Fit has: its times, where it is from, its values by place."""

from typing import Final

from vitalkeep.datatypes.descriptors import DataType, JsonObject
from vitalkeep.datatypes.dialects.google_fit_streams import read_source
from vitalkeep.datatypes.dialects.google_points import Source
from vitalkeep.datatypes.dialects.google_values import (
    find_object,
    get_object,
    list_entries,
    to_integer,
    to_moment,
)
from vitalkeep.datatypes.records import RecordRejected

_NANOS: Final = 1000


def data_type_of(kind: DataType) -> str:
    """Fit's name of a type, empty for one that it does not have."""
    return kind.google_fit.data_type if kind.google_fit is not None else ""


def require_point(kind: DataType, point: object) -> JsonObject:
    """The point. Raises RecordRejected for one of another data type, and for anything else."""
    given = get_object(point, "")
    wanted = data_type_of(kind)
    if given.get("dataTypeName", wanted) != wanted:
        raise RecordRejected("invalid", "/dataTypeName", f"must be {wanted}")
    return given


def to_point_source(point: JsonObject, sender: str, stream: str | None) -> Source:
    """Who measured: by the stream that the point names, else by the one that was read."""
    origin = point.get("originDataSourceId")
    return read_source(origin if isinstance(origin, str) and origin else stream or "", sender)


def to_times(point: JsonObject, *, instant: bool) -> tuple[int, int]:
    """Start and end in microseconds; an instant is the end, which Fit's own SDK calls its time.

    Raises RecordRejected for what is no time, or none in our calendar.
    """
    end = to_integer(point.get("endTimeNanos"), "/endTimeNanos") // _NANOS
    end = to_moment(end, "/endTimeNanos")
    if instant:
        return end, end
    start = to_integer(point.get("startTimeNanos"), "/startTimeNanos") // _NANOS
    return to_moment(start, "/startTimeNanos"), end


def find_number(point: JsonObject, index: int) -> tuple[object, str]:
    """The number at a place among a point's values, None where there is none, and its pointer.

    Fit writes an empty object, or one that has only an empty mapVal, for what was not measured.
    """
    values = list_entries(point.get("value"))
    value = find_object(values[index]) if index < len(values) else {}
    key = next((key for key in ("fpVal", "intVal") if value.get(key) is not None), None)
    if key is None:
        return None, f"/value/{index}"
    return value[key], f"/value/{index}/{key}"
