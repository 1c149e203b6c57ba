"""The only place that reads the clock, so that a test can move time by replacing `now`."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC. Call it as `clock.now()`."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """`moment` in UTC as RFC 3339 text ending in `Z`, microseconds kept."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def move_years(moment: datetime, years: int) -> datetime:
    """The same moment of another year; the first one of March where it has no 29 February."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight.replace(year=moment.year + years, month=3, day=1)
