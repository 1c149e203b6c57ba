"""Google Fit's data streams: which to read, and what a stream's id tells of who measured.

An id is `raw` or `derived`, the data type, the app's package or project number, where known maker,
model and uid of the device, and the stream's name, with colons between; a derived one may add `<-`
and what it is derived from. Source: Fitness API v1 discovery document, DataSource.dataStreamId.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from vitalkeep.datatypes.dialects.google_points import FIT, Source, to_source
from vitalkeep.datatypes.dialects.google_values import find_object

PLATFORM_APP: Final = "com.google.android.gms"
"""The app whose derived streams merge everybody's data."""
_APP: Final = re.compile(r"[0-9]+|[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+")
_ENTERED: Final = "user_input"
_BEST: Final = ("estimated_steps",)


class Stream(NamedTuple):
    """A stream's id, taken apart; what it does not tell is empty."""

    form: str
    data_type: str
    app: str
    manufacturer: str
    model: str
    name: str


@lru_cache(maxsize=4096)
def to_stream(stream_id: str) -> Stream:
    """What an id tells. Nothing is required of it: apps make up parts of their own."""
    own, derived, rest = stream_id.partition("<-")
    form, _, after = own.partition(":")
    data_type, *parts = after.split(":")
    app = parts.pop(0) if parts and _APP.fullmatch(parts[0]) else ""
    name = parts.pop() if parts else ""
    manufacturer, model = parts[:2] if len(parts) > 1 else ("", "")
    return Stream(form, data_type, app, manufacturer, model, name + derived + rest)


@lru_cache(maxsize=4096)
def read_source(stream_id: str, sender: str) -> Source:
    """Who measured what a stream with this id has; the app is `sender` where the id tells none."""
    stream = to_stream(stream_id)
    source = to_source(FIT, (stream.app,), sender, (stream.manufacturer, stream.model))
    return source._replace(method="manual_entry" if stream.name == _ENTERED else None)


def pick_stream(data_type: str, data_sources: Sequence[object]) -> str | None:
    """The best of the streams of one data type, None where there is none to read."""
    found: list[tuple[int, str]] = []
    for each in data_sources:
        stream_id = each.get("dataStreamId") if isinstance(each, dict) else None
        if not isinstance(stream_id, str) or not stream_id:
            continue
        stream = to_stream(stream_id)
        named = find_object(each, "dataType").get("name", stream.data_type)
        rank = _rank(stream) if named == data_type else None
        if rank is not None:
            found.append((rank, stream_id))
    return min(found)[1] if found else None


def _rank(stream: Stream) -> int | None:
    """Merged streams first, then raw ones, of a device before what somebody typed.

    None for other derived ones: the rate at rest is no heart rate of its own.
    """
    if stream.form == "raw":
        return 4 if stream.name == _ENTERED else 2 if stream.model else 3
    if stream.form != "derived" or stream.app != PLATFORM_APP:
        return None
    if stream.name in _BEST:
        return 0
    return 1 if stream.name.startswith("merge") else None
