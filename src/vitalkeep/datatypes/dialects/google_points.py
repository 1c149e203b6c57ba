"""What Google's points become: where they are from, what they are called, how they are settled.

Some points have no id upstream. They are called by what measured them and when, in microseconds: a
point that is read again, in either API, is the same record.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

import orjson

from vitalkeep.datatypes.canonical import Measurement, Original, to_measurement
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.google_values import to_line
from vitalkeep.datatypes.records import RecordRejected, validate_record

Outcome: TypeAlias = Measurement | RecordRejected

FIT: Final = "FIT"
"""The platform of what Google Fit has, by the name that Google Health gives it."""
_MAX_APP: Final = 256
_MAX_DEVICE: Final = 128


class Source(NamedTuple):
    """Who measured. `platform` is Google Health's name for where Google has it from.

    `kind` and `method` are a device type and a recording method of ours.
    """

    platform: str
    app: str
    manufacturer: str | None = None
    model: str | None = None
    kind: str | None = None
    method: str | None = None

    @property
    def streams(self) -> tuple[str, str, str | None, str | None]:
        """What tells it from other sources: not what only one of the two APIs knows."""
        return self.platform, self.app, self.manufacturer, self.model


class Draft(NamedTuple):
    """A record in our terms, and for pointers into it those into the point."""

    record: JsonObject
    original: Original | None
    places: Mapping[str, str]


def to_source(
    platform: str, apps: tuple[object, ...], sender: str, device: tuple[object, object]
) -> Source:
    """The source with the first of `apps` that is a name, else `sender`; device as maker, model."""
    app = next((line for app in apps if (line := to_line(app, _MAX_APP))), sender)
    manufacturer, model = (to_line(part, _MAX_DEVICE) for part in device)
    return Source(platform, app, manufacturer, model)


def to_origin(source: Source) -> JsonObject:
    """The origin as a record has it."""
    parts = {"type": source.kind, "manufacturer": source.manufacturer, "model": source.model}
    device = {name: part for name, part in parts.items() if part is not None}
    return {"app": source.app, "device": device} if device else {"app": source.app}


def name_by_times(source: Source, start: int, end: int) -> str:
    """The client id of a point that has no other, from microseconds since 1970."""
    return f"google:{_digest(source.platform, source.manufacturer, source.model)}:{start}-{end}"


def name_by_hour(source: Source, hour: str) -> str:
    """The client id of a series over one hour, named as `2026-11-20T07Z`."""
    return f"google:{_digest(source.platform, source.manufacturer, source.model)}:{hour}"


@lru_cache(maxsize=4096)
def _digest(platform: str, manufacturer: str | None, model: str | None) -> str:
    return sha256(orjson.dumps([platform, manufacturer, model])).hexdigest()[:16]


def measure(draft: Draft, now: datetime) -> Measurement:
    """The record in its stored form. Raises RecordRejected whose pointer leads into the point."""
    try:
        return to_measurement(validate_record(draft.record), now, draft.original)
    except RecordRejected as refusal:
        raise point_into(refusal, draft.places) from None


def point_into(refusal: RecordRejected, places: Mapping[str, str]) -> RecordRejected:
    """The refusal with a pointer into the point, the nearest that `places` has."""
    pointer = refusal.pointer
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return RecordRejected(refusal.code, places.get(pointer, ""), refusal.detail)


def settle(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Each record once, in order of time, and after them what was refused.

    Of several that are one record the one with the greatest content stays, so that the order in
    which pages came does not show.
    """
    records: dict[tuple[object, ...], Measurement] = {}
    refused: list[Outcome] = []
    for outcome in outcomes:
        if isinstance(outcome, RecordRejected):
            refused.append(outcome)
            continue
        key = _identity(outcome)
        other = records.get(key)
        if other is None or _weight(outcome) > _weight(other):
            records[key] = outcome
    return [*sorted(records.values(), key=_place), *refused]


def _identity(record: Measurement) -> tuple[object, ...]:
    if record.platform_id is not None:
        return (record.platform_id,)
    if record.client_id is not None:
        return (_app_of(record.origin), record.client_id)
    return (record.origin, record.start_us, record.end_us)


@lru_cache(maxsize=4096)
def _app_of(origin: bytes) -> str:
    return str(orjson.loads(origin)["app"])


def _weight(record: Measurement) -> tuple[object, ...]:
    offsets = (record.start_offset, record.end_offset)
    known = [(each is not None, each or 0) for each in offsets]
    return (record.start_us, record.end_us, record.content, record.origin, *known)


def _place(record: Measurement) -> tuple[object, ...]:
    return (record.start_us, record.end_us, record.client_id or "", record.origin, record.content)
