"""Waking a loop: any number of rings before the next wait count as one.

Also bounded, jittered back-off. Time comes from the clock that is given; randomness too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from random import Random

from cellnet_core.model.clock import Clock


class Wakeup:
    """A bell with the reasons of whoever rang it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._reasons: dict[str, None] = {}

    def ring(self, reason: str) -> None:
        """Wake the waiter, now or at its next wait."""
        self._reasons[reason] = None
        self._event.set()

    async def wait(self, clock: Clock, seconds: float) -> tuple[str, ...]:
        """Return when rung, or after that many seconds; the reasons, () when it was time alone."""
        if not self._event.is_set():
            await first_of(clock, seconds, self._event.wait())
        self._event.clear()
        reasons = tuple(self._reasons)
        self._reasons.clear()
        return reasons


async def first_of(clock: Clock, seconds: float, *others: Awaitable[object]) -> None:
    """Return when one of the awaitables ends or the time is over; what did not end is cancelled."""
    tasks = [asyncio.ensure_future(other) for other in others]
    tasks.append(asyncio.ensure_future(clock.sleep(max(0.0, seconds))))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Backoff:
    """Delays in seconds: doubling from `first` to `last`, each between half of itself and itself."""

    def __init__(self, first: float, last: float, random: Random) -> None:
        self._first = first
        self._last = last
        self._random = random
        self._next = first

    def reset(self) -> None:
        """It worked."""
        self._next = self._first

    def fail(self) -> float:
        """It did not: how long to wait."""
        delay = self._next
        self._next = min(self._last, self._next * 2)
        return delay * self._random.uniform(0.5, 1.0)
