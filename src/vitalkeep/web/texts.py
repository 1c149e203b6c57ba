"""The texts of the pages, in each language, and how it writes days and times."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

import orjson

Language: TypeAlias = Literal["ja", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
FILE: Final = Path(__file__).parent / "texts.json"
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


@cache
def catalogue() -> dict[str, dict[Language, str]]:
    """Every text by its key and language."""
    texts: dict[str, dict[Language, str]] = orjson.loads(FILE.read_bytes())
    return texts


def text(key: str, language: Language, **values: object) -> str:
    """One text with its values. Raises KeyError for a key that is none."""
    return catalogue()[key][language].format(**values)


def to_language(tag: str | None) -> Language:
    """The language of a BCP 47 tag that the pages have; Japanese for all others."""
    primary = (tag or "").partition("-")[0].lower()
    return "en" if primary == "en" else "ja"


def write_day(moment: datetime, language: Language, zone: str) -> str:
    """The local day."""
    local = moment.astimezone(ZoneInfo(zone))
    if language == "ja":
        return f"{local.year}年{local.month}月{local.day}日"
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


def write_time(moment: datetime, language: Language, zone: str) -> str:
    """The local day and time, with the zone's name."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{write_day(moment, language, zone)} {local:%H:%M} ({zone})"
