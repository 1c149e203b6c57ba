"""Conversion by declared unit to the unit a value is stored in, rounded to six decimals.

Nothing here guesses a unit from a value's size. Six decimals undo the noise of 32-bit floats
(72.0999984741211 for 72.1 stays as sent; only converted values are rounded).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

MG_PER_DL_IN_ONE_MMOL_PER_L: Final = 18.0
"""Source: Health Connect and Google Fit both use 18.0; the molar mass would give 18.0156."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by Health Connect's name and UCUM code; stored value = (v - shift) * times / per.

    The name is empty where Health Connect has no such unit.
    """

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
    Unit("mass", "", "[stone_av]", times=6.35029318),
    Unit("length", "meters", "m"),
    Unit("length", "kilometers", "km", times=1000.0),
    Unit("length", "miles", "[mi_i]", times=1609.344),
    Unit("length", "feet", "[ft_i]", times=0.3048),
    Unit("length", "inches", "[in_i]", times=0.0254),
    Unit("length", "millimeters", "mm", per=1e3),
    Unit("length", "", "cm", per=1e2),
    Unit("length", "", "[yd_i]", times=0.9144),
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
    Unit("count", "steps", "{steps}"),
)
HEALTHKIT: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "mass": {
            "kg": "kg",
            "g": "g",
            "mg": "mg",
            "mcg": "ug",
            "lb": "[lb_av]",
            "oz": "[oz_av]",
            "st": "[stone_av]",
        },
        "length": {
            "m": "m",
            "km": "km",
            "cm": "cm",
            "mm": "mm",
            "mi": "[mi_i]",
            "ft": "[ft_i]",
            "in": "[in_i]",
            "yd": "[yd_i]",
        },
        "temperature": {"degC": "Cel", "degF": "[degF]", "K": "K"},
        "glucose": {"mg/dL": "mg/dL", "mmol<180.15588>/L": "mmol/L"},
        "pressure": {"mmHg": "mm[Hg]"},
        "ratio": {"%": "1"},
        "frequency": {"count/min": "/min", "count/s": "/s"},
        "count": {"count": "{steps}"},
    }
)
"""HealthKit's unit strings to UCUM, by quantity. Its `%` is a fraction: 0.228 % is 22.8 percent.

Pressure in other units is refused: a record keeps one original value, blood pressure has two.
Source: HealthKit, HKUnit init(from:).
"""
_MOLAR_MASS: Final = re.compile(r"<[0-9.]+>")
_BY_UCUM: Final = {unit.ucum: unit for unit in UNITS}
_BY_QUANTITY: Final = {
    quantity: tuple(unit for unit in UNITS if unit.quantity == quantity and unit.name)
    for quantity in dict.fromkeys(unit.quantity for unit in UNITS)
}


def list_units(quantity: str) -> tuple[Unit, ...]:
    """Every unit of a quantity that Health Connect has, the stored one first."""
    return _BY_QUANTITY[quantity]


def is_stored(unit: Unit) -> bool:
    """Whether values in this unit are stored as they are."""
    return _BY_QUANTITY[unit.quantity][0] is unit


def find_unit(quantity: str, name: object) -> Unit | None:
    """The unit that Health Connect calls `name` (`pounds`), None for anything else."""
    return next((unit for unit in _BY_QUANTITY[quantity] if unit.name == name), None)


def find_healthkit(quantity: str, text: object) -> Unit | None:
    """The unit that HealthKit writes as `text` (`lb`), None for anything else.

    A molar mass (`mmol<180.15588000005408>/L`) may have any digits, and litres either case.
    """
    if not isinstance(text, str):
        return None
    plain = _plain(text)
    codes = HEALTHKIT[quantity].items()
    return next((_BY_UCUM[code] for name, code in codes if _plain(name) == plain), None)


def _plain(text: str) -> str:
    """Without molar mass, and with the capital litre."""
    bare = _MOLAR_MASS.sub("", text)
    return bare[:-1] + "L" if bare.endswith(("/l", "/dl")) else bare


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
