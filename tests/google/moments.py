"""Times in the forms in which Google writes them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NS: Final = 1_000_000_000


def to_ns(moment: datetime) -> int:
    """Nanoseconds since 1970, without a float on the way."""
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def from_ns(nanoseconds: int) -> datetime:
    """The moment, cut to microseconds."""
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)


def rfc3339(nanoseconds: int) -> str:
    """UTC with `Z`; a fraction only if there is one, of 3, 6 or 9 digits as protobuf writes it."""
    text = from_ns(nanoseconds).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{nanoseconds % NS:09d}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def local(nanoseconds: int, offset_s: int) -> datetime:
    """The clock on the wall at a moment, without its zone."""
    return from_ns(nanoseconds).astimezone(timezone(timedelta(seconds=offset_s))).replace(
        tzinfo=None
    )  # fmt: skip


def civil(nanoseconds: int, offset_s: int) -> dict[str, Any]:
    """google.type.DateTime in two parts; parts of the time that are zero are left out."""
    at = local(nanoseconds, offset_s)
    time = {"hours": at.hour, "minutes": at.minute, "seconds": at.second,
            "nanos": nanoseconds % NS}  # fmt: skip
    return {
        "date": {"year": at.year, "month": at.month, "day": at.day},
        "time": {name: part for name, part in time.items() if part},
    }
