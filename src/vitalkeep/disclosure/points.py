"""Records as data points of Open mHealth and IEEE 1752.1, from the types' descriptors. Pure.

What the schemas have no word for is left out or told in wider words: devices, titles and notes, a
meal that is named without before or after, how long a series lasted. Pushed again as `open-mhealth`
the points give the same values. Distance has no schema, so its records give no point.

Source: openmhealth/schemas, data-point 1.0 and header 1.2; IEEE 1752.1, header 1.0.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias, cast

from vitalkeep.datatypes.descriptors import (
    DataType,
    JsonObject,
    OpenMHealth,
    OpenMHealthMember,
)
from vitalkeep.datatypes.dialects.open_mhealth import MODALITIES
from vitalkeep.datatypes.dialects.open_mhealth_sleep import SUMMARY
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.fhir.nights import stages_of, to_night

JsonView: TypeAlias = Mapping[str, object]


def to_points(record: JsonView) -> Iterator[JsonObject]:
    """The data points of a canonical record: one for each sample of a series, else one, or none."""
    kind = BY_NAME[str(record["type"])]
    theirs = kind.open_mhealth
    if theirs is None:
        return
    if kind.shape == "series":
        yield from _sample_points(kind, theirs, record)
    elif kind.shape == "stages":
        staged = bool(record["stages"]) and theirs.staged_schema is not None
        schema = theirs.staged_schema if staged else theirs.schema
        yield _point(
            record, str(schema), _frame(record) | (_night(theirs, record) if staged else {})
        )
    else:
        yield _point(record, theirs.schema, _frame(record) | _members(theirs, record))


def _point(
    record: JsonView, schema: str, body: JsonObject, number: int | None = None
) -> JsonObject:
    """A point under the id by which its sender knows the record; samples are numbered."""
    named = str(record.get("client_id", record["id"]))
    namespace, name, version = schema.split(":")
    header: JsonObject = {
        "id": named if number is None else f"{record['id']}-{number}",
        "schema_id": {"namespace": namespace, "name": name, "version": version},
    }
    provenance: JsonObject = {"source_name": cast(JsonView, record["origin"])["app"]}
    words = {ours: word for word, ours in MODALITIES.items()}
    word = words.get(str(record.get("recording_method")))
    modality: JsonObject = {} if word is None else {"modality": word}
    if namespace == "ieee":
        header |= {"uuid": record["id"], "source_creation_date_time": record["modified_at"]}
        header |= modality
    else:
        header["creation_date_time"] = record["modified_at"]
        provenance |= modality
    return {"header": header | {"acquisition_provenance": provenance}, "body": body}


def _frame(record: JsonView) -> JsonObject:
    return {"effective_time_frame": _time_frame(record)}


def _time_frame(span: JsonView) -> JsonObject:
    if "time" in span:
        return {"date_time": span["time"]}
    return {"time_interval": {"start_date_time": span["start"], "end_date_time": span["end"]}}


def _members(theirs: OpenMHealth, record: JsonView) -> JsonObject:
    """Every field that has a member, in the stored unit, or in the word that tells the most."""
    body: JsonObject = {}
    seen: set[str] = set()
    for member in theirs.members:
        value = record.get(member.field)
        if value is None or member.field in seen:
            continue
        seen.add(member.field)
        if not member.words:
            body[member.member] = {"value": value, "unit": member.unit}
        elif (word := _word(theirs, member.member, record)) is not None:
            body[member.member] = word
    return body


def _word(theirs: OpenMHealth, name: str, record: JsonView) -> str | None:
    """The word of a member that tells the most: two fields may share one ("before breakfast").

    It may tell nothing of a field that the record doesn't have.
    """
    sharing = [each for each in theirs.members if each.member == name]
    best: tuple[int, str] | None = None
    for word in dict.fromkeys(word for each in sharing for word, _ in each.words):
        told = {each.field: dict(each.words).get(word) for each in sharing}
        said = {field: value for field, value in told.items() if value is not None}
        is_true = all(record.get(field) == value for field, value in said.items())
        if is_true and (best is None or len(said) > best[0]):
            best = len(said), word
    return None if best is None else best[1]


def _sample_points(kind: DataType, theirs: OpenMHealth, record: JsonView) -> Iterator[JsonObject]:
    """A point for each sample, at its time."""
    (series,) = (field for field in kind.fields if field.kind == "list")
    (member,) = theirs.members
    samples = cast(list[JsonView], record[series.name])
    for number, sample in enumerate(samples, 1):
        alone = len(samples) == 1
        value = {member.member: {"value": sample[member.field], "unit": member.unit}}
        # A lone sample at the start stands for the whole interval, as it does when it is read.
        span = record if alone and sample["time"] == record["start"] else {"time": sample["time"]}
        yield _point(record, theirs.schema, _frame(span) | value, None if alone else number)


def _night(theirs: OpenMHealth, record: JsonView) -> JsonObject:
    """The stages of a night in their words, and the total of sleep."""
    member = theirs.members[0]
    episodes = [
        {
            "sleep_stage_state": stage_word(member, each["stage"]),
            "sleep_stage_time_frame": _time_frame(each),
        }
        for each in stages_of(record)
    ]
    # Minutes are no whole number of microseconds: rounded up they would be longer than the night.
    total = {"value": to_night(record).asleep.total_seconds(), "unit": "sec"}
    return {SUMMARY: {"total_sleep_time": total}, member.member: episodes}


def stage_word(member: OpenMHealthMember, stage: str) -> str:
    """Their word for a stage, of a wider meaning where they have none for it."""
    words = {ours: word for word, ours in reversed(member.words)}
    return words[dict(member.wider).get(stage, stage)]
