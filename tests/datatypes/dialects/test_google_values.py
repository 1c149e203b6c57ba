import struct

from hypothesis import example, given, settings
from hypothesis import strategies as st

from vitalkeep.datatypes.dialects.google_values import to_decimal


@settings(max_examples=50)
@given(st.integers(1, 999_999), st.integers(0, 6), st.sampled_from(["{!r}", "{:.15g}"]))
def test_a_decimal_comes_back_from_a_32_bit_float(digits: int, places: int, print_: str) -> None:
    decimal = digits / 10**places
    (single,) = struct.unpack("<f", struct.pack("<f", decimal))
    assert to_decimal(float(print_.format(single))) == decimal


@settings(max_examples=50)
@given(st.decimals(-1000, 1000, places=6).map(float))
def test_a_decimal_that_was_never_a_32_bit_float_stays(number: float) -> None:
    assert to_decimal(number) == number


@settings(max_examples=50)
@example(1000.000244140625)
@example(float("inf"))
@given(st.floats(width=32, allow_nan=False))
def test_a_32_bit_float_stays_the_same_32_bit_float(number: float) -> None:
    assert struct.pack("<f", to_decimal(number)) == struct.pack("<f", number)
