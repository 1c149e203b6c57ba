from typing import get_args

import pytest

from vitalkeep.datatypes import units
from vitalkeep.datatypes.common import list_members
from vitalkeep.datatypes.descriptors import DataType, Quantity
from vitalkeep.datatypes.registry import (
    BY_GOOGLE_FIT_SCOPE,
    BY_GOOGLE_HEALTH_SCOPE,
    BY_NAME,
    BY_NUMBER,
    TYPES,
    list_covered,
)

every_type = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
HEALTH = "https://www.googleapis.com/auth/googlehealth."
FIT = "https://www.googleapis.com/auth/fitness."


def test_stored_numbers_never_change() -> None:
    assert {kind.name: kind.number for kind in TYPES} == {
        "steps": 1,
        "distance": 2,
        "weight": 3,
        "body_fat": 4,
        "sleep": 5,
        "blood_pressure": 6,
        "blood_glucose": 7,
        "heart_rate": 8,
        "body_temperature": 9,
        "oxygen_saturation": 10,
    }


def test_no_two_types_share_a_name_or_a_number() -> None:
    assert len(BY_NAME) == len(BY_NUMBER) == len(TYPES)


@every_type
def test_the_health_connect_names_follow_its_own_pattern(kind: DataType) -> None:
    theirs = kind.health_connect
    assert theirs.record_class == theirs.record_type + "Record"
    assert theirs.permission == f"android.permission.health.READ_{kind.name.upper()}"


@every_type
def test_every_member_of_a_type_has_a_health_connect_counterpart(kind: DataType) -> None:
    assert [f.name for f in kind.fields if f.health_connect is None] == []


@every_type
def test_every_alternative_unit_can_be_converted_to_the_stored_one(kind: DataType) -> None:
    for field in kind.fields:
        if field.alternative is not None:
            given, stored = units.get_ucum(field.alternative.unit), units.get_ucum(field.unit or "")
            assert given.quantity == stored.quantity
            assert units.is_stored(stored)
            assert units.to_stored(field.alternative.high, given) == field.high


@every_type
def test_a_quantity_is_stored_in_the_unit_its_field_declares(kind: DataType) -> None:
    for field in kind.fields:
        if field.quantity is not None:
            assert units.list_units(field.quantity)[0].ucum == field.unit


@every_type
def test_googles_units_are_known_to_the_converter(kind: DataType) -> None:
    if kind.google_health is not None and kind.google_health.unit not in (None, "{steps}"):
        assert units.get_ucum(kind.google_health.unit).ucum == kind.google_health.unit


@every_type
def test_no_two_members_of_a_type_share_a_name(kind: DataType) -> None:
    names = [field.name for field in list_members(kind)]
    assert len(names) == len(set(names))


@every_type
def test_every_enumeration_begins_with_unknown_as_in_health_connect(kind: DataType) -> None:
    for field in list_members(kind):
        for part in (field, *field.parts):
            if part.choices is not None:
                assert part.choices.values[0] == "unknown"


def test_every_quantity_has_units() -> None:
    assert [q for q in get_args(Quantity) if not units.list_units(q)] == []


def test_one_fit_scope_covers_weight_and_body_fat() -> None:
    assert list_covered(FIT + "body.read") == ("weight", "body_fat")
    assert list_covered(FIT + "location.read") == ("distance",)


def test_three_google_health_scopes_cover_all_but_blood_pressure() -> None:
    covered = [name for names in BY_GOOGLE_HEALTH_SCOPE.values() for name in names]
    assert len(BY_GOOGLE_HEALTH_SCOPE) == 3
    assert sorted(covered) == sorted(set(BY_NAME) - {"blood_pressure"})
    assert list_covered(HEALTH + "activity_and_fitness.readonly") == ("steps", "distance")


def test_every_type_is_covered_by_one_fit_scope() -> None:
    covered = [name for names in BY_GOOGLE_FIT_SCOPE.values() for name in names]
    assert sorted(covered) == sorted(BY_NAME)


@pytest.mark.parametrize(
    "grant",
    [
        "android.permission.health.WRITE_STEPS",
        "android.permission.health.READ_HEALTH_DATA_HISTORY",
        FIT + "body.write",
        HEALTH + "sleep.writeonly",
        "openid",
        "",
    ],
)
def test_a_grant_that_reads_no_type_of_ours_covers_nothing(grant: str) -> None:
    assert list_covered(grant) == ()


def test_a_health_connect_permission_covers_its_type() -> None:
    assert list_covered("android.permission.health.READ_DISTANCE") == ("distance",)


@every_type
def test_what_fhir_is_told_of_a_type_is_about_its_own_fields(kind: DataType) -> None:
    fields = {field.name: field for field in kind.fields}
    assert {*kind.fhir.notes, *filter(None, [kind.fhir.site])} <= set(fields)
    for each in kind.fhir.codes:
        choices = fields[each.field].choices
        assert choices is not None
        assert set(each.values) <= set(choices.values)
    values = [field for field in kind.fields if field.unit and field.loinc is None]
    assert len(values) <= 1
    assert [field.unit for field in values] in ([], [kind.fhir.ucum])


def test_every_stage_of_sleep_has_a_word_of_open_mhealth_or_a_wider_one() -> None:
    sleep = BY_NAME["sleep"]
    (stages,) = (field for field in sleep.fields if field.kind == "list")
    choices = stages.parts[-1].choices
    assert choices is not None
    assert sleep.open_mhealth is not None
    member = sleep.open_mhealth.members[0]
    told = {ours for _, ours in member.words}
    assert told | {ours for ours, wide in member.wider if wide in told} == set(choices.values)
