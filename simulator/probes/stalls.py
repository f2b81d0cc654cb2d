"""How long a connection made no progress although something was to be delivered. Pure.

**Stall.** Between two deliveries nothing arrived, although a message had been sent: it lasts from the moment
when the first undelivered message was sent (the sender's stamp), or from the delivery before it if that was
later, until the delivery that ended it. A pause of the sender is none. The true stall begins at most one
sending interval earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FLOOR_NS = 20_000_000
"""Shorter stretches are not told apart from a program that was woken late, and are not kept."""


@dataclass(frozen=True, slots=True)
class Stall:
    """A stretch without progress. `start_s` is CLOCK_MONOTONIC seconds. `open`: it had not ended yet."""

    start_s: float
    duration_ms: float
    open: bool = False

    @property
    def end_s(self) -> float:
        """When the delivery came that ended it."""
        return self.start_s + self.duration_ms / 1000


class Progress:
    """The deliveries of one flow, in order of arrival."""

    def __init__(self) -> None:
        self._stalls: list[tuple[int, int]] = []
        self._next = 0
        self._last = 0

    def delivered(self, number: int, at: int, sent: Sequence[int]) -> None:
        """Message `number` was delivered at that moment; `sent` are the send times of all, nanoseconds."""
        if number < self._next:
            return  # what a lost connection still held: something newer had arrived before
        waited_since = max(self._last, sent[self._next])
        if at - waited_since >= FLOOR_NS:
            self._stalls.append((waited_since, at))
        self._next = number + 1
        self._last = at

    def stalls(self, since: int, until: int, sent: Sequence[int]) -> tuple[Stall, ...]:
        """Those that began from `since` to before `until`; one that has no end yet lasts until `until`."""
        found = [
            Stall(start / 1e9, (end - start) / 1e6) for start, end in self._stalls if since <= start < until
        ]
        if self._next < len(sent):
            start = max(self._last, sent[self._next])
            if since <= start and until - start >= FLOOR_NS:
                found.append(Stall(start / 1e9, (until - start) / 1e6, open=True))
        return tuple(found)
