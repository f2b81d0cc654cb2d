"""What each look at a session found: how busy the machine had been by then, and how late packets had left.

So that a stretch is judged by what happened in it: neither a burst of work minutes before condemns it, nor do
minutes of quiet hide a burst in the middle of it. Pure.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.probes.histogram import Histogram
from simulator.probes.load import Load, Reading, between

KEPT = 600
"""Looks that are remembered. Of a stretch that began before the oldest, all since the start counts."""
SHORTEST_S = 1.0
"""Counters of the kernel go by steps of 10 ms: shares over less than this say little."""


@dataclass(frozen=True, slots=True)
class Look:
    """Counters since the session's start, at one moment.

    `late` has, by node, the items of a histogram of microseconds that packets left late.
    """

    reading: Reading
    late: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Between:
    """Two looks around a stretch."""

    before: Look
    after: Look

    @property
    def load(self) -> Load:
        """What kept the machine busy from one to the other."""
        return between(self.before.reading, self.after.reading)

    def late(self, node: str) -> Histogram:
        """How late the node's packets left from one to the other."""
        earlier = dict(self.before.late.get(node, ()))
        return Histogram(
            (index, count - earlier.get(index, 0)) for index, count in self.after.late.get(node, ())
        )


class Looks:
    """The looks at a session, from its start on; the start is never forgotten."""

    def __init__(self, start: Reading) -> None:
        self._start = Look(start)
        self._later: deque[Look] = deque(maxlen=KEPT)

    def add(self, look: Look) -> None:
        """Later than all before."""
        self._later.append(look)

    def around(self, since_s: float, until_s: float) -> Between:
        """The narrowest two looks that hold the stretch (CLOCK_MONOTONIC) and are SHORTEST_S apart, as far as
        there are such; the newest look also where the stretch is not over."""
        looks = [self._start, *self._later]
        times = [look.reading.t for look in looks]
        after = min(bisect_left(times, until_s), len(looks) - 1)
        before = max(bisect_right(times, min(since_s, times[after] - SHORTEST_S)) - 1, 0)
        return Between(looks[before], looks[after])
