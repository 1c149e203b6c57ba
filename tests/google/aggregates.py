"""Fit's aggregates: buckets of equal length, empty ones too."""

from typing import Any, Final

from tests.google.catalog import GMS, SEGMENT, FitType
from tests.google.fit_store import FitPoint, FitStore, to_float32
from tests.google.refusals import Refused

MOST_MS: Final = 30 * 86_400_000
MS: Final = 1_000_000


def aggregate(store: FitStore, kinds: list[FitType], body: dict[str, Any]) -> dict[str, Any]:
    """The buckets of `bucketByTime.durationMillis`. Raises Refused."""
    try:
        start, end = int(body["startTimeMillis"]), int(body["endTimeMillis"])
        length = int(body["bucketByTime"]["durationMillis"])
    except (KeyError, TypeError, ValueError):
        message = "The stand-in needs startTimeMillis, endTimeMillis, bucketByTime.durationMillis"
        raise Refused(400, "badRequest", message) from None
    if not kinds or length <= 0 or start >= end:
        raise Refused(400, "badRequest", "Invalid aggregation")
    if end - start > MOST_MS:
        raise Refused(400, "invalidArgument", "aggregate duration too large")
    spans = [(at, min(at + length, end)) for at in range(start, end, length)]
    return {"bucket": [to_bucket(store, kinds, first, last) for first, last in spans]}


def to_bucket(store: FitStore, kinds: list[FitType], start: int, end: int) -> dict[str, Any]:
    """One bucket with a dataset for each type."""
    return {
        "startTimeMillis": str(start),
        "endTimeMillis": str(end),
        "dataset": [to_dataset(store, kind, start * MS, end * MS) for kind in kinds],
    }


def to_dataset(store: FitStore, kind: FitType, start_ns: int, end_ns: int) -> dict[str, Any]:
    """No point, or one with the sum or with average, most and least of each number."""
    found = [each for each in store.between(kind.name, start_ns, end_ns) if each.merged][::-1]
    name = result_name(kind)
    source = f"derived:{name}:{GMS}:aggregated"
    if not found or kind.name == SEGMENT:
        return {"dataSourceId": source, "point": [each.to_json(source) for each in found]}
    point = {
        "startTimeNanos": str(found[0].start_ns),
        "endTimeNanos": str(found[-1].end_ns),
        "dataTypeName": name,
        "originDataSourceId": found[0].origin,
        "value": summed(found) if kind.scope == "activity" else summarized(kind, found),
    }
    return {"dataSourceId": source, "point": [point]}


def result_name(kind: FitType) -> str:
    """The type that an aggregate has."""
    if kind.scope in ("activity", "sleep"):
        return kind.name
    return f"{kind.name.removesuffix('.bpm')}.summary"


def summed(points: list[FitPoint]) -> list[dict[str, Any]]:
    """Steps together."""
    return [{"intVal": sum(each.values[0]["intVal"] for each in points), "mapVal": []}]


def summarized(kind: FitType, points: list[FitPoint]) -> list[dict[str, Any]]:
    """Average, most and least of each float."""
    found: list[dict[str, Any]] = []
    for position, (_, form) in enumerate(kind.fields):
        numbers = [p.values[position]["fpVal"] for p in points if "fpVal" in p.values[position]]
        if form == "floatPoint" and numbers:
            three = (sum(numbers) / len(numbers), max(numbers), min(numbers))
            found += ({"fpVal": to_float32(number), "mapVal": []} for number in three)
    return found
