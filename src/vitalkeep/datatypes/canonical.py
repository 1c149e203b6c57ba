"""The one stored form of a record: the same content always gives the same bytes.

Member order follows the descriptors, numbers with a fraction are always doubles, text is NFC,
times are RFC 3339 to the microsecond without trailing zeros, series are sorted by time.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple, NotRequired, TypeAlias, TypedDict, cast
from unicodedata import normalize
from uuid import UUID

import orjson

from vitalkeep.datatypes.descriptors import Alternative, DataType, Field, JsonObject
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.series import Sample, Stage, sort_samples, sort_stages
from vitalkeep.datatypes.times import offset_minutes, time_text, to_instant
from vitalkeep.datatypes.units import get_ucum, to_stored

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
MAX_START_AHEAD: Final = timedelta(hours=24)
"""How far a phone's clock may be ahead, or set to another zone's local time."""
MAX_END_AHEAD: Final = timedelta(days=8)
"""Apps write a day's or a week's running total with the end of that day or week."""

Original: TypeAlias = tuple[float, str]
"""A value and its UCUM unit as the sender gave them, before conversion."""

_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class Measurement(NamedTuple):
    """One valid record, ready to be given an id, sealed and stored.

    `start` and `end` are in UTC and equal for an instant; offsets are minutes east of UTC, None
    when unknown. `origin` is a JSON object. `content` holds the remaining members without braces:
    everything but type, times, version and origin. A tuple, since a frozen dataclass takes five
    times as long to make.
    """

    type: DataType
    start: datetime
    end: datetime
    start_offset: int | None
    end_offset: int | None
    version: int
    platform_id: str | None
    client_id: str | None
    origin: bytes
    content: bytes

    def __repr__(self) -> str:
        """Type and times only: health values and ids stay out of tracebacks and logs."""
        return f"Measurement({self.type.name}, {self.start}, {self.end}, version {self.version})"


class _Origin(TypedDict):
    app: str
    device: NotRequired[dict[str, str]]


class _Common(TypedDict):
    """The members of a validated record that every type has."""

    type: str
    time: str
    start: str
    end: str
    origin: _Origin
    client_id: NotRequired[str]
    client_version: NotRequired[int]
    platform_id: NotRequired[str]
    recording_method: NotRequired[str]


class _Plan(NamedTuple):
    """What `to_measurement` needs of a descriptor, looked up once."""

    kind: DataType
    instant: bool
    start: Literal["time", "start"]
    members: tuple[tuple[str, Callable[[object], object] | None, Field], ...]
    series: Field | None
    head: tuple[bytes, bytes]


def _plan(kind: DataType) -> _Plan:
    instant = kind.shape == "instant"
    name = kind.name.encode()
    converters: dict[str, Callable[[object], object]] = {"number": _number, "text": to_text}
    return _Plan(
        kind=kind,
        instant=instant,
        start="time" if instant else "start",
        members=tuple((f.name, converters.get(f.kind), f) for f in kind.fields if f.kind != "list"),
        series=next((f for f in kind.fields if f.kind == "list"), None),
        head=(
            b'"type":"%b","%b":"' % (name, b"time" if instant else b"start"),
            b'"' if instant else b'","end":"',
        ),
    )


def to_measurement(
    record: JsonObject, now: datetime, original: Original | None = None
) -> Measurement:
    """The record in its stored form. `record` has passed `records.validate_record` or `BATCH`.

    `now` is aware. `original` is what a dialect converted the record's quantity from.

    Raises RecordRejected for times that are impossible, in the wrong order or out of the window,
    and for samples and stages that are.
    """
    common = cast(_Common, record)
    plan = _PLANS[common["type"]]
    start_text = common[plan.start]
    end_text = start_text if plan.instant else common["end"]
    start = to_instant(start_text, plan.start)
    end = start if plan.instant else to_instant(end_text, "end")
    _require_window(start, end, now, plan)
    content, given = _fields(record, plan, start, end)
    if original or given:
        value, unit = original or given or (0.0, "")
        content["original"] = {"value": value, "unit": unit}
    client_id, platform_id = _identity(common, content)
    start_offset = offset_minutes(start_text)
    return Measurement(
        plan.kind,
        start,
        end,
        start_offset,
        start_offset if plan.instant else offset_minutes(end_text),
        common.get("client_version", 0),
        platform_id,
        client_id,
        _origin(common["origin"]),
        orjson.dumps(content)[1:-1],
    )


def _require_window(start: datetime, end: datetime, now: datetime, plan: _Plan) -> None:
    pointer = "/" + plan.start
    if start < EARLIEST:
        raise RecordRejected("time_out_of_window", pointer, "must not be before 2000-01-01")
    if start > now + MAX_START_AHEAD:
        detail = "must not be more than 24 hours ahead"
        raise RecordRejected("time_out_of_window", pointer, detail)
    if plan.instant:
        return
    if end < start:
        raise RecordRejected("end_before_start", "/end", "must not be before the start")
    if end > now + MAX_END_AHEAD:
        detail = "must not be more than 8 days ahead"
        raise RecordRejected("time_out_of_window", "/end", detail)


def _fields(
    record: JsonObject, plan: _Plan, start: datetime, end: datetime
) -> tuple[JsonObject, Original | None]:
    """The type's own members in the descriptors' order, and what one was converted from."""
    content: JsonObject = {}
    original: Original | None = None
    for name, convert, field_ in plan.members:
        value = record.get(name)
        if value is not None:
            content[name] = value if convert is None else convert(value)
        elif field_.alternative is not None:
            content[name], original = _converted(record, field_.alternative)
    if (series := plan.series) is not None:
        sent = record[series.name]
        if plan.kind.shape == "series":
            content[series.name] = sort_samples(cast(list[Sample], sent), series, start, end)
        else:
            content[series.name] = sort_stages(cast(list[Stage], sent), series, start, end)
    return content, original


def _converted(record: JsonObject, given: Alternative) -> tuple[float, Original]:
    """The stored value of what was given in the other unit, and the value that was given."""
    value = _number(record[given.name])
    return to_stored(value, get_ucum(given.unit)), (value, given.unit)


def _identity(common: _Common, content: JsonObject) -> tuple[str | None, str | None]:
    """Adds what identifies the record and how it came about; client id and platform id."""
    client_id, platform_id = common.get("client_id"), common.get("platform_id")
    if client_id is not None:
        content["client_id"] = client_id = to_text(client_id)
    if platform_id is not None:
        content["platform_id"] = platform_id = to_platform_id(platform_id)
    if "recording_method" in common:
        content["recording_method"] = common["recording_method"]
    return client_id, platform_id


def _number(value: object) -> float:
    """A double; adding zero makes -0.0 the same as 0.0."""
    return cast(float, value) + 0.0


def to_text(value: object) -> str:
    """Text in Unicode normal form C."""
    text = cast(str, value)
    return text if text.isascii() else normalize("NFC", text)


def to_platform_id(value: str) -> str:
    """The id; UUIDs in lower case, since HealthKit writes them in capitals and others don't."""
    return value.lower() if _UUID.fullmatch(value) else to_text(value)


def _origin(origin: _Origin) -> bytes:
    device = origin.get("device") or {}
    return _origin_bytes(
        origin["app"], device.get("type"), device.get("manufacturer"), device.get("model")
    )


@lru_cache(maxsize=4096)
def _origin_bytes(app: str, kind: str | None, manufacturer: str | None, model: str | None) -> bytes:
    """The origin as a JSON object; a device of which nothing is known is left out."""
    given = {"type": kind, "manufacturer": manufacturer, "model": model}
    device = {name: to_text(value) for name, value in given.items() if value is not None}
    return orjson.dumps(
        {"app": to_text(app), "device": device} if device else {"app": to_text(app)}
    )


def to_head(
    kind: DataType,
    start: datetime,
    end: datetime,
    start_offset: int | None,
    end_offset: int | None,
) -> bytes:
    """The first members of an answer, without braces: type and times, each at its own offset."""
    first, second = _PLANS[kind.name].head
    if kind.shape == "instant":
        return first + time_text(start, start_offset).encode() + second
    begun = time_text(start, start_offset).encode()
    return b'%b%b%b%b"' % (first, begun, second, time_text(end, end_offset).encode())


def render(
    record_id: UUID,
    head: bytes,
    content: bytes,
    version: int,
    origin: bytes,
    modified_at: datetime,
) -> bytes:
    """The JSON object that answers carry for one stored record.

    `head` comes from `to_head`; `content`, `version` and `origin` from the Measurement.
    """
    return b'{"id":"%b",%b,%b,"client_version":%d,"origin":%b,"modified_at":"%b"}' % (
        str(record_id).encode(),
        head,
        content,
        version,
        origin,
        time_text(modified_at, None).encode(),
    )


_PLANS: Final = {kind.name: _plan(kind) for kind in TYPES}
