"""Reading one type from Google Fit.

Source: developers.google.com/fit/rest/v1/reference: dataSources, datasets, sessions.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

from vitalkeep.base import clock
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.calling import Account, list_pages, take_list
from vitalkeep.connectors.faults import MOVE, GoogleFault
from vitalkeep.connectors.windows import Batch, Window
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.dialects import google_fit
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.datatypes.times import microseconds

PATH: Final = "/fitness/v1/users/me"
PAGE: Final = 2_000
SLEEP_ACTIVITY: Final = 72
LONGEST_NIGHT: Final = timedelta(days=1)
"""Fit lists sessions that end up to a day after the time that is asked for."""
OLDER_SLEEP: Final = "com.google.activity.segment"


def base_url(settings: Settings) -> str:
    """The person's resource at Fit; a setting without a path is an origin."""
    given = settings.google_fit_url.rstrip("/")
    return given if urlsplit(given).path else given + PATH


async def fetch(
    account: Account, settings: Settings, type_name: str, sender: str, window: Window
) -> Batch:
    """All of a type that starts in the window. Raises GoogleFault, TooMuch.

    Where Fit has no data source of the type it says nothing about what was there before.
    """
    base = base_url(settings)
    if type_name == "sleep":
        return await _fetch_nights(account, base, sender, window)
    upstream = BY_NAME[type_name].google_fit
    source = await find_source(account, base, type_name, upstream.data_type if upstream else "")
    if source is None:
        return Batch((), whole=False)
    points = await list_points(account, base, source, window)
    return Batch(google_fit.read_points(type_name, points, sender, clock.now(), stream=source))


async def find_source(account: Account, base: str, type_name: str, data_type: str) -> str | None:
    """The data source to read the type from, asked for once in a pull; None where there is none.

    Raises GoogleFault.
    """
    if data_type not in account.sources:
        body = await get_list(account, f"{base}/dataSources", {"dataTypeName": data_type})
        picked = google_fit.pick_source(type_name, take_list(body, "dataSource"))
        account.sources[data_type] = picked
    return account.sources[data_type]


async def get_list(account: Account, url: str, params: Mapping[str, str | int]) -> JsonObject:
    """A list that a Fit which runs always answers, if with nothing in it.

    Raises GoogleFault: `move_to_google_health` where Google has turned Fit off, for all or for us.
    """
    try:
        return await account.get(url, params)
    except GoogleFault as fault:
        if fault.off:
            raise GoogleFault(MOVE) from None
        raise


async def list_points(account: Account, base: str, source: str, window: Window) -> list[object]:
    """Every point of a data source that overlaps the window. Raises GoogleFault, TooMuch."""
    times = f"{nanoseconds(window.start)}-{nanoseconds(window.end)}"
    url = f"{base}/dataSources/{quote(source, safe='')}/datasets/{times}"
    return await list_pages(account, url, {"limit": PAGE}, "point")


async def _fetch_nights(account: Account, base: str, sender: str, window: Window) -> Batch:
    """Sessions of sleep that start in the window, with the stages that lie in them."""
    params: dict[str, str | int] = {
        "activityType": SLEEP_ACTIVITY,
        "startTime": clock.rfc3339(window.start),
        "endTime": clock.rfc3339(window.end),
    }
    sessions = take_list(await get_list(account, f"{base}/sessions", params), "session")
    if not sessions:
        return Batch(())
    segments = await _list_segments(account, base, Window(window.start, window.end + LONGEST_NIGHT))
    now = clock.now()
    return Batch(
        [
            google_fit.read_session(each, segments_of(each, segments), sender, now)
            for each in sessions
        ]
    )


async def _list_segments(account: Account, base: str, window: Window) -> list[object]:
    """Stages of sleep, where there are none the older ones among activities."""
    upstream = BY_NAME["sleep"].google_fit
    for data_type in (upstream.data_type if upstream else "", OLDER_SLEEP):
        source = await find_source(account, base, "sleep", data_type)
        if source is not None:
            return await list_points(account, base, source, window)
    return []


def segments_of(session: object, segments: Sequence[object]) -> list[object]:
    """The segments that can lie in a session, so that a month is not gone through every night."""
    if not isinstance(session, dict):
        return []
    try:
        start = int(session["startTimeMillis"]) * 1_000_000
        end = int(session["endTimeMillis"]) * 1_000_000
        return [each for each in segments if _overlaps(each, start, end)]
    except (KeyError, TypeError, ValueError):
        return list(segments)


def _overlaps(point: object, start: int, end: int) -> bool:
    if not isinstance(point, dict):
        return False
    times: JsonObject = point
    begun, ended = int(str(times["startTimeNanos"])), int(str(times["endTimeNanos"]))
    return begun < end and ended > start


def nanoseconds(moment: datetime) -> int:
    """Since 1970, as Fit writes times."""
    return microseconds(moment) * 1_000
