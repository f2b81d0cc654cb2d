"""Where the names of curves go, so that each stands on its own curve and covers as little as possible.

Pure geometry. Every name is placed once, near the middle of its curve if that place is free, in the order of
the curves; so the same picture always gets the same places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from topologies.draw.layout import Point, Size

_GRID = 12.0  # pixels; curves are noted in squares of this size
_SAMPLES = 160
_CANDIDATES = 25


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle by its centre."""

    centre: Point
    size: Size

    def overlaps(self, other: Rect) -> bool:
        """Whether the two have a point in common."""
        return (
            abs(self.centre.x - other.centre.x) < (self.size.width + other.size.width) / 2
            and abs(self.centre.y - other.centre.y) < (self.size.height + other.size.height) / 2
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """A quadratic Bezier curve: it leaves `start` towards `bend` and arrives from there at `end`."""

    start: Point
    bend: Point
    end: Point

    def at(self, part: float) -> Point:
        """The point at that part (0 to 1) of the curve."""
        return self.start.towards(self.bend, part).towards(self.bend.towards(self.end, part), part)


def place(curves: Sequence[Curve], sizes: Iterable[Size], boxes: Iterable[Rect]) -> list[Rect]:
    """For each curve a rectangle of its size, which covers no box or name where that is possible."""
    passing: dict[tuple[int, int], set[int]] = defaultdict(set)
    for index, curve in enumerate(curves):
        for sample in range(_SAMPLES + 1):
            passing[_square(curve.at(sample / _SAMPLES))].add(index)
    taken = list(boxes)
    placed = []
    for index, (curve, size) in enumerate(zip(curves, sizes, strict=True)):
        candidates = [Rect(curve.at(0.5 + offset), size) for offset in _offsets()]
        best = min(
            candidates,
            key=lambda rect: 10 * sum(map(rect.overlaps, taken)) + len(_under(rect, passing) - {index}),
        )
        taken.append(best)
        placed.append(best)
    return placed


def _offsets() -> list[float]:
    """0, then places ever further from the middle on both sides; `min` takes the first of equal ones."""
    return [(step + 1) // 2 * 0.025 * (-1 if step % 2 else 1) for step in range(_CANDIDATES)]


def _square(point: Point) -> tuple[int, int]:
    return int(point.x // _GRID), int(point.y // _GRID)


def _under(rect: Rect, passing: dict[tuple[int, int], set[int]]) -> set[int]:
    half_width, half_height = rect.size.width / 2, rect.size.height / 2
    left, top = _square(rect.centre.shifted(-half_width, -half_height))
    right, bottom = _square(rect.centre.shifted(half_width, half_height))
    found: set[int] = set()
    for column in range(left, right + 1):
        for row in range(top, bottom + 1):
            found |= passing.get((column, row), set())
    return found
