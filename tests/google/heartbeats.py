"""Ninety days of heart rate that exist only while somebody looks at them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tests.google.moments import NS

SAMPLES: Final = 230_000
PERIOD: Final = timedelta(days=90)
MS: Final = 1_000_000


@dataclass
class Heartbeats:
    """`count` samples from `start_ns` on, each a whole number of milliseconds.

    The same numbers give the same samples in every process.
    """

    start_ns: int
    count: int = SAMPLES
    period: timedelta = PERIOD
    seed: int = 1
    deleted: set[int] = field(default_factory=set)

    @property
    def every_ns(self) -> int:
        """Time between two samples."""
        return int(self.period.total_seconds()) * NS // self.count

    def time_ns(self, index: int) -> int:
        """When sample `index` was taken."""
        return (self.start_ns + index * self.every_ns) // MS * MS

    def bpm(self, index: int) -> int:
        """Beats a minute: low at night, higher by day, and restless."""
        second = (self.time_ns(index) // NS + 9 * 3600) % 86_400
        awake = 25 if 7 * 3600 < second < 23 * 3600 else 0
        mixed = (index * 2_654_435_761 + self.seed * 40_503) & 0xFFFF_FFFF
        return 52 + awake + (mixed >> 13) % 19

    def indexes(self, start_ns: int, end_ns: int) -> range:
        """The samples in [start, end), also those that were deleted."""
        return range(self._first_from(start_ns), self._first_from(end_ns))

    def newest_first(self, start_ns: int, end_ns: int) -> Iterator[int]:
        """The samples that are left in [start, end)."""
        found = reversed(self.indexes(start_ns, end_ns))
        return (index for index in found if index not in self.deleted)

    def _first_from(self, ns: int) -> int:
        index = max(0, min(self.count, (ns - self.start_ns) // self.every_ns - 1))
        while index < self.count and self.time_ns(index) < ns:
            index += 1
        return index

    def __len__(self) -> int:
        return self.count - len(self.deleted)
