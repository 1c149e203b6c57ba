import copy
import random
from datetime import UTC, datetime, timedelta
from unicodedata import normalize
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.datatypes.canonical import Measurement, render, to_head, to_measurement
from vitalkeep.datatypes.descriptors import DataType, JsonObject
from vitalkeep.datatypes.records import RecordRejected, validate_record
from vitalkeep.datatypes.registry import BY_NAME, TYPES
from vitalkeep.datatypes.structs import read_batch
from vitalkeep.datatypes.times import canonical_text, time_text, to_instant

NOW = datetime(2026, 11, 21, 3, tzinfo=UTC)
ID = UUID("5f2b7c1e-8d0a-4a5e-9b60-3f1d2c7a9e11")
every_type = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
offsets = st.none() | st.integers(-18 * 60, 18 * 60)
instants = st.datetimes(
    min_value=datetime(2000, 1, 2),  # noqa: DTZ001 - hypothesis wants naive bounds
    max_value=datetime(2026, 11, 20),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def example(name: str, **changes: object) -> JsonObject:
    merged = {**copy.deepcopy(dict(BY_NAME[name].example)), **changes}
    return {key: value for key, value in merged.items() if value is not None}


def measured(record: object, now: datetime = NOW) -> Measurement:
    return to_measurement(validate_record(record), now)


def refusal(record: object) -> tuple[str, str]:
    with pytest.raises(RecordRejected) as caught:
        measured(record)
    return caught.value.code, caught.value.pointer


def answer(m: Measurement) -> JsonObject:
    head = to_head(m.type, m.start, m.end, m.start_offset, m.end_offset)
    parsed = orjson.loads(render(ID, head, m.content, m.version, m.origin, NOW))
    assert isinstance(parsed, dict)
    return parsed


def shuffled(value: object, rng: random.Random) -> object:
    """The same JSON with the members of every object in another order."""
    if isinstance(value, dict):
        pairs = [(key, shuffled(entry, rng)) for key, entry in value.items()]
        rng.shuffle(pairs)
        return dict(pairs)
    return [shuffled(entry, rng) for entry in value] if isinstance(value, list) else value


@every_type
def test_an_answer_has_what_was_sent(kind: DataType) -> None:
    answered = answer(measured(dict(kind.example)))
    assert answered.pop("id") == str(ID)
    assert answered.pop("modified_at") == "2026-11-21T03:00:00Z"
    assert answered == {"client_version": 0, **kind.example}


@every_type
def test_an_answer_sent_back_without_what_we_added_changes_nothing(kind: DataType) -> None:
    first = measured(dict(kind.example))
    again = answer(first)
    del again["id"], again["modified_at"]
    assert measured(again) == first


@given(st.sampled_from(TYPES), st.randoms(use_true_random=False), st.booleans())
def test_order_of_members_and_white_space_do_not_matter(
    kind: DataType, rng: random.Random, spaced: bool
) -> None:
    raw = orjson.dumps({"records": [shuffled(dict(kind.example), rng)]})
    if spaced:
        raw = orjson.dumps(orjson.loads(raw), option=orjson.OPT_INDENT_2)
    assert to_measurement(read_batch(raw)[0], NOW) == measured(dict(kind.example))


@given(instants, offsets)
def test_a_time_keeps_its_instant_and_its_offset(moment: datetime, offset: int | None) -> None:
    text = time_text(moment, offset)
    m = measured(example("weight", time=text))
    assert (m.start, m.end, m.start_offset, m.end_offset) == (moment, moment, offset, offset)
    assert answer(m)["time"] == text == canonical_text(text)


@given(instants, offsets, offsets)
def test_start_and_end_keep_offsets_of_their_own(
    moment: datetime, before: int | None, after: int | None
) -> None:
    start, end = time_text(moment, before), time_text(moment + timedelta(hours=3), after)
    m = measured(example("steps", start=start, end=end))
    assert (answer(m)["start"], answer(m)["end"]) == (start, end)


@given(st.floats(min_value=0, max_value=1000))
def test_a_number_comes_back_as_it_was(kilograms: float) -> None:
    assert answer(measured(example("weight", kilograms=kilograms)))["kilograms"] == kilograms


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2026-11-20T07:00:00Z", "2026-11-20T07:00:00Z"),
        ("2026-11-20T07:00:00-00:00", "2026-11-20T07:00:00Z"),
        ("2026-11-20T07:00:00+00:00", "2026-11-20T07:00:00+00:00"),
        ("2026-11-20T07:00:00.000+09:00", "2026-11-20T07:00:00+09:00"),
        ("2026-11-20T07:00:00.1200Z", "2026-11-20T07:00:00.12Z"),
        ("2026-11-20T07:00:00.123456999-03:30", "2026-11-20T07:00:00.123456-03:30"),
        ("2026-11-20T07:00:00.5-00:00", "2026-11-20T07:00:00.5Z"),
        ("2026-11-20T07:00:00+14:00", "2026-11-20T07:00:00+14:00"),
        ("2026-11-20T07:00:00+18:00", "2026-11-20T07:00:00+18:00"),
        ("2026-11-20T07:00:00-18:00", "2026-11-20T07:00:00-18:00"),
    ],
)
def test_a_time_has_one_form(sent: str, stored: str) -> None:
    assert answer(measured(example("weight", time=sent)))["time"] == stored
    assert canonical_text(sent) == stored


def test_an_unknown_offset_is_none_and_a_known_zero_is_zero() -> None:
    for text, offset in (("Z", None), ("-00:00", None), ("+00:00", 0), ("-03:30", -210)):
        assert measured(example("weight", time="2026-11-20T07:00:00" + text)).start_offset == offset


@pytest.mark.parametrize(
    "text",
    ["2026-02-29T07:00:00Z", "2026-04-31T07:00:00+09:00", "0000-01-01T00:00:00Z"],
)
def test_a_date_that_does_not_exist_is_invalid(text: str) -> None:
    assert refusal(example("weight", time=text)) == ("invalid", "/time")
    assert refusal(example("steps", end=text)) == ("invalid", "/end")


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+18:00", "9999-12-31T23:59:59-18:00", "1999-12-31T23:59:59.9Z"]
)
def test_a_start_outside_the_window_is_told_so(text: str) -> None:
    assert refusal(example("weight", time=text)) == ("time_out_of_window", "/time")
    assert refusal(example("steps", start=text))[1] == "/start"


def test_the_window_begins_with_the_year_2000_and_reaches_a_day_ahead() -> None:
    ahead = NOW + timedelta(hours=24)
    for moment in (datetime(2000, 1, 1, tzinfo=UTC), ahead):
        assert measured(example("weight", time=time_text(moment, None))).start == moment
    late = time_text(ahead + timedelta(microseconds=1), None)
    assert refusal(example("weight", time=late)) == ("time_out_of_window", "/time")


def test_an_end_may_lie_eight_days_ahead() -> None:
    latest = NOW + timedelta(days=8)
    assert measured(example("steps", end=time_text(latest, 540))).end == latest
    late = time_text(latest + timedelta(seconds=1), 540)
    assert refusal(example("steps", end=late)) == ("time_out_of_window", "/end")


def test_a_whole_day_record_written_at_noon_is_accepted() -> None:
    day = {"start": "2026-11-21T00:00:00+09:00", "end": "2026-11-21T23:59:59.999+09:00"}
    assert measured(example("steps", **day)).end > NOW


def test_a_zero_length_interval_is_accepted_and_a_reversed_one_is_not() -> None:
    start = "2026-11-20T07:10:00+09:00"
    assert measured(example("steps", end=start)).start == measured(example("steps", end=start)).end
    refused = refusal(example("steps", end="2026-11-20T07:09:59.999999+09:00"))
    assert refused == ("end_before_start", "/end")


def test_glucose_in_milligrams_is_stored_in_millimoles_with_what_was_sent() -> None:
    sent = example("blood_glucose", millimoles_per_liter=None, milligrams_per_deciliter=110)
    answered = answer(measured(sent))
    assert answered["millimoles_per_liter"] == 6.111111
    assert answered["original"] == {"value": 110.0, "unit": "mg/dL"}
    assert "milligrams_per_deciliter" not in answered


def test_a_value_that_was_not_converted_has_no_original() -> None:
    assert b"original" not in measured(example("blood_glucose")).content


def test_what_a_dialect_converted_from_is_kept() -> None:
    m = to_measurement(validate_record(example("weight")), NOW, (150.7962, "[lb_av]"))
    assert b'"original":{"value":150.7962,"unit":"[lb_av]"}' in m.content


def test_whole_and_negative_zero_numbers_have_one_form() -> None:
    forms = {measured(example("weight", kilograms=n)).content for n in (0, 0.0, -0.0, -0)}
    assert len(forms) == 1
    assert b'"kilograms":0.0' in forms.pop()


def test_text_is_stored_composed() -> None:
    title = "\u30ac\u00e9"
    record = example("sleep", title=normalize("NFD", title), client_id=normalize("NFD", title))
    m = measured(record)
    assert (answer(m)["title"], m.client_id) == (title, title)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("5F2B7C1E-8D0A-4A5E-9B60-3F1D2C7A9E11", "5f2b7c1e-8d0a-4a5e-9b60-3f1d2c7a9e11"),
        ("Run-ABC", "Run-ABC"),
        ("5F2B7C1E-8D0A-4A5E-9B60-3F1D2C7A9E11\u00e9", "5F2B7C1E-8D0A-4A5E-9B60-3F1D2C7A9E11é"),
    ],
)
def test_only_uuids_among_platform_ids_lose_their_capitals(sent: str, stored: str) -> None:
    m = measured(example("weight", platform_id=sent))
    assert m.platform_id == answer(m)["platform_id"] == stored


def test_an_origin_has_one_form_and_no_empty_device() -> None:
    for origin in ({"app": "a"}, {"device": {}, "app": "a"}):
        assert measured(example("steps", origin=origin)).origin == b'{"app":"a"}'
    device = {"model": "M", "type": "watch"}
    m = measured(example("steps", origin={"device": device, "app": "a"}))
    assert m.origin == b'{"app":"a","device":{"type":"watch","model":"M"}}'


def test_content_leaves_out_what_is_stored_beside_it() -> None:
    content = orjson.loads(b"{" + measured(example("weight", client_version=7)).content + b"}")
    assert list(content) == ["kilograms", "client_id", "recording_method"]


def test_health_values_stay_out_of_a_measurements_repr() -> None:
    shown = repr(measured(example("weight", kilograms=61.25)))
    assert "61.25" not in shown
    assert "w-20261120" not in shown


def test_an_instant_beyond_the_calendar_is_no_crash() -> None:
    with pytest.raises(RecordRejected, match="beyond the calendar"):
        to_instant("0001-01-01T00:00:00+00:01", "time")
