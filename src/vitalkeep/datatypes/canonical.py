"""The one stored form of a record: the same content always gives the same bytes.

Member order follows the descriptors, numbers with a fraction are always doubles, text is NFC,
times are RFC 3339 to the microsecond without trailing zeros, series are sorted by time.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
import orjson
from msgspec import UNSET

from vitalkeep.datatypes.common import list_members
from vitalkeep.datatypes.descriptors import Alternative, DataType, Field
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.series import sort_samples, sort_stages
from vitalkeep.datatypes.structs import STRUCTS, HealthRecord
from vitalkeep.datatypes.texts import origin_json, read_text, to_platform_id
from vitalkeep.datatypes.times import (
    from_microseconds,
    instant_text,
    microseconds,
    read_time,
    time_text,
)
from vitalkeep.datatypes.units import get_ucum, to_stored

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_EARLIEST_US: Final = microseconds(EARLIEST)
MAX_START_AHEAD: Final = timedelta(hours=24)
"""How far a phone's clock may be ahead, or set to another zone's local time."""
MAX_END_AHEAD: Final = timedelta(days=8)
"""Apps write a day's or a week's running total with the end of that day or week."""

Original: TypeAlias = tuple[float, str]
"""A value and its UCUM unit as the sender gave them, before conversion."""


class Measurement(msgspec.Struct, frozen=True, gc=False):
    """One valid record, ready to be given an id, sealed and stored.

    Times are microseconds since 1970, `end` equal to `start` for an instant; offsets are minutes
    east of UTC, None when unknown. `origin` is a JSON object. `content` holds the remaining
    members without braces: everything but type, times, version and origin. A struct, since it is
    made in a fraction of a frozen dataclass's time.
    """

    type: DataType
    start_us: int
    end_us: int
    start_offset: int | None
    end_offset: int | None
    version: int
    platform_id: str | None
    client_id: str | None
    origin: bytes
    content: bytes

    @property
    def start(self) -> datetime:
        """The start, or the instant, in UTC."""
        return from_microseconds(self.start_us)

    @property
    def end(self) -> datetime:
        """The end, or the instant again, in UTC."""
        return from_microseconds(self.end_us)

    def __repr__(self) -> str:
        """Type and times only: health values and ids stay out of tracebacks and logs."""
        return f"Measurement({self.type.name}, {self.start}, {self.end}, version {self.version})"


class _Plan(NamedTuple):
    """What `to_measurement` needs of a descriptor, looked up once by the record's struct."""

    kind: DataType
    instant: bool
    start: str
    numbers: tuple[str, ...]
    texts: tuple[Field, ...]
    alternative: tuple[str, Alternative] | None
    series: Field | None
    prefix: int
    head: tuple[bytes, bytes]


def _plan(kind: DataType) -> _Plan:
    instant = kind.shape == "instant"
    name = kind.name.encode()
    alternatives = ((f.name, f.alternative) for f in kind.fields if f.alternative is not None)
    return _Plan(
        kind=kind,
        instant=instant,
        start="time" if instant else "start",
        numbers=tuple(f.name for f in kind.fields if f.kind == "number"),
        texts=tuple(f for f in list_members(kind) if f.kind == "text"),
        alternative=next(alternatives, None),
        series=next((f for f in kind.fields if f.kind == "list"), None),
        prefix=len(b'{"type":"%b",' % name),
        head=(
            b'"type":"%b","%b":"' % (name, b"time" if instant else b"start"),
            b'"' if instant else b'","end":"',
        ),
    )


def to_measurement(
    record: HealthRecord, now: datetime, original: Original | None = None
) -> Measurement:
    """The record in its stored form; `record` is used up, and belongs to nobody else after it.

    It comes from `structs.read_batch` or `records.validate_record`. `now` is aware. `original` is
    what a dialect converted the record's quantity from.

    Raises RecordRejected for texts with control characters, times that are impossible, in the wrong
    order or out of the window, and for samples and stages that are.
    """
    plan = _PLANS[type(record)]
    given: Any = record
    start, start_offset = read_time(given.time if plan.instant else given.start, plan.start)
    end, end_offset = (start, start_offset) if plan.instant else read_time(given.end, "end")
    _require_window(start, end, now, plan)
    if plan.alternative is not None:
        original = _convert(given, *plan.alternative) or original
    if (series := plan.series) is not None:
        sort = sort_samples if plan.kind.shape == "series" else sort_stages
        setattr(given, series.name, sort(getattr(given, series.name), series, start, end))
    if given.platform_id is not UNSET:
        given.platform_id = to_platform_id(given.platform_id)
    origin, version = origin_json(given.origin), given.client_version or 0
    content = _content(given, plan)
    if original is not None:
        value, unit = original
        content += b',"original":' + orjson.dumps({"value": value, "unit": unit})
    return Measurement(
        plan.kind,
        start,
        end,
        start_offset,
        end_offset,
        version,
        given.platform_id or None,
        given.client_id or None,
        origin,
        content,
    )


def _content(given: Any, plan: _Plan) -> bytes:  # noqa: ANN401
    """The members that no column holds, without braces, texts and numbers in their one form.

    ASCII without an escape and without DEL holds no control character and is composed already;
    -0.0 is the same number as 0.0.
    """
    given.origin = given.client_version = UNSET
    if plan.instant:
        given.time = UNSET
    else:
        given.start = given.end = UNSET
    try:
        content = msgspec.json.encode(given)
    except UnicodeEncodeError:
        content = b"\\"  # half of a surrogate pair: told below where
    if not content.isascii() or b"\\" in content or b"\x7f" in content or b"-0.0" in content:
        _normalize(given, plan)
        content = msgspec.json.encode(given)
    return content[plan.prefix : -1]


def _normalize(given: Any, plan: _Plan) -> None:  # noqa: ANN401
    """Brings numbers and texts into their one form. Raises RecordRejected as `read_text` does."""
    for name in plan.numbers:
        setattr(given, name, getattr(given, name) + 0.0)
    for field in plan.texts:
        if (text := getattr(given, field.name)) is not UNSET:
            setattr(given, field.name, read_text(text, field, field.name))


def _require_window(start: int, end: int, now: datetime, plan: _Plan) -> None:
    latest_start, latest_end = _latest(now)
    if _EARLIEST_US <= start <= end and start <= latest_start and end <= latest_end:
        return
    pointer = "/" + plan.start
    if start < _EARLIEST_US:
        raise RecordRejected("time_out_of_window", pointer, "must not be before 2000-01-01")
    if start > latest_start:
        detail = "must not be more than 24 hours ahead"
        raise RecordRejected("time_out_of_window", pointer, detail)
    if end < start:
        raise RecordRejected("end_before_start", "/end", "must not be before the start")
    raise RecordRejected("time_out_of_window", "/end", "must not be more than 8 days ahead")


@lru_cache(maxsize=16)
def _latest(now: datetime) -> tuple[int, int]:
    """The last moments at which a record may start and end."""
    return microseconds(now + MAX_START_AHEAD), microseconds(now + MAX_END_AHEAD)


def _convert(given: Any, name: str, other: Alternative) -> Original | None:  # noqa: ANN401
    """Turns what was given in the other unit into the stored one; what was given.

    Raises RecordRejected when both or neither is there.
    """
    sent = getattr(given, other.name)
    if (sent is UNSET) is (getattr(given, name) is UNSET):
        raise RecordRejected("invalid", "", f"give exactly one of {name} and {other.name}")
    if sent is UNSET:
        return None
    setattr(given, name, to_stored(sent + 0.0, get_ucum(other.unit)))
    setattr(given, other.name, UNSET)
    return sent + 0.0, other.unit


def to_head(
    kind: DataType,
    start: datetime,
    end: datetime,
    start_offset: int | None,
    end_offset: int | None,
) -> bytes:
    """The first members of an answer, without braces: type and times, each at its own offset."""
    first, second = _PLANS[STRUCTS[kind.name]].head
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
        instant_text(modified_at),
    )


_PLANS: Final[dict[type, _Plan]] = {STRUCTS[kind.name]: _plan(kind) for kind in TYPES}
