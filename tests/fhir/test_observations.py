"""Observations: fit for other people's software, and nothing of a record is lost or made up."""

from datetime import datetime
from typing import Any

import orjson
import pytest
from fhir.resources.R4B.observation import Observation
from hypothesis import given, settings

from tests.fhir.records_of_any_type import answered, records
from vitalkeep.datatypes.descriptors import DataType
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.fhir.observations import to_observation

Json = dict[str, Any]
PROFILES = {
    "heart_rate": ("heartrate", {"8867-4"}, "/min"),
    "body_temperature": ("bodytemp", {"8310-5"}, "Cel"),
    "oxygen_saturation": ("oxygensat", {"2708-6", "59408-5"}, "%"),
    "weight": ("bodyweight", {"29463-7"}, "kg"),
    "blood_pressure": ("bp", {"85354-9"}, "mm[Hg]"),
}
every_type = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)


def observed(record: Json) -> Json:
    made = to_observation(record, observation_id="a" * 64, subject="Patient/p")
    parsed: Json = orjson.loads(orjson.dumps(made))
    return parsed


def example(name: str, **changes: Any) -> Json:
    """The type's example with some members replaced, None taking one out, as it is answered."""
    merged = {**BY_NAME[name].example, **changes}
    return answered({name: value for name, value in merged.items() if value is not None})


def codes(concept: Json, system: str = "http://loinc.org") -> set[str]:
    return {each["code"] for each in concept["coding"] if each["system"] == system}


def everything_in(value: object) -> list[object]:
    """All values below a value, itself included."""
    below: list[Any] = []
    if isinstance(value, dict):
        below = list(value.values())
    elif isinstance(value, list):
        below = value
    return [value, *(each for inner in below for each in everything_in(inner))]


@settings(deadline=None)
@given(record=records)
def test_another_library_finds_every_observation_valid(record: Json) -> None:
    made = observed(record)
    read = Observation.model_validate_json(orjson.dumps(made))
    assert read.model_dump(exclude_none=True)["resourceType"] == "Observation"
    assert not [each for each in everything_in(made) if each in (None, "", [], {})]


@settings(deadline=None)
@given(record=records)
def test_nothing_that_a_record_says_is_lost(record: Json) -> None:
    told = [each for each in everything_in(observed(record)) if not isinstance(each, dict | list)]
    samples = [word for each in told if isinstance(each, str) for word in each.split(" ")]
    words = {str(each) for each in told} | set(samples)
    instants = {moment for each in told if (moment := to_moment(each)) is not None}
    if record["client_version"] == 0:
        del record["client_version"]  # it is what an app has that gives no version
    for sample in record.get("samples", []):
        del sample["time"]  # they are told or follow from the first and the distance
    del record["id"]  # stands in a URN
    for value in everything_in(record):
        if not isinstance(value, dict | list):
            assert to_moment(value) in instants or str(value) in words


def to_moment(value: object) -> datetime | None:
    """The instant that a text tells, if it is one."""
    if not isinstance(value, str) or not value[:4].isdigit() or "T" not in value:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


@every_type
def test_the_example_tells_code_category_and_value_of_its_descriptor(kind: DataType) -> None:
    made = observed(example(kind.name))
    assert made["status"] == "final"
    assert made["subject"] == {"reference": "Patient/p"}
    assert kind.name in codes(made["code"], "urn:vitalkeep:fhir:type")
    assert [each["code"] for each in made["category"][0]["coding"]] == [kind.fhir.category]
    assert ("effectiveDateTime" in made) == (kind.shape == "instant")
    assert made["issued"] == made["meta"]["lastUpdated"] == "2026-11-21T03:00:00Z"
    values = [each for each in (made, *made.get("component", [])) if "valueQuantity" in each]
    assert kind.fhir.ucum in {each["valueQuantity"]["code"] for each in values}


@pytest.mark.parametrize("name", PROFILES)
@settings(deadline=None, max_examples=30)
@given(data=records)
def test_vital_signs_keep_what_their_profile_demands(name: str, data: Json) -> None:
    for record in (example(name), data):
        if record["type"] != name:
            continue
        made = observed(record)
        profile, demanded, ucum = PROFILES[name]
        assert made["meta"]["profile"] == [f"http://hl7.org/fhir/StructureDefinition/{profile}"]
        assert codes(made["code"]) >= demanded
        assert codes(made["category"][0], made["category"][0]["coding"][0]["system"]) == {
            "vital-signs"
        }
        quantities = [
            each for each in (made, *made.get("component", [])) if "valueQuantity" in each
        ]
        assert all(
            set(each["valueQuantity"]) == {"value", "unit", "system", "code"} for each in quantities
        )
        assert {each["valueQuantity"]["code"] for each in quantities} <= {ucum}
        assert "valueQuantity" in made or made["component"]


def test_blood_pressure_is_a_panel_of_two() -> None:
    made = observed(example("blood_pressure", body_position="reclining"))
    systolic, diastolic, position = made["component"]
    assert codes(systolic["code"]) == {"8480-6"}
    assert systolic["valueQuantity"]["value"] == 128
    assert codes(diastolic["code"]) == {"8462-4"}
    assert codes(position["code"], "urn:vitalkeep:fhir:field") == {"body_position"}
    assert position["valueCodeableConcept"]["coding"] == [
        {"system": "urn:vitalkeep:fhir:BodyPosition", "code": "reclining"}
    ]
    assert made["bodySite"]["text"] == "left upper arm"
    assert "valueQuantity" not in made


HOUR = {"start": "2026-11-20T07:00:00+09:00", "end": "2026-11-20T08:00:00+09:00"}


def pulses(*places: tuple[str, int]) -> list[Json]:
    return [
        {"time": f"2026-11-20T07:{place}+09:00", "beats_per_minute": rate} for place, rate in places
    ]


def test_samples_at_even_distances_are_sampled_data() -> None:
    samples = pulses(("00:00", 61), ("00:07.5", 64), ("00:15", 60))
    (component,) = observed(example("heart_rate", **HOUR, samples=samples))["component"]
    assert component["valueSampledData"]["period"] == 7500
    assert component["valueSampledData"]["data"] == "61 64 60"
    assert component["valueSampledData"]["origin"]["code"] == "/min"


@pytest.mark.parametrize(
    "samples",
    [
        pulses(("00:00", 61), ("00:05", 64), ("00:11", 60)),
        pulses(("00:01", 61), ("00:06", 64), ("00:11", 60)),
        pulses(("00:00", 61), ("00:00", 64), ("00:00", 61)),
        pulses(("30:00", 61)),
    ],
    ids=["uneven", "later than the start", "all at once", "one in the middle"],
)
def test_other_samples_are_told_with_their_times(samples: list[Json]) -> None:
    made = observed(example("heart_rate", **HOUR, samples=samples))
    assert "valueQuantity" not in made
    told = [
        {
            "time": each["extension"][0]["valueDateTime"],
            "beats_per_minute": each["valueQuantity"]["value"],
        }
        for each in made["component"]
    ]
    assert sorted(told, key=str) == sorted(samples, key=str)


def test_a_single_sample_is_the_value() -> None:
    made = observed(example("heart_rate", **HOUR, samples=pulses(("00:00", 61))))
    assert made["valueQuantity"]["value"] == 61
    assert "component" not in made


def test_a_night_has_its_total_its_stages_and_when_they_were() -> None:
    stages = [
        {"start": "2026-11-20T07:00:00+09:00", "end": "2026-11-20T07:30:00+09:00", "stage": "deep"},
        {
            "start": "2026-11-20T07:30:00+09:00",
            "end": "2026-11-20T07:40:30+09:00",
            "stage": "out_of_bed",
        },
    ]
    made = observed(example("sleep", **HOUR, stages=stages, title="昼寝", notes="a\nb"))
    assert made["valueQuantity"] | {"value": 49.5, "code": "min"} == made["valueQuantity"]
    deep, outside, *timeline = made["component"]
    assert codes(deep["code"]) == {"93831-6"}
    assert deep["valueQuantity"]["value"] == 30
    assert codes(outside["code"]) == set()
    assert outside["valueQuantity"]["value"] == 10.5
    assert [each["valuePeriod"]["end"] for each in timeline] == [each["end"] for each in stages]
    assert made["note"] == [{"text": "昼寝"}, {"text": "a\nb"}]


@pytest.mark.parametrize(
    ("specimen", "loinc"),
    [
        (None, {"15074-8"}),
        ("whole_blood", {"15074-8"}),
        ("capillary_blood", {"14743-9"}),
        ("interstitial_fluid", {"105272-9"}),
        ("serum", {"14749-6"}),
        ("tears", set()),
    ],
)
def test_glucose_has_the_code_of_its_specimen(specimen: str | None, loinc: set[str]) -> None:
    made = observed(example("blood_glucose", specimen_source=specimen))
    assert codes(made["code"]) == loinc
    assert codes(made["code"], "urn:vitalkeep:fhir:type") == {"blood_glucose"}


def test_an_offset_that_fhir_has_not_gives_the_same_instant() -> None:
    far = "2026-11-20T07:00:00+14:30"
    told = observed(example("weight", time=far))["effectiveDateTime"]
    assert told == "2026-11-19T16:30:00Z"
    for near in ("2026-11-20T07:00:00+14:00", "2026-11-20T07:00:00-03:30", "2026-11-20T07:00:00Z"):
        assert observed(example("weight", time=near))["effectiveDateTime"] == near


def test_who_measured_how_and_from_what_it_was_converted() -> None:
    device = {"type": "fitness_band", "manufacturer": "Example"}
    record = example("weight", origin={"app": "健康アプリ", "device": device}, client_version=2**40)
    record["original"] = {"value": 150.8, "unit": "[lb_av]"}
    made = observed(record)
    (contained,) = made["contained"]
    assert made["device"] == {"reference": f"#{contained['id']}"}
    assert (contained["manufacturer"], contained["type"]["text"]) == ("Example", "fitness band")
    told = {each.pop("url").rpartition(":")[2]: each for each in made["extension"]}
    assert told == {
        "app": {"valueString": "健康アプリ"},
        "client-version": {"valueString": str(2**40)},
        "recording-method": {"valueCode": "automatically_recorded"},
        "original": {
            "valueQuantity": {
                "value": 150.8,
                "unit": "[lb_av]",
                "system": "http://unitsofmeasure.org",
                "code": "[lb_av]",
            }
        },
    }
