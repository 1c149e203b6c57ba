"""Exact sums of many parts of records, and their rounding. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from math import floor
from typing import Final

HALF: Final = Fraction(1, 2)


class ExactSum:
    """A sum of ratios that is told once, at the end.

    Adding `Fraction`s one by one would reduce each sum to lowest terms, which takes the longer the
    more durations differ: here equal denominators meet first, and the rest are added in pairs.
    """

    __slots__ = ("_by_denominator",)

    def __init__(self) -> None:
        self._by_denominator: defaultdict[int, int] = defaultdict(int)

    def add(self, numerator: int, denominator: int) -> None:
        """Adds `numerator / denominator`."""
        self._by_denominator[denominator] += numerator

    def total(self) -> Fraction:
        """The sum of all that was added."""
        pairs = [(over, under) for under, over in self._by_denominator.items()] or [(0, 1)]
        while len(pairs) > 1:
            odd = [pairs.pop()] if len(pairs) % 2 else []
            both = zip(pairs[::2], pairs[1::2], strict=True)
            pairs = [(a * d + c * b, b * d) for (a, b), (c, d) in both] + odd
        return Fraction(*pairs[0])


def round_half_up(value: Fraction) -> int:
    """The nearest whole number, of two the greater."""
    return floor(value + HALF)


def apportion(exact: Sequence[Fraction]) -> tuple[int, list[int]]:
    """The rounded sum and whole parts that add up to it, each next to its exact value: what is
    left when all are rounded down goes to those that lost most.
    """
    total = round_half_up(sum(exact, Fraction()))
    parts = [floor(each) for each in exact]
    by_loss = sorted(range(len(exact)), key=lambda at: parts[at] - exact[at])
    for at in by_loss[: total - sum(parts)]:
        parts[at] += 1
    return total, parts
