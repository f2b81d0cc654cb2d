"""Where the boxes of a picture go: pure geometry over names and edges.

Two boxes stand side by side; a star has its centre in the middle; everything else stands on an ellipse, in
the given order, with routers on a smaller one inside, near their neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]
_TOP = -math.pi / 2
_DIAGONAL = 1.25


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the picture, in pixels; y grows downwards."""

    x: float
    y: float

    def towards(self, other: Point, part: float) -> Point:
        """The point at that part (0 to 1) of the way to the other one."""
        return Point(self.x + (other.x - self.x) * part, self.y + (other.y - self.y) * part)

    def shifted(self, x: float, y: float) -> Point:
        """The point moved by so much."""
        return Point(self.x + x, self.y + y)


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels."""

    width: float
    height: float


def place(
    outer: Sequence[str], inner: Sequence[str], edges: Collection[Edge], box: Size, gap: Size
) -> dict[str, Point]:
    """The centre of each box, around the origin.

    `outer` boxes (cells) and `inner` ones (routers) are at most `box` large; neighbours on the ellipse stay
    `gap` apart, which is what the names of the links between them need.
    """
    hub = _hub(outer, edges) if not inner else None
    on_ellipse = [name for name in outer if name != hub]
    if len(on_ellipse) == 2 and hub is None and not inner:
        step = (box.width + gap.width) / 2
        return {on_ellipse[0]: Point(-step, 0.0), on_ellipse[1]: Point(step, 0.0)}
    middle = _radii(max(len(inner), 1 if hub else 0), box, gap, Size(0.0, 0.0))
    # Boxes that stand diagonally to the middle one need more room than those beside or above it.
    ring = Size(_DIAGONAL * (box.width + gap.width), _DIAGONAL * (box.height + gap.height))
    stacked = len(on_ellipse) == 2 and len(inner) == 2
    filled = Size(ring.width + (0.0 if stacked else middle.width), middle.height + ring.height)
    hole = filled if hub is not None or inner else Size(0.0, 0.0)
    points = _ellipse(on_ellipse, _radii(len(on_ellipse), box, gap, hole), _start(len(on_ellipse)))
    if hub is not None:
        points[hub] = Point(0.0, 0.0)
    # Two boxes stand left and right: what is between them must not be in line with them.
    start = _TOP if len(on_ellipse) == 2 and len(inner) % 4 == 2 else _start(len(inner))
    return points | _ellipse(_by_direction(inner, edges, points, start), middle, start)


def _by_direction(
    inner: Sequence[str], edges: Collection[Edge], points: Mapping[str, Point], start: float
) -> list[str]:
    """The inner boxes in the order in which their outer neighbours stand around the middle."""

    def turn(name: str) -> float:
        near = [points[end] for edge in edges if name in edge for end in edge if end in points]
        angle = math.atan2(sum(point.y for point in near), sum(point.x for point in near))
        return (angle - start + math.pi / len(inner)) % (2 * math.pi)

    return sorted(inner, key=turn)


def _hub(names: Sequence[str], edges: Collection[Edge]) -> str | None:
    """The centre of a star of at least two rays, if the edges form one."""
    pairs = {frozenset(edge) for edge in edges}
    if len(names) < 3 or len(pairs) != len(names) - 1:
        return None
    return next((name for name in names if all(name in pair for pair in pairs)), None)


def _radii(count: int, box: Size, gap: Size, least: Size) -> Size:
    """The radii of an ellipse on which that many boxes stand `gap` apart, at least `least`."""
    if count <= 1:
        return least
    # Neighbours at an angle of 2 pi / n stand apart by 2 r sin(pi / n) at least in one direction.
    chord = 2 * math.sin(math.pi / count)
    return Size(
        max((box.width + gap.width) / chord, least.width),
        max((box.height + gap.height) / chord, least.height),
    )


def _start(count: int) -> float:
    # Begin at the top; even numbers are nicer with a flat top, and two side by side.
    return _TOP - (math.pi / count if count and count % 2 == 0 else 0.0)


def _ellipse(names: Sequence[str], radii: Size, start: float) -> dict[str, Point]:
    count = len(names)
    return {
        name: Point(
            radii.width * math.cos(start + 2 * math.pi * position / count),
            radii.height * math.sin(start + 2 * math.pi * position / count),
        )
        for position, name in enumerate(names)
    }
