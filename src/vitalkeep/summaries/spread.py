"""Days of what is measured at moments: smallest, largest, mean, last. Pure.

Every record of every source counts. Means are of the exact sum, rounded to six decimals.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from math import fsum
from typing import TypeAlias, cast
from zoneinfo import ZoneInfo

from vitalkeep.datatypes.descriptors import DataType, Field
from vitalkeep.datatypes.times import to_instant
from vitalkeep.summaries.entries import Entry, Json
from vitalkeep.summaries.local_days import Local, frame, local_date

Number: TypeAlias = int | float
NUMBERS = ("integer", "number")


def number_fields(fields: Iterable[Field]) -> list[Field]:
    """The fields that hold a number."""
    return [field for field in fields if field.kind in NUMBERS]


def samples_field(kind: DataType) -> tuple[Field, Field]:
    """The list of samples of a type that is told by them, and what each sample measures."""
    samples = next(field for field in kind.fields if field.kind == "list")
    return samples, number_fields(samples.parts)[0]


def summarize_spread(kind: DataType, entries: Sequence[Entry], zone: ZoneInfo) -> dict[date, Json]:
    """Days of records at one moment, which come in the order in which they count: of several at
    the last moment the first is the day's last.
    """
    days: dict[date, list[Entry]] = defaultdict(list)
    for entry in entries:
        days[local_date(entry.start, Local(entry.offset, zone))].append(entry)
    return {day: _tell(kind, measured) for day, measured in days.items()}


def _tell(kind: DataType, entries: Sequence[Entry]) -> Json:
    fields = number_fields(kind.fields)
    told: Json = {}
    for field in fields:
        given = [entry for entry in entries if field.name in entry.content]
        if given:
            values = [cast(Number, entry.content[field.name]) for entry in given]
            # Of several, max() answers the first.
            last = max(given, key=lambda entry: entry.start)
            told[field.name] = {**spread(values), "last": last.content[field.name]}
    if len(fields) == 1:
        return {**cast(Json, told[fields[0].name]), "count": len(entries), "unit": fields[0].unit}
    return {**told, "count": len(entries)}


def spread(values: Sequence[Number]) -> Json:
    """Smallest, largest and mean; the order of the values changes nothing.

    Rounding leaves the mean between the two: values that were converted have more decimals.
    """
    low, high = min(values), max(values)
    mean = round(fsum(values) / len(values), 6)
    return {"min": low, "max": high, "mean": float(min(max(mean, low), high))}


def summarize_pulse(kind: DataType, entries: Sequence[Entry], zone: ZoneInfo) -> dict[date, Json]:
    """Days of records with samples, each sample on the day that it was measured on: by its own
    offset, else by its record's.
    """
    samples, measured = samples_field(kind)
    days: dict[date, list[Number]] = defaultdict(list)
    for entry in entries:
        whole = frame((entry.start, entry.offset), (entry.end, entry.end_offset), zone)
        first, last = whole.date_at(entry.start), whole.date_at(entry.end)
        for sample in cast(list[Json], entry.content[samples.name]):
            text = str(sample["time"])
            if text[-1] != "Z":
                day = date.fromisoformat(text[:10])
            else:
                day = first if first == last else whole.date_at(to_instant(text))
            days[day].append(cast(Number, sample[measured.name]))
    return {
        day: {**spread(values), "count": len(values), "unit": measured.unit}
        for day, values in days.items()
    }
