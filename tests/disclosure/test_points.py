"""An export as data points: what they say is what was recorded, told again by our own reader."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from tests.fhir.records_of_any_type import NOW, answered, sent_records
from tests.make import Make
from tests.records.stored import list_all
from vitalkeep.datatypes.canonical import to_head
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.dialects.open_mhealth import measurement
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.disclosure.points import to_points

Json = dict[str, Any]
WIDER = {"unknown": "sleeping", "out_of_bed": "awake", "awake_in_bed": "awake"}
METHODS = ("automatically_recorded", "manual_entry")
spoken = [kind for kind in TYPES if kind.open_mhealth is not None]


def read_again(point: Json) -> Json:
    """What our own dialect makes of a point: type, times and content."""
    made = measurement(orjson.loads(orjson.dumps(point)), "jp.example.nobody", NOW)
    head = to_head(made.type, made.start, made.end, made.start_offset, made.end_offset)
    read: Json = orjson.loads(b"{%b,%b}" % (head, made.content))
    return {**read, "origin": orjson.loads(made.origin)}


def values_of(record: Json) -> Json:
    """What points can tell of a record, besides its samples."""
    kind = BY_NAME[record["type"]]
    told: Json = {name: record[name] for name in ("type", "time", "start", "end") if name in record}
    told |= {
        field.name: record[field.name]
        for field in kind.fields
        if field.kind != "text" and field.name in record
    }
    told["origin"] = {"app": record["origin"]["app"]}
    if record.get("recording_method") in METHODS:
        told["recording_method"] = record["recording_method"]
    for stage in told.get("stages", []):
        stage["stage"] = WIDER.get(stage["stage"], stage["stage"])
    return told


def without_untold_choices(record: Json, read: Json) -> Json:
    """The record without choices that no word tells; one that is read must be the recorded one."""
    kind = BY_NAME[record["type"]]
    untold = {field.name for field in kind.fields if field.choices and field.name not in read}
    return {name: value for name, value in record.items() if name not in untold}


@settings(deadline=None)
@given(record=sent_records(tuple(kind for kind in spoken if kind.shape != "series")).map(answered))
def test_a_record_read_again_from_its_point_has_the_same_values(record: Json) -> None:
    (point,) = to_points(record)
    read = read_again(point)
    assert read.pop("client_id") == record.get("client_id", record["id"])
    read.pop("original", None)  # a total of sleep, which follows from the session
    expected = values_of(record)
    assert read == without_untold_choices(expected, read)


@pytest.mark.parametrize("kind", spoken, ids=lambda kind: kind.name)
def test_every_choice_that_has_a_word_is_told(kind: DataType) -> None:
    members = kind.open_mhealth.members if kind.open_mhealth else ()
    for member in members:
        for _, ours in member.words:
            if member.field not in ("stages", "meal_type"):
                record = answered({**kind.example, member.field: ours})
                assert read_again(next(to_points(record)))[member.field] == ours


@pytest.mark.parametrize("meal", ["breakfast", "lunch", "dinner"])
@pytest.mark.parametrize("relation", ["before_meal", "after_meal"])
def test_a_meal_is_told_with_before_and_after(meal: str, relation: str) -> None:
    glucose = BY_NAME["blood_glucose"].example
    record = answered(
        {
            **glucose,
            "meal_type": meal,
            "relation_to_meal": relation,
            "specimen_source": "whole_blood",
        }
    )
    point: Json = next(to_points(record))
    words = f"{relation.removesuffix('_meal')} {meal}"
    assert point["body"]["temporal_relationship_to_meal"] == words
    assert read_again(point)["meal_type"] == meal
    assert "blood_specimen_type" not in point["body"]


@settings(deadline=None)
@given(record=sent_records((BY_NAME["heart_rate"],)).map(answered))
def test_a_series_gives_a_point_for_each_sample(record: Json) -> None:
    points: list[Json] = list(to_points(record))
    samples = [sample for point in points for sample in read_again(point)["samples"]]
    assert samples == record["samples"]
    ids = [point["header"]["id"] for point in points]
    assert len(set(ids)) == len(ids)
    assert all(read_again(point)["origin"]["app"] == record["origin"]["app"] for point in points)


def test_what_has_no_schema_gives_no_point() -> None:
    assert list(to_points(answered(dict(BY_NAME["distance"].example)))) == []


async def test_points_pushed_by_another_person_give_the_same_values(make: Make) -> None:
    person, other = await make.person(), await make.person()
    await person.push(*(make.record(kind.name) for kind in TYPES))
    answer = await person.get("/v1/me/export", format="open-mhealth")
    assert answer.headers["content-type"] == "application/x-ndjson"
    *points, end = map(json.loads, answer.text.splitlines())
    assert (end["end"], end["records"], end["left_out"]) == (True, len(spoken), 1)
    pushed = await other.post("/v1/me/records/open-mhealth", {"records": points})
    assert pushed.json()["counts"]["created"] == len(points), pushed.text
    mine, theirs = await list_all(person), await list_all(other)
    rates = [sample for each in theirs for sample in each.get("samples", [])]
    assert rates == next(each["samples"] for each in mine if each["type"] == "heart_rate")
    theirs.sort(key=lambda each: str(each["type"]))
    mine.sort(key=lambda each: str(each["type"]))
    plain = [each for each in theirs if each["type"] != "heart_rate"]
    expected = [each for each in mine if each["type"] not in ("heart_rate", "distance")]
    assert [values_of(each) for each in plain] == [
        without_untold_choices(values_of(each), read)
        for each, read in zip(expected, plain, strict=True)
    ]
