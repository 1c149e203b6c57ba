"""Reading one type from the Google Health API v4.

Source: developers.google.com/health/api: users.dataTypes.dataPoints.list.
"""

from datetime import datetime
from typing import Final

from vitalkeep.base import clock
from vitalkeep.base.settings import Settings
from vitalkeep.connectors.calling import Account, list_pages
from vitalkeep.connectors.windows import Batch, Window
from vitalkeep.datatypes.canonical import Measurement
from vitalkeep.datatypes.dialects import google_health
from vitalkeep.datatypes.registry import BY_NAME

PAGE: Final = 5_000
PAGE_OF_NIGHTS: Final = 25
"""The most that Google takes for sleep."""


async def fetch(
    account: Account, settings: Settings, type_name: str, sender: str, window: Window
) -> Batch:
    """All of a type that starts in the window, of sleep what ends in it.

    Raises GoogleFault, TooMuch.
    """
    upstream = BY_NAME[type_name].google_health
    kebab = upstream.data_type if upstream else type_name
    url = f"{settings.google_health_url.rstrip('/')}/v4/users/me/dataTypes/{kebab}/dataPoints"
    params = {
        "filter": google_health.filter_for(type_name, window.start, window.end),
        "pageSize": PAGE_OF_NIGHTS if type_name == "sleep" else PAGE,
    }
    points = await list_pages(account, url, params, "dataPoints")
    now = clock.now()
    return Batch(
        google_health.read_points(type_name, points, sender, now),
        by_end=type_name == "sleep",
        pending_from=_pending_from(type_name, points, sender, now),
    )


def _pending_from(
    type_name: str, points: list[object], sender: str, now: datetime
) -> datetime | None:
    """The earliest start of a night that Google has not finished yet."""
    pending = [point for point in points if google_health.is_pending(point)]
    if not pending:
        return None
    read = google_health.read_points(type_name, pending, sender, now)
    return min((each.start for each in read if isinstance(each, Measurement)), default=None)
