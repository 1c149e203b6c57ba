"""What a sender's record must look like, derived from the descriptors for pydantic's validator.

It explains what is wrong with a record that `structs` refuses: a test holds the two together.
Whatever this module allows, `openapi` publishes; all read the same descriptors.
"""

from typing import Final

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from vitalkeep.datatypes.common import list_members
from vitalkeep.datatypes.descriptors import Alternative, DataType, Field, JsonObject
from vitalkeep.datatypes.registry import TYPES

MAX_BATCH: Final = 1000

TIME_PATTERN: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]((0[0-9]|1[0-7]):[0-5][0-9]|18:00))$"
)
"""RFC 3339 without leap seconds, offsets within Health Connect's +-18:00."""

LINE_PATTERN: Final = r"^[^\u0000-\u001F\u007F-\u009F]*$"
LINES_PATTERN: Final = r"^[^\u0000-\u0008\u000B-\u001F\u007F-\u009F]*$"
"""Text without control characters; tab and newline only where `multiline`."""


def text_pattern(field: Field) -> str:
    """The pattern of a text field, one that Rust, Python and ECMA 262 read alike."""
    return LINES_PATTERN if field.multiline else LINE_PATTERN


def _value(field: Field) -> CoreSchema:
    """Schema of one value, bounds included; everything is strict, so True is no number."""
    if field.kind == "time":
        return core_schema.str_schema(pattern=TIME_PATTERN, strict=True)
    if field.kind == "choice" and field.choices is not None:
        return core_schema.literal_schema(list(field.choices.values))
    if field.kind in ("integer", "number"):
        return _number(field)
    if field.kind == "object":
        return _object({part.name: _member(part) for part in field.parts})
    low = None if field.low is None else int(field.low)
    high = None if field.high is None else int(field.high)
    if field.kind == "list":
        return core_schema.list_schema(
            _object({part.name: _member(part) for part in field.parts}),
            min_length=low,
            max_length=high,
            strict=True,
            fail_fast=True,
        )
    return core_schema.str_schema(
        min_length=low, max_length=high, pattern=text_pattern(field), strict=True
    )


def _number(field: Field | Alternative) -> CoreSchema:
    if isinstance(field, Field) and field.kind == "integer":
        return core_schema.int_schema(
            ge=None if field.low is None else int(field.low),
            le=None if field.high is None else int(field.high),
            strict=True,
        )
    return core_schema.float_schema(ge=field.low, le=field.high, allow_inf_nan=False, strict=True)


def _member(field: Field) -> core_schema.TypedDictField:
    required = field.required and field.alternative is None
    return core_schema.typed_dict_field(_value(field), required=required)


def _object(members: dict[str, core_schema.TypedDictField]) -> CoreSchema:
    return core_schema.typed_dict_schema(members, extra_behavior="forbid", strict=True)


def record_schema(kind: DataType) -> CoreSchema:
    """Schema of one record of the type, as a dict of what was sent."""
    literal = core_schema.literal_schema([kind.name])
    members = {"type": core_schema.typed_dict_field(literal)}
    pairs: list[tuple[str, str]] = []
    for field in list_members(kind):
        members[field.name] = _member(field)
        if field.alternative is not None:
            other = field.alternative
            members[other.name] = core_schema.typed_dict_field(_number(other), required=False)
            pairs.append((field.name, other.name))
    schema = _object(members)
    return _exactly_one(schema, pairs) if pairs else schema


def _exactly_one(schema: CoreSchema, pairs: list[tuple[str, str]]) -> CoreSchema:
    """The schema, refusing a record with both or neither of each pair."""

    def check(record: JsonObject) -> JsonObject:
        for one, other in pairs:
            if (one in record) == (other in record):
                raise PydanticCustomError(
                    "exactly_one",
                    "give exactly one of {one} and {other}",
                    {"one": one, "other": other},
                )
        return record

    return core_schema.no_info_after_validator_function(check, schema)


def union_schema() -> CoreSchema:
    """Schema of a record of any type, told apart by `type`."""
    return core_schema.tagged_union_schema(
        {kind.name: record_schema(kind) for kind in TYPES},
        discriminator="type",
        from_attributes=False,
    )
