"""Where the boxes of a picture go: pure geometry over names and edges.

Two boxes stand side by side; a star has its centre in the middle; everything else stands on an ellipse, in
the given order, with routers inside it among their neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]


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
    points = _ellipse(on_ellipse, box, gap, hub is not None or bool(inner))
    if hub is not None:
        points[hub] = Point(0.0, 0.0)
    for name in inner:
        neighbours = [points[end] for edge in edges if name in edge for end in edge if end in points]
        points[name] = _between(neighbours)
    return points


def _hub(names: Sequence[str], edges: Collection[Edge]) -> str | None:
    """The centre of a star of at least two rays, if the edges form one."""
    pairs = {frozenset(edge) for edge in edges}
    if len(names) < 3 or len(pairs) != len(names) - 1:
        return None
    return next((name for name in names if all(name in pair for pair in pairs)), None)


def _ellipse(names: Sequence[str], box: Size, gap: Size, filled: bool) -> dict[str, Point]:
    count = len(names)
    if count == 1:
        return {names[0]: Point(0.0, 0.0)}
    if count == 2:
        return {names[0]: Point(-box.width - gap.width, 0.0), names[1]: Point(box.width + gap.width, 0.0)}
    # Neighbours at an angle of 2 pi / n stand apart by 2 r sin(pi / n) at least in one direction.
    chord = 2 * math.sin(math.pi / count)
    wide = (box.width + gap.width) / chord
    high = (box.height + gap.height) / chord
    if filled:  # something stands in the middle
        wide, high = max(wide, box.width + gap.width), max(high, box.height + gap.height)
    # Begin at the top; four are nicer as a rectangle than as a rhombus.
    turn = -math.pi / 2 - (math.pi / count if count % 2 == 0 else 0.0)
    return {
        name: Point(
            wide * math.cos(turn + 2 * math.pi * position / count),
            high * math.sin(turn + 2 * math.pi * position / count),
        )
        for position, name in enumerate(names)
    }


def _between(points: Sequence[Point]) -> Point:
    if not points:
        return Point(0.0, 0.0)
    return Point(sum(p.x for p in points) / len(points) / 2, sum(p.y for p in points) / len(points) / 2)
