"""Conversion by declared unit to the unit a value is stored in, rounded to six decimals.

Nothing here guesses a unit from a value's size. Six decimals undo the noise of 32-bit floats
(72.0999984741211 for 72.1 stays as sent; only converted values are rounded).
"""

from dataclasses import dataclass
from typing import Final

MG_PER_DL_IN_ONE_MMOL_PER_L: Final = 18.0
"""Source: Health Connect and Google Fit both use 18.0; the molar mass would give 18.0156."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by Health Connect's name and UCUM code; stored value = (v - shift) * times / per."""

    quantity: str
    name: str
    ucum: str
    times: float = 1.0
    per: float = 1.0
    shift: float = 0.0


# The first unit of a quantity is the one it is stored in.
UNITS: Final = (
    Unit("mass", "kilograms", "kg"),
    Unit("mass", "grams", "g", per=1e3),
    Unit("mass", "milligrams", "mg", per=1e6),
    Unit("mass", "micrograms", "ug", per=1e9),
    Unit("mass", "pounds", "[lb_av]", times=0.45359237),
    Unit("mass", "ounces", "[oz_av]", times=0.028349523125),
    Unit("length", "meters", "m"),
    Unit("length", "kilometers", "km", times=1000.0),
    Unit("length", "miles", "[mi_i]", times=1609.344),
    Unit("length", "feet", "[ft_i]", times=0.3048),
    Unit("length", "inches", "[in_i]", times=0.0254),
    Unit("length", "millimeters", "mm", per=1e3),
    Unit("temperature", "celsius", "Cel"),
    Unit("temperature", "fahrenheit", "[degF]", shift=32.0, times=5.0, per=9.0),
    Unit("temperature", "kelvin", "K", shift=273.15),
    Unit("glucose", "millimolesPerLiter", "mmol/L"),
    Unit("glucose", "milligramsPerDeciliter", "mg/dL", per=MG_PER_DL_IN_ONE_MMOL_PER_L),
    Unit("pressure", "millimetersOfMercury", "mm[Hg]"),
    Unit("ratio", "percent", "%"),
    Unit("ratio", "fraction", "1", times=100.0),
    Unit("frequency", "perMinute", "/min"),
    Unit("frequency", "perSecond", "/s", times=60.0),
)
_BY_UCUM: Final = {unit.ucum: unit for unit in UNITS}
_BY_QUANTITY: Final = {
    quantity: tuple(unit for unit in UNITS if unit.quantity == quantity)
    for quantity in dict.fromkeys(unit.quantity for unit in UNITS)
}


def list_units(quantity: str) -> tuple[Unit, ...]:
    """Every unit of a quantity, the stored one first."""
    return _BY_QUANTITY[quantity]


def is_stored(unit: Unit) -> bool:
    """Whether values in this unit are stored as they are."""
    return _BY_QUANTITY[unit.quantity][0] is unit


def find_unit(quantity: str, name: object) -> Unit | None:
    """The unit that Health Connect calls `name` (`pounds`), None for anything else."""
    return next((unit for unit in _BY_QUANTITY[quantity] if unit.name == name), None)


def get_ucum(code: str) -> Unit:
    """The unit with this UCUM code (`[lb_av]`). Raises KeyError for one that is not in `UNITS`."""
    return _BY_UCUM[code]


def to_stored(value: float, unit: Unit) -> float:
    """The value in the stored unit of its quantity; one that is in it already stays as it is.

    Raises OverflowError for a whole number beyond what a double can hold.
    """
    if is_stored(unit):
        return float(value)
    return round((float(value) - unit.shift) * unit.times / unit.per, 6)
