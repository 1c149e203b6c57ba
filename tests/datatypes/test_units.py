import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.datatypes import units


@pytest.mark.parametrize(
    ("value", "code", "stored"),
    [
        (151.0, "[lb_av]", 68.492448),
        (1.0, "[oz_av]", 0.02835),
        (68_400, "g", 68.4),
        (68_400_000_000.0, "ug", 68.4),
        (110.0, "mg/dL", 6.111111),
        (900, "mg/dL", 50.0),
        (98.6, "[degF]", 37.0),
        (-40.0, "[degF]", -40.0),
        (1.0, "[mi_i]", 1609.344),
        (3.0, "[ft_i]", 0.9144),
        (12.0, "[in_i]", 0.3048),
        (1.5, "km", 1500.0),
        (0.228, "1", 22.8),
        (1.2, "/s", 72.0),
    ],
)
def test_a_value_is_converted_by_its_declared_unit(value: float, code: str, stored: float) -> None:
    assert units.to_stored(value, units.get_ucum(code)) == stored


def test_a_value_in_the_stored_unit_is_not_even_rounded() -> None:
    assert units.to_stored(72.0999984741211, units.get_ucum("kg")) == 72.0999984741211


def test_a_small_percentage_is_never_taken_for_a_fraction() -> None:
    assert units.to_stored(0.9, units.get_ucum("%")) == 0.9


@given(
    st.sampled_from(units.UNITS),
    st.floats(min_value=0, max_value=1e6),
    st.floats(min_value=0, max_value=1e6),
)
def test_conversion_keeps_the_order_of_values(unit: units.Unit, a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert units.to_stored(low, unit) <= units.to_stored(high, unit)


@given(st.floats(min_value=0, max_value=900))
def test_glucose_comes_back_from_the_stored_unit_within_a_hundred_thousandth(mg: float) -> None:
    stored = units.to_stored(mg, units.get_ucum("mg/dL"))
    assert math.isclose(stored * 18.0, mg, abs_tol=1e-5)


def test_a_unit_of_another_quantity_is_not_found() -> None:
    assert units.find_unit("mass", "celsius") is None
    assert units.find_unit("mass", None) is None


def test_an_unknown_ucum_code_is_refused() -> None:
    with pytest.raises(KeyError):
        units.get_ucum("stone")
