import pytest

from tests.datatypes.dialects.kit import kit
from tests.datatypes.dialects.phone import ABSENT, APP, NOW
from vitalkeep.datatypes.dialects.healthkit import EXAMPLES, measurement
from vitalkeep.datatypes.records import RecordRejected


def refusal(sample: object) -> RecordRejected:
    with pytest.raises(RecordRejected) as caught:
        measurement(sample, APP, NOW)
    return caught.value


def place(sample: object) -> tuple[str, str]:
    return refusal(sample).code, refusal(sample).pointer


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"unit": ABSENT}, "/unit"),
        ({"unit": None}, "/unit"),
        ({"unit": "kilograms"}, "/unit"),
        ({"unit": "degC"}, "/unit"),
        ({"unit": "%"}, "/unit"),
        ({"unit": ["kg"]}, "/unit"),
        ({"quantity": {"value": 68.4, "unit": "stones"}}, "/quantity/unit"),
        ({"quantity": {"value": 68.4}, "unit": ABSENT}, "/unit"),
        ({"quantity": ABSENT}, "/quantity"),
        ({"quantity": None}, "/quantity"),
        ({"quantity": "68.4"}, "/quantity"),
        ({"quantity": True}, "/quantity"),
        ({"quantity": [68.4]}, "/quantity"),
        ({"quantity": {}}, "/quantity"),
        ({"quantity": {"value": None, "unit": "kg"}}, "/quantity"),
        ({"quantity": ABSENT, "value": "68.4"}, "/value"),
        ({"uuid": 5}, "/uuid"),
        ({"uuid": "x" * 129}, "/uuid"),
        ({"startDate": ABSENT}, "/startDate"),
        ({"startDate": 1763589731}, "/startDate"),
        ({"startDate": "2026-11-20"}, "/startDate"),
        ({"startDate": "2026-11-31T07:00:00Z"}, "/startDate"),
        ({"metadata": "none"}, "/metadata"),
        ({"metadata": {"HKSyncIdentifier": 5}}, "/metadata/HKSyncIdentifier"),
        (
            {"metadata": {"HKSyncIdentifier": "a", "HKSyncVersion": "1"}},
            "/metadata/HKSyncVersion",
        ),
        ({"sourceRevision": "x"}, "/sourceRevision"),
        (
            {"sourceRevision": {"source": {"bundleIdentifier": 5}}},
            "/sourceRevision/source/bundleIdentifier",
        ),
        ({"sourceRevision": ABSENT, "source": {"bundleIdentifier": 5}}, "/source/bundleIdentifier"),
        ({"sourceRevision": ABSENT, "sourceId": 5}, "/sourceId"),
        ({"device": {"model": 5}}, "/device/model"),
        ({"device": {"manufacturer": "\x00"}}, "/device/manufacturer"),
        ({"device": ABSENT, "sourceRevision": {"productType": 5}}, "/sourceRevision/productType"),
    ],
    ids=range(32),
)
def test_a_refusal_points_at_what_the_phone_sent(changes: dict[str, object], pointer: str) -> None:
    assert place(kit("weight", **changes)) == ("invalid", pointer)


@pytest.mark.parametrize("unit", ["kg", "lb"])
@pytest.mark.parametrize("value", [1e300, -1, float("inf"), float("nan"), 10**400])
def test_a_value_beyond_its_bounds_is_out_of_range(value: float, unit: str) -> None:
    assert place(kit("weight", quantity=value, unit=unit)) == ("out_of_range", "/quantity")


@pytest.mark.parametrize("value", [1e300, -1, 0.4, float("inf"), float("nan"), 10**400])
def test_a_heart_rate_beyond_its_bounds_is_out_of_range(value: float) -> None:
    sample = kit("heart_rate", quantity=value)
    assert place(sample) == ("out_of_range", "/quantity")
    assert place(kit("heart_rate", quantity=ABSENT, value=value)) == ("out_of_range", "/value")


def test_a_percentage_is_never_guessed_to_be_one() -> None:
    refused = refusal(kit("oxygen_saturation", quantity=96.5))
    assert (refused.code, refused.pointer) == ("out_of_range", "/quantity")
    assert "fraction" in refused.detail


@pytest.mark.parametrize("name", ["steps", "distance", "sleep"])
def test_what_lasts_needs_an_end_that_is_not_before_its_start(name: str) -> None:
    assert place(kit(name, endDate=ABSENT)) == ("invalid", "/endDate")
    before = kit(name, endDate="2026-11-19T15:04:59Z")
    assert place(before) == ("end_before_start", "/endDate")
    assert place(kit(name, startDate="1999-12-31T23:59:59Z")) == (
        "time_out_of_window",
        "/startDate",
    )
    assert place(kit(name, endDate="2027-11-19T00:00:00Z")) == ("time_out_of_window", "/endDate")


def test_a_start_too_far_ahead_is_pointed_at_in_every_shape() -> None:
    for name in EXAMPLES:
        ahead = kit(name, startDate="2026-11-22T04:00:00Z", endDate="2026-11-22T05:00:00Z")
        assert place(ahead) == ("time_out_of_window", "/startDate")


@pytest.mark.parametrize(
    ("objects", "pointer"),
    [
        (ABSENT, "/objects"),
        ([], "/objects"),
        ([0], "/objects"),
        ([1, 1], "/objects"),
        ("both", "/objects"),
    ],
)
def test_a_correlation_needs_both_pressures(objects: object, pointer: str) -> None:
    both = EXAMPLES["blood_pressure"]["objects"]
    assert isinstance(both, list)
    given = [both[index] for index in objects] if isinstance(objects, list) else objects
    assert place(kit("blood_pressure", objects=given)) == ("invalid", pointer)


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"unit": "kPa"}, "invalid", "/objects/1/unit"),
        ({"unit": ABSENT}, "invalid", "/objects/1/unit"),
        ({"quantity": "82"}, "invalid", "/objects/1/quantity"),
        ({"quantity": 9}, "out_of_range", "/objects/1/quantity"),
        ({"quantity": ABSENT, "value": 9}, "out_of_range", "/objects/1/value"),
    ],
)
def test_a_refused_pressure_is_pointed_at_in_its_correlation(
    change: dict[str, object], code: str, pointer: str
) -> None:
    sample = kit("blood_pressure")
    lower = {**sample["objects"][1], **change}
    sample["objects"][1] = {key: value for key, value in lower.items() if value is not ABSENT}
    assert place(sample) == (code, pointer)
    named = kit("blood_pressure", objects=[sample["objects"][0]], diastolic=sample["objects"][1])
    assert place(named) == (code, pointer.replace("/objects/1", "/diastolic"))


@pytest.mark.parametrize("side", ["Systolic", "Diastolic"])
def test_one_pressure_alone_is_told_where_it_belongs(side: str) -> None:
    for name in (f"HKQuantityTypeIdentifierBloodPressure{side}", f"BloodPressure{side}"):
        refused = refusal(kit("weight", quantityType=name, quantity=120, unit="mmHg"))
        assert (refused.code, refused.pointer) == ("invalid", "/quantityType")
        assert "HKCorrelationTypeIdentifierBloodPressure" in refused.detail


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"quantityType": "HKQuantityTypeIdentifierHeight"}, "/quantityType"),
        ({"quantityType": "weight"}, "/quantityType"),
        ({"quantityType": 5}, "/quantityType"),
        ({"quantityType": ABSENT}, "/quantityType"),
        ({"quantityType": None, "type": "HKQuantityTypeIdentifierHeight"}, "/type"),
        ({"quantityType": ABSENT, "sampleType": {"identifier": "x"}}, "/sampleType/identifier"),
        ({"quantityType": ABSENT, "sampleType": {"name": "x"}}, "/sampleType/identifier"),
    ],
    ids=range(7),
)
def test_an_unknown_type_is_pointed_at(changes: dict[str, object], pointer: str) -> None:
    assert place(kit("weight", **changes)) == ("unknown_type", pointer)


@pytest.mark.parametrize("sample", [None, 5, "sample", [], True])
def test_a_sample_is_an_object(sample: object) -> None:
    assert place(sample) == ("invalid", "")


@pytest.mark.parametrize("value", [ABSENT, None, "dozing", True, 0.5, [4], {"value": 4}])
def test_a_stage_has_to_be_one_of_healthkits(value: object) -> None:
    assert place(kit("sleep", value=value)) == ("invalid", "/value")


def test_a_sample_of_sleep_has_a_longest_duration() -> None:
    longest = kit("sleep", startDate="2026-11-10T00:00:00Z", endDate="2026-11-14T00:00:00Z")
    assert measurement(longest, APP, NOW)
    longer = {**longest, "endDate": "2026-11-14T00:00:00.001Z"}
    assert place(longer) == ("out_of_range", "/endDate")
