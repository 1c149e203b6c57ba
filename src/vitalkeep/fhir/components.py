"""What an Observation holds beside its value: one component for each thing a record tells.

A field with a LOINC code is a component of that code, a choice without one a component of ours.
Samples of a series and stages of a night are components, too: a profile's value is one Quantity.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TypeAlias, TypedDict, cast

from vitalkeep.datatypes.descriptors import DataType, Field, JsonObject
from vitalkeep.datatypes.times import read_time
from vitalkeep.fhir import vocabulary as words
from vitalkeep.fhir.nights import minutes, stages_of, to_night

JsonView: TypeAlias = Mapping[str, object]
MICROSECONDS_IN_ONE_MS = 1000


class Sample(TypedDict):
    """A sample as far as its place goes; its value stands under the field's own name."""

    time: str


def to_components(kind: DataType, record: JsonView) -> list[JsonObject]:
    """Every component of the record's Observation, in the order of the type's fields."""
    found: list[JsonObject] = []
    for field in kind.fields:
        if field.name not in record or field.name == kind.fhir.site:
            continue
        if field.loinc is not None:
            code = words.concept(words.coding(words.LOINC, field.loinc), text=spoken(field.name))
            value = words.quantity(record[field.name], field.unit or "")
            found.append({"code": code, "valueQuantity": value})
        elif field.choices is not None:
            found.append(_choice(field, record))
        elif field.kind == "list":
            rows = (
                series_rows(kind, field, record)
                if kind.shape == "series"
                else night_rows(kind, record)
            )
            found.extend(rows)
    return found


def spoken(name: str) -> str:
    """A field's name for people: `body_position` is "Body position"."""
    return name.removesuffix("_mmhg").replace("_", " ").capitalize()


def choice_concept(field: Field, record: JsonView) -> JsonObject:
    """The value of a choice; the system is the enumeration's."""
    value = str(record[field.name])
    system = words.choices_system(field.choices.name if field.choices else field.name)
    return words.concept(words.coding(system, value), text=value.replace("_", " "))


def _choice(field: Field, record: JsonView) -> JsonObject:
    code = words.concept(words.coding(words.FIELD, field.name), text=spoken(field.name))
    return {"code": code, "valueCodeableConcept": choice_concept(field, record)}


def only_sample(field: Field, record: JsonView) -> object:
    """The value of a series of one sample that was taken at its start; None for any other series.

    It is the value of the Observation itself.
    """
    samples = cast(list[Sample], record[field.name])
    if len(samples) > 1 or read_time(samples[0]["time"])[0] != read_time(str(record["start"]))[0]:
        return None
    return cast(JsonView, samples[0])[field.parts[1].name]


def series_rows(kind: DataType, field: Field, record: JsonView) -> Iterator[JsonObject]:
    """The samples: one SampledData where it can tell their times, else a Quantity for each.

    SampledData starts with the Observation's period and knows one distance between its samples.
    """
    if only_sample(field, record) is not None:
        return
    part = field.parts[1]
    samples = cast(list[Sample], record[field.name])
    values = [cast(JsonView, sample)[part.name] for sample in samples]
    code = words.concept(words.coding(words.LOINC, kind.fhir.loinc), text=kind.title)
    times = [read_time(sample["time"])[0] for sample in samples]
    period = _even_distance(times)
    if period is not None and times[0] == read_time(str(record["start"]))[0]:
        yield {
            "code": code,
            "valueSampledData": {
                "origin": words.quantity(0, kind.fhir.ucum),
                "period": _milliseconds(period),
                "dimensions": 1,
                "data": " ".join(map(str, values)),
            },
        }
        return
    for sample, value in zip(samples, values, strict=True):
        at = words.to_datetime(sample["time"])
        yield {
            "extension": [words.extension(words.SAMPLE_TIME, valueDateTime=at)],
            "code": code,
            "valueQuantity": words.quantity(value, kind.fhir.ucum),
        }


def _even_distance(times: list[int]) -> int | None:
    """Microseconds between neighbours, if they are the same everywhere and there are any."""
    distances = {later - earlier for earlier, later in pairwise(times)}
    distance = distances.pop() if len(distances) == 1 else 0
    return distance or None


def _milliseconds(microseconds: int) -> float:
    whole, rest = divmod(microseconds, MICROSECONDS_IN_ONE_MS)
    return microseconds / MICROSECONDS_IN_ONE_MS if rest else whole


def night_rows(kind: DataType, record: JsonView) -> Iterator[JsonObject]:
    """How long each stage lasted in all, and when each one was."""
    codes = dict(kind.fhir.also)
    for stage, length in sorted(to_night(record).in_stage.items()):
        codings = [words.coding(words.TIME_IN_STAGE, stage)]
        if stage in codes:
            codings.insert(0, words.coding(words.LOINC, codes[stage]))
        code = words.concept(*codings, text=f"Time in stage: {stage.replace('_', ' ')}")
        value = words.quantity(minutes(length), kind.fhir.ucum)
        yield {"code": code, "valueQuantity": value}
    for each in stages_of(record):
        text = f"Stage: {each['stage'].replace('_', ' ')}"
        start, end = words.to_datetime(each["start"]), words.to_datetime(each["end"])
        yield {
            "code": words.concept(words.coding(words.STAGE, each["stage"]), text=text),
            "valuePeriod": {"start": start, "end": end},
        }
