"""How often which number of microseconds: bounded memory, 1.6 % wide buckets. Pure.

Below 128 us every microsecond has its bucket; above, each doubling has 64.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

_LINEAR_BITS = 7
_SUB = 1 << (_LINEAR_BITS - 1)
_SIZE = _SUB * 64


class Histogram:
    """Counts of whole microseconds; negative ones count as 0."""

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self._counts = array("Q", bytes(8 * _SIZE))
        self.total = 0
        for index, count in counts:
            self._counts[index] += count
            self.total += count

    def add(self, microseconds: int) -> None:
        """Count one."""
        if microseconds < 128:
            index = max(microseconds, 0)
        else:
            shift = microseconds.bit_length() - _LINEAR_BITS
            index = min((shift << (_LINEAR_BITS - 1)) + (microseconds >> shift), _SIZE - 1)
        self._counts[index] += 1
        self.total += 1

    def merge(self, other: Histogram) -> None:
        """Count everything that the other counted."""
        for index, count in other.items():
            self._counts[index] += count
        self.total += other.total

    def items(self) -> list[tuple[int, int]]:
        """(bucket, count) of every bucket that is not empty; `Histogram(items)` is the same again."""
        return [(index, count) for index, count in enumerate(self._counts) if count]

    def quantile_ms(self, share: float) -> float:
        """The milliseconds that at most `1 - share` of all exceed; the bucket's upper edge. 0 if empty."""
        wanted, seen = share * self.total, 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return _upper_edge(index) / 1000
        return 0.0

    @property
    def max_ms(self) -> float:
        """Upper edge of the highest bucket that is not empty."""
        return self.quantile_ms(1.0)


def _upper_edge(index: int) -> int:
    if index < 1 << _LINEAR_BITS:
        return index
    shift = (index >> (_LINEAR_BITS - 1)) - 1
    return ((index - (shift << (_LINEAR_BITS - 1))) + 1 << shift) - 1
