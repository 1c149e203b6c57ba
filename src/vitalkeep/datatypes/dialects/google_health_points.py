"""What every data point of the Google Health API has: its times, and where it is from.

Source: google.devicesandservices.health.v4, DataPoint, DataSource, ObservationTimeInterval and
ObservationSampleTime.
"""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from vitalkeep.datatypes.choices import DEVICE_TYPE, RECORDING_METHOD
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects.google_points import FIT, Source, to_source
from vitalkeep.datatypes.dialects.google_values import (
    find_object,
    to_moment,
    to_named,
)
from vitalkeep.datatypes.records import RecordRejected
from vitalkeep.datatypes.times import microseconds, read_time

ECHOES: Final = frozenset({"HEALTH_CONNECT", "HEALTH_KIT", FIT})
"""Platforms whose records reach us by themselves, too."""

_DURATION: Final = re.compile(r"(-?)([0-9]{1,6})(\.[0-9]{1,9})?s")
_MAX_OFFSET: Final = 18 * 60
_MINUTE_US: Final = 60_000_000
_OFFSET_DETAIL: Final = "must be text as 32400s, within 18 hours"
_TIME_DETAIL: Final = "must be an RFC 3339 time, as 2026-11-20T07:00:00Z"
_METHODS: Final = {
    "MANUAL": "manual_entry",
    "PASSIVELY_MEASURED": "automatically_recorded",
    "ACTIVELY_MEASURED": "actively_recorded",
    # Nobody did anything for it.
    "DERIVED": "automatically_recorded",
}


class Moment(NamedTuple):
    """An instant in microseconds since 1970, and minutes east of UTC, None when unknown."""

    time: int
    offset: int | None


def to_point_source(point: JsonObject, sender: str) -> Source:
    """Who measured; the app is `sender` where the point tells none."""
    given = find_object(point, "dataSource")
    application, device = find_object(given, "application"), find_object(given, "device")
    names = ("packageName", "googleWebClientId", "webClientId")
    apps = tuple(application.get(name) for name in names)
    platform = given.get("platform")
    source = to_source(
        platform if isinstance(platform, str) else "",
        apps,
        sender,
        (device.get("manufacturer"), device.get("displayName")),
    )
    return source._replace(
        kind=to_named(device.get("formFactor"), DEVICE_TYPE, {}),
        method=to_named(given.get("recordingMethod"), RECORDING_METHOD, _METHODS),
    )


def to_sample_time(sample: JsonObject, pointer: str) -> Moment:
    """When a sample was taken; `pointer` leads to what holds its `sampleTime`."""
    pointer += "/sampleTime"
    names = ("physicalTime", "utcOffset", "civilTime")
    return _to_moment(find_object(sample, "sampleTime"), names, pointer)


def to_interval(holder: JsonObject, pointer: str) -> tuple[Moment, Moment]:
    """Start and end of what lasted; `pointer` leads to `holder`."""
    start = _to_moment(holder, ("startTime", "startUtcOffset", "civilStartTime"), pointer)
    end = _to_moment(holder, ("endTime", "endUtcOffset", "civilEndTime"), pointer)
    return start, end


def _to_moment(holder: JsonObject, names: tuple[str, str, str], pointer: str) -> Moment:
    """The instant, and its offset; either may have to come from the civil time beside it.

    Raises RecordRejected for what is no time, and for a civil time that nothing places.
    """
    physical, utc_offset, civil = names
    place = f"{pointer}/{physical}"
    offset = _to_offset(holder.get(utc_offset), f"{pointer}/{utc_offset}")
    local = _civil_time(holder.get(civil))
    text = holder.get(physical)
    if text is None and offset is not None and local is not None:
        return Moment(to_moment(local - offset * _MINUTE_US, f"{pointer}/{civil}"), offset)
    if not isinstance(text, str):
        raise RecordRejected("invalid", place, _TIME_DETAIL)
    count, written = read_time(text, *place.split("/")[1:])
    if offset is None:
        offset = written if local is None else _difference(local, count)
    return Moment(to_moment(count, place), offset)


def _to_offset(value: object, pointer: str) -> int | None:
    if value is None:
        return None
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    minutes = int(match[2]) // 60 if match else _MAX_OFFSET + 1
    if match is None or int(match[2]) > _MAX_OFFSET * 60:
        raise RecordRejected("invalid", pointer, _OFFSET_DETAIL)
    return -minutes if match[1] else minutes


def _civil_time(value: object) -> int | None:
    """A civil time in microseconds, as if it were in UTC; members that are zero are left out."""
    day, time = find_object(value, "date"), find_object(value, "time")
    parts = [day.get(name) for name in ("year", "month", "day")]
    parts += [time.get(name, 0) for name in ("hours", "minutes", "seconds", "nanos")]
    whole = [part for part in parts if type(part) is int]
    if len(whole) < len(parts):
        return None
    *clock, nanos = whole
    try:
        year, month, date, hour, minute, second = clock
        local = datetime(year, month, date, hour, minute, second, nanos // 1000, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return microseconds(local)


def _difference(local: int, count: int) -> int | None:
    """The minutes that a civil time is ahead of the instant; None if that is no offset."""
    minutes = round((local - count) / _MINUTE_US)
    return minutes if abs(minutes) <= _MAX_OFFSET else None
