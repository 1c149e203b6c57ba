"""Validation of one record, and the reason it fails: which member, which rule, in words.

`structs` tells good from bad, fast; pydantic's validator, made from the same descriptors, is asked
only about what is bad.
"""

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from pydantic import GetPydanticSchema, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from vitalkeep.datatypes.common import list_members
from vitalkeep.datatypes.descriptors import Field, JsonObject
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.datatypes.structs import HealthRecord, read_record
from vitalkeep.datatypes.wire import union_schema

RejectCode: TypeAlias = Literal[
    "invalid",
    "out_of_range",
    "unknown_type",
    "time_out_of_window",
    "end_before_start",
    "overlapping_stages",
    "sample_outside_interval",
]
_OUT_OF_RANGE: Final = frozenset({"greater_than_equal", "less_than_equal", "finite_number"})
_UNKNOWN_TYPE: Final = frozenset({"union_tag_not_found", "union_tag_invalid"})
_MAX_POINTER_KEY: Final = 64

TIME_DETAIL: Final = "must be an RFC 3339 time with offset, as 2026-11-20T07:00:00+09:00"
_DETAILS: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a member of this type of record",
    "invalid_key": "is not a member of this type of record",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "string_unicode": "must be well-formed Unicode",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_attributes_type": "must be an object",
}

_RECORD: Final[TypeAdapter[JsonObject]] = TypeAdapter(
    Annotated[JsonObject, GetPydanticSchema(lambda _source, _handler: union_schema())]
)


class RecordRejected(Exception):
    """One record can't be stored. `pointer` is a JSON pointer into that record, "" for all of it.

    `detail` says what is allowed and never repeats what was sent.
    """

    def __init__(self, code: RejectCode, pointer: str, detail: str) -> None:
        super().__init__(code, pointer, detail)
        self.code: RejectCode = code
        self.pointer = pointer
        self.detail = detail


def validate_record(obj: object) -> HealthRecord:
    """The record, checked against its type's shape and bounds; `canonical` checks texts and times.

    `obj` is parsed JSON. Parse with `pydantic_core.from_json`, which keeps large integers whole.

    Raises RecordRejected with code `invalid`, `out_of_range` or `unknown_type`.
    """
    try:
        return read_record(obj)
    except (msgspec.ValidationError, UnicodeEncodeError):
        explain(obj)
        raise RecordRejected("invalid", "", "has the wrong form") from None


def explain(obj: object) -> None:
    """Raises RecordRejected for what is wrong with a record, with a pointer to the first fault."""
    try:
        _RECORD.validate_python(obj)
    except ValidationError as error:
        # Suppressed: the original carries the rejected value in its text.
        raise _rejected(error.errors(include_url=False)[0]) from None


def _rejected(error: ErrorDetails) -> RecordRejected:
    kind = error["type"]
    if kind in _UNKNOWN_TYPE:
        names = ", ".join(t.name for t in TYPES)
        return RecordRejected("unknown_type", "/type", f"must be one of {names}")
    location = error["loc"]
    field = _find_field(location)
    pointer = to_pointer(location[1:])
    if kind in _OUT_OF_RANGE or _is_huge(error):
        return RecordRejected("out_of_range", pointer, _range(field, str(location[-1])))
    return RecordRejected("invalid", pointer, _detail(error, field))


def _is_huge(error: ErrorDetails) -> bool:
    """Whether a number was refused only because a double can't hold it."""
    return error["type"] == "float_type" and type(error["input"]) is int


def to_pointer(path: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901); it ends above a key too long to be one of ours."""
    pointer = ""
    for key in path:
        token = str(key)
        if len(token) > _MAX_POINTER_KEY:
            break
        pointer += "/" + token.replace("~", "~0").replace("/", "~1")
    return pointer


def _find_field(location: tuple[int | str, ...]) -> Field | None:
    """The descriptor of the member an error is about; the location begins with the type's name."""
    if not location:
        return None
    fields = list_members(BY_NAME[str(location[0])])
    found: Field | None = None
    for key in location[1:]:
        if isinstance(key, int):
            continue
        found = next((f for f in fields if key in (f.name, _alternative_name(f))), None)
        fields = () if found is None else found.parts
    return found


def _alternative_name(field: Field) -> str | None:
    return None if field.alternative is None else field.alternative.name


def _range(field: Field | None, name: str) -> str:
    if field is None:
        return "must be a finite number"
    given = field.alternative
    if given is not None and given.name == name:
        return _between(given.low, given.high, given.unit)
    return _between(field.low, field.high, field.unit)


def _between(low: float | None, high: float | None, unit: str | None) -> str:
    written = "" if unit is None or unit.startswith("{") else f" {unit}"
    return f"must be between {low} and {high}{written}"


def _detail(error: ErrorDetails, field: Field | None) -> str:
    kind = error["type"]
    if kind in _DETAILS:
        return _DETAILS[kind]
    if kind == "exactly_one":
        return error["msg"]
    if field is None:
        return "has the wrong form"
    if field.choices is not None:
        return "must be one of " + ", ".join(field.choices.values)
    if kind in ("too_short", "too_long"):
        return f"must have {field.low} to {field.high} entries"
    if field.kind == "time":
        return TIME_DETAIL
    if kind == "string_pattern_mismatch":
        return "must not contain control characters"
    return f"must have {field.low} to {field.high} characters"
