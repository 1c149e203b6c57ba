from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator

from vitalkeep.datatypes.common import list_members
from vitalkeep.datatypes.descriptors import DataType, JsonObject
from vitalkeep.datatypes.openapi import component_schemas
from vitalkeep.datatypes.registry import TYPES

SCHEMAS = component_schemas()
every_type = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
NUMBERS = [(t, f) for t in TYPES for f in t.fields if f.kind in ("integer", "number")]


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    )


def nodes(value: object) -> Iterator[JsonObject]:
    """Every object inside a schema, examples left out."""
    if isinstance(value, dict):
        yield value
        for key, entry in value.items():
            if key != "example":
                yield from nodes(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from nodes(entry)


@every_type
def test_the_example_fits_its_own_schema_and_exactly_one_branch(kind: DataType) -> None:
    validator(kind.model).validate(dict(kind.example))
    validator("HealthRecord").validate(dict(kind.example))
    validator("RecordBatch").validate({"records": [dict(kind.example)]})


@every_type
def test_an_answer_fits_the_same_schema(kind: DataType) -> None:
    answered = {
        **kind.example,
        "id": "5f2b7c1e-8d0a-4a5e-9b60-3f1d2c7a9e11",
        "modified_at": "2026-11-21T03:00:00Z",
        "client_version": 0,
        "original": {"value": 1.0, "unit": "[lb_av]"},
    }
    validator("HealthRecord").validate(answered)


@every_type
def test_what_validation_requires_the_schema_requires(kind: DataType) -> None:
    for field in list_members(kind):
        without = {k: v for k, v in kind.example.items() if k != field.name}
        assert validator(kind.model).is_valid(without) is not (
            field.required or field.alternative is not None
        )


@every_type
def test_the_schema_takes_no_foreign_member_and_no_null(kind: DataType) -> None:
    assert not validator(kind.model).is_valid({**kind.example, "steps_taken": 1})
    assert not validator(kind.model).is_valid({**kind.example, "client_id": None})


@pytest.mark.parametrize(
    ("kind", "name", "low", "high"), [(t, f.name, f.low, f.high) for t, f in NUMBERS]
)
def test_the_bounds_are_published(kind: DataType, name: str, low: float, high: float) -> None:
    check = validator(kind.model)
    for value, fits in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
        assert check.is_valid({**kind.example, name: value}) is fits


def test_glucose_needs_exactly_one_unit_in_the_schema_too() -> None:
    kind = next(t for t in TYPES if t.name == "blood_glucose")
    neither = {k: v for k, v in kind.example.items() if k != "millimoles_per_liter"}
    check = validator(kind.model)
    assert check.is_valid({**neither, "milligrams_per_deciliter": 110})
    assert not check.is_valid({**kind.example, "milligrams_per_deciliter": 110})
    assert not check.is_valid(neither)


@every_type
def test_a_branch_says_its_type_as_const_and_as_a_one_value_enum(kind: DataType) -> None:
    properties = SCHEMAS[kind.model]["properties"]
    assert isinstance(properties, dict)
    assert properties["type"] == {"type": "string", "const": kind.name, "enum": [kind.name]}


def test_the_union_maps_every_type_to_a_schema_that_exists() -> None:
    union = SCHEMAS["HealthRecord"]
    discriminator = union["discriminator"]
    assert isinstance(discriminator, dict)
    targets = [str(ref).rpartition("/")[2] for ref in discriminator["mapping"].values()]
    assert targets == [kind.model for kind in TYPES]
    assert union["oneOf"] == [{"$ref": ref} for ref in discriminator["mapping"].values()]


def test_every_reference_leads_somewhere() -> None:
    for node in nodes(SCHEMAS):
        if isinstance(reference := node.get("$ref"), str):
            assert reference.rpartition("/")[2] in SCHEMAS


def test_numbers_have_formats_and_null_is_nowhere() -> None:
    formats = {"integer": "int64", "number": "double"}
    for node in nodes(SCHEMAS):
        assert node.get("type") != "null"
        assert None not in node.values()
        if isinstance(kind := node.get("type"), str) and kind in formats:
            assert node["format"] == formats[kind]


def test_the_schemas_are_valid_json_schema() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
