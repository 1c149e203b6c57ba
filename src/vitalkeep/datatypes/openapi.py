"""The published form of the records: OpenAPI 3.1 component schemas, from the same descriptors.

One schema per thing, for requests and answers alike; what only answers carry is `readOnly`. Shaped
for client generators: a discriminated union with an explicit mapping, branches whose `type` is both
const and a one-value enum, formats on every number, and null nowhere.
"""

from collections.abc import Iterable
from typing import Final

from vitalkeep.datatypes.common import list_members
from vitalkeep.datatypes.descriptors import Alternative, Choices, DataType, Field, JsonObject
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.datatypes.wire import MAX_BATCH, TIME_PATTERN, text_pattern

_PREFIX: Final = "#/components/schemas/"
_TIME_TEXT: Final = (
    "RFC 3339 with offset. `Z` says that the local offset is unknown, `+00:00` that it is zero."
)


def component_schemas() -> dict[str, JsonObject]:
    """Every schema that records need, by component name; `HealthRecord` is the union."""
    schemas: dict[str, JsonObject] = {kind.model: _record(kind) for kind in TYPES}
    for field in _walk(member for kind in TYPES for member in list_members(kind)):
        if field.choices is not None:
            schemas[field.choices.name] = _enumeration(field.choices)
        if field.model is not None:
            schemas[field.model] = _object(field.parts)
    schemas["OriginalValue"] = _ORIGINAL
    schemas["HealthRecord"] = {
        "description": "A record of one of the types. More types may be added.",
        "oneOf": [_ref(kind.model) for kind in TYPES],
        "discriminator": {
            "propertyName": "type",
            "mapping": {kind.name: _PREFIX + kind.model for kind in TYPES},
        },
    }
    schemas["RecordBatch"] = _closed({"records": _BATCH_LIST}, ["records"])
    return schemas


def _ref(name: str) -> JsonObject:
    return {"$ref": _PREFIX + name}


def _walk(fields: Iterable[Field]) -> Iterable[Field]:
    for field in fields:
        yield field
        yield from _walk(field.parts)


def _closed(properties: JsonObject, required: list[str]) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _object(fields: Iterable[Field]) -> JsonObject:
    listed = tuple(fields)
    properties: JsonObject = {}
    for field in listed:
        properties[field.name] = _value(field)
        if field.alternative is not None:
            properties[field.alternative.name] = _number(field.alternative, "double")
    required = [f.name for f in listed if f.required and f.alternative is None]
    return _closed(properties, required)


def _record(kind: DataType) -> JsonObject:
    schema = _object(list_members(kind))
    properties: JsonObject = {"type": {"type": "string", "const": kind.name, "enum": [kind.name]}}
    properties["id"] = {"type": "string", "format": "uuid", "readOnly": True}
    given = schema["properties"]
    properties.update(given if isinstance(given, dict) else {})
    properties["original"] = {**_ref("OriginalValue"), "readOnly": True}
    properties["modified_at"] = {"type": "string", "format": "date-time", "readOnly": True}
    required = schema["required"]
    schema["properties"] = properties
    schema["required"] = ["type", *(required if isinstance(required, list) else [])]
    schema["title"] = kind.model
    schema["description"] = kind.title
    schema["example"] = dict(kind.example)
    for field in kind.fields:
        if field.alternative is not None:
            # Exactly one of two, in keywords that client generators pass over.
            schema["if"] = {"required": [field.name]}
            schema["then"] = {"not": {"required": [field.alternative.name]}}
            schema["else"] = {"required": [field.alternative.name]}
    return schema


def _value(field: Field) -> JsonObject:
    if field.choices is not None:
        return _ref(field.choices.name)
    if field.kind == "integer":
        return _number(field, "int64")
    if field.kind == "number":
        return _number(field, "double")
    if field.kind == "time":
        return {
            "type": "string",
            "format": "date-time",
            "pattern": TIME_PATTERN,
            "description": _TIME_TEXT,
        }
    if field.model is not None and field.kind == "object":
        return _ref(field.model)
    if field.model is not None:
        return {
            "type": "array",
            "items": _ref(field.model),
            "minItems": field.low,
            "maxItems": field.high,
        }
    return {
        "type": "string",
        "minLength": field.low,
        "maxLength": field.high,
        "pattern": text_pattern(field),
    }


def _number(field: Field | Alternative, form: str) -> JsonObject:
    schema: JsonObject = {
        "type": "integer" if form == "int64" else "number",
        "format": form,
        "minimum": field.low,
        "maximum": field.high,
    }
    if field.unit is not None:
        schema["description"] = f"Unit (UCUM): {field.unit}"
    return schema


def _enumeration(choices: Choices) -> JsonObject:
    return {
        "type": "string",
        "enum": list(choices.values),
        "description": "Open: answers may carry values added later.",
    }


_ORIGINAL: Final[JsonObject] = {
    **_closed(
        {
            "value": {"type": "number", "format": "double"},
            "unit": {"type": "string", "description": "UCUM"},
        },
        ["value", "unit"],
    ),
    "description": "The value as its sender gave it, where the record holds it in another form.",
}
_BATCH_LIST: Final[JsonObject] = {
    "type": "array",
    "items": _ref("HealthRecord"),
    "minItems": 1,
    "maxItems": MAX_BATCH,
}
