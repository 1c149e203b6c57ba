import copy
from datetime import UTC, datetime

import msgspec
import orjson
import pytest
from pydantic_core import from_json

from vitalkeep.datatypes.canonical import Measurement, to_measurement
from vitalkeep.datatypes.common import list_members
from vitalkeep.datatypes.descriptors import DataType, Field, JsonObject
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.datatypes.structs import read_batch

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)

every_type = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
NUMBERS = [(t, f) for t in TYPES for f in t.fields if f.kind in ("integer", "number")]
every_number = pytest.mark.parametrize(
    ("kind", "field"), NUMBERS, ids=[f"{t.name}-{f.name}" for t, f in NUMBERS]
)


def example(name: str, **changes: object) -> JsonObject:
    """The type's example with members replaced; None takes a member out."""
    merged = {**copy.deepcopy(dict(BY_NAME[name].example)), **changes}
    return {key: value for key, value in merged.items() if value is not None}


def measured(record: object) -> Measurement:
    return to_measurement(validate_record(record), NOW)


def vars_of(record: object) -> dict[str, object]:
    """The members of a record that was read."""
    read = validate_record(record)
    assert isinstance(read, msgspec.Struct)
    return msgspec.structs.asdict(read)


def rejection(record: object) -> RecordRejected:
    """What a sender is told; texts and times are looked at when the record is taken up."""
    with pytest.raises(RecordRejected) as caught:
        to_measurement(validate_record(record), NOW)
    return caught.value


def refusal(record: object) -> tuple[str, str]:
    rejected = rejection(record)
    return rejected.code, rejected.pointer


@every_type
def test_the_example_of_every_type_is_valid_either_way(kind: DataType) -> None:
    record = dict(kind.example)
    assert read_batch(orjson.dumps({"records": [record]})) == [validate_record(record)]


@every_type
def test_every_required_member_is_missed(kind: DataType) -> None:
    for field in list_members(kind):
        if field.required and field.alternative is None:
            assert refusal(example(kind.name, **{field.name: None})) == (
                "invalid",
                f"/{field.name}",
            )


@every_type
def test_null_is_refused_in_every_member(kind: DataType) -> None:
    for field in list_members(kind):
        assert refusal({**kind.example, field.name: None}) == ("invalid", f"/{field.name}")


@every_number
def test_both_bounds_are_allowed(kind: DataType, field: Field) -> None:
    for bound in (field.low, field.high):
        record = validate_record(example(kind.name, **{field.name: bound}))
        assert getattr(record, field.name) == bound


@every_number
def test_just_beyond_a_bound_is_out_of_range(kind: DataType, field: Field) -> None:
    assert field.low is not None
    assert field.high is not None
    step = 1 if field.kind == "integer" else 1e-9 * max(1, field.high)
    for value in (field.low - step, field.high + step):
        refused = rejection(example(kind.name, **{field.name: value}))
        assert (refused.code, refused.pointer) == ("out_of_range", f"/{field.name}")
        assert f"between {field.low} and {field.high}" in refused.detail


@every_number
def test_a_number_too_large_for_any_machine_is_out_of_range(kind: DataType, field: Field) -> None:
    digits = b"9" * 4000
    raw = orjson.dumps(example(kind.name, **{field.name: 12345.5})).replace(b"12345.5", digits)
    assert refusal(from_json(raw)) == ("out_of_range", f"/{field.name}")


@every_number
def test_booleans_and_numeric_text_are_no_numbers(kind: DataType, field: Field) -> None:
    values: tuple[object, ...] = (True, "42", [42], {})
    for value in values:
        assert refusal(example(kind.name, **{field.name: value})) == ("invalid", f"/{field.name}")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_number_that_is_not_finite_is_out_of_range(number: str) -> None:
    raw = orjson.dumps(example("weight", kilograms=12345.5)).replace(b"12345.5", number.encode())
    assert refusal(from_json(raw)) == ("out_of_range", "/kilograms")


def test_a_whole_number_will_do_where_a_fraction_is_allowed_but_not_the_reverse() -> None:
    assert vars_of(example("weight", kilograms=70))["kilograms"] == 70.0
    assert refusal(example("steps", count=812.0)) == ("invalid", "/count")


def test_a_crisis_beyond_health_connects_limits_is_accepted() -> None:
    assert validate_record(example("blood_pressure", systolic_mmhg=260, diastolic_mmhg=190))


@pytest.mark.parametrize("record", [None, [], "steps", 7, True])
def test_what_is_no_object_is_invalid_as_a_whole(record: object) -> None:
    assert refusal(record) == ("invalid", "")


@pytest.mark.parametrize("kind", [None, "height", "Steps", "", 1, ["steps"], {"a": 1}])
def test_an_unknown_type_is_told_so(kind: object) -> None:
    record = {**example("steps"), "type": kind}
    assert refusal(record) == ("unknown_type", "/type")


def test_a_missing_type_is_told_so() -> None:
    assert refusal(example("steps", type=None)) == ("unknown_type", "/type")


@pytest.mark.parametrize("name", ["id", "modified_at", "original", "steps", "Count"])
def test_members_we_do_not_take_are_refused(name: str) -> None:
    assert refusal(example("steps", **{name: "x"})) == ("invalid", f"/{name}")


def test_members_inside_are_pointed_at_and_escaped() -> None:
    samples = [{"time": "2026-11-20T07:10:00Z", "beats_per_minute": 71}] * 4
    samples[3] = {"time": "2026-11-20T07:10:00Z", "beats_per_minute": 301}
    assert refusal(example("heart_rate", samples=samples)) == (
        "out_of_range",
        "/samples/3/beats_per_minute",
    )
    assert refusal(example("steps", origin={"app": "a", "x/y~z": 1}))[1] == "/origin/x~1y~0z"


def test_a_pointer_does_not_carry_a_long_foreign_key() -> None:
    assert refusal(example("steps", **{"k" * 65: 1})) == ("invalid", "")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("steps", {"count": 98765432}),
        ("steps", {"start": "98765432"}),
        ("sleep", {"title": "98765432\x00"}),
        ("sleep", {"stages": "98765432"}),
        ("body_temperature", {"measurement_location": "98765432"}),
        ("blood_glucose", {"milligrams_per_deciliter": 98765432}),
        ("steps", {"type": "98765432"}),
        ("steps", {"origin": {"app": "a", "device": {"type": "98765432"}}}),
    ],
)
def test_a_rejected_value_is_never_repeated(name: str, changes: JsonObject) -> None:
    refused = rejection(example(name, **changes))
    assert "98765432" not in f"{refused} {refused.detail} {refused.pointer} {refused!r}"
    assert refused.__context__ is None or refused.__suppress_context__
    assert refused.__cause__ is None


@pytest.mark.parametrize("given", [("millimoles_per_liter", "milligrams_per_deciliter"), ()])
def test_glucose_takes_exactly_one_unit(given: tuple[str, ...]) -> None:
    record = example("blood_glucose", millimoles_per_liter=None)
    assert refusal({**record, **dict.fromkeys(given, 5.0)}) == ("invalid", "")


@pytest.mark.parametrize(("value", "ok"), [(0, True), (900, True), (900.1, False), (-0.1, False)])
def test_glucose_in_milligrams_has_its_own_bounds(value: float, ok: bool) -> None:
    record = example("blood_glucose", millimoles_per_liter=None, milligrams_per_deciliter=value)
    if ok:
        assert vars_of(record)["milligrams_per_deciliter"] == value
    else:
        assert refusal(record) == ("out_of_range", "/milligrams_per_deciliter")


@pytest.mark.parametrize("text", ["a\x00", "a\n", "a\r", "\x1b[0m", "a\x7f", "a\x85", "\ud800"])
def test_control_characters_are_refused_in_every_line_of_text(text: str) -> None:
    for record, pointer in (
        (example("sleep", title=text), "/title"),
        (example("sleep", client_id=text), "/client_id"),
        (example("sleep", platform_id=text), "/platform_id"),
        (example("sleep", origin={"app": text}), "/origin/app"),
        (example("sleep", origin={"app": "a", "device": {"model": text}}), "/origin/device/model"),
    ):
        assert refusal(record) == ("invalid", pointer)


def test_notes_may_have_lines_and_tabs_and_nothing_worse() -> None:
    assert b"\\n\\t" in measured(example("sleep", notes="夢\n\tすこし")).content
    assert refusal(example("sleep", notes="a\rb")) == ("invalid", "/notes")


@pytest.mark.parametrize(
    ("member", "length"),
    [("title", 200), ("notes", 2000), ("client_id", 128), ("platform_id", 128)],
)
def test_text_has_a_longest_length_counted_in_characters(member: str, length: int) -> None:
    assert validate_record(example("sleep", **{member: "眠" * length}))
    assert refusal(example("sleep", **{member: "眠" * (length + 1)})) == ("invalid", f"/{member}")


def test_the_version_spans_all_of_int64() -> None:
    for version in (-(2**63), 2**63 - 1):
        assert validate_record(example("steps", client_version=version))
    assert refusal(example("steps", client_version=2**63)) == ("out_of_range", "/client_version")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T07:00:00",
        "2026-11-20 07:00:00Z",
        "2026-11-20t07:00:00z",
        "2026-11-20T07:00Z",
        "2026-11-20T07:00:60Z",
        "2026-11-20T24:00:00Z",
        "2026-13-20T07:00:00Z",
        "2026-11-20T07:00:00.Z",
        "2026-11-20T07:00:00.1234567890Z",
        "2026-11-20T07:00:00,5Z",
        "2026-11-20T07:00:00+0900",
        "2026-11-20T07:00:00+09:60",
        "2026-11-20T07:00:00+18:01",
        "2026-11-20T07:00:00-18:01",
        "2026-W47-5T07:00:00Z",
        "２０２６-11-20T07:00:00Z",
        "2026-11-20T07:00:00Z\n",
        "1763622000",
        "",
    ],
)
def test_a_time_in_another_form_is_invalid(text: str) -> None:
    assert refusal(example("weight", time=text)) == ("invalid", "/time")


def test_a_series_has_one_to_ten_thousand_samples() -> None:
    sample = {"time": "2026-11-20T07:10:00Z", "beats_per_minute": 71}
    assert validate_record(example("heart_rate", samples=[sample] * 10_000))
    for samples in ([], [sample] * 10_001):
        assert refusal(example("heart_rate", samples=samples)) == ("invalid", "/samples")


def test_a_night_without_stages_is_a_night() -> None:
    assert b'"stages":[]' in measured(example("sleep", stages=[])).content
