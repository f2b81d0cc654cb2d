"""A clock that a test turns by hand, and a way to let everything that is ready happen."""

from __future__ import annotations

import asyncio
import heapq
import math
from itertools import count

SETTLE_STEPS = 40


async def settle() -> None:
    """Let every task run until all of them wait for something."""
    for _ in range(SETTLE_STEPS):
        await asyncio.sleep(0)


class ManualClock:
    """Seconds that pass only in `advance`."""

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # However short, some time passes: rounding must not make a pause none, again and again.
        until = max(self._now + seconds, math.nextafter(self._now, math.inf))
        heapq.heappush(self._sleepers, (until, next(self._numbers), future))
        await future

    def turn(self, seconds: float) -> None:
        """Let time pass where no task runs: for pure code."""
        self._now += seconds

    async def advance(self, seconds: float) -> None:
        """Let time pass; sleepers wake in order, each with everything that follows from it."""
        await settle()
        end = self._now + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self._now = max(self._now, at)
            if not future.done():
                future.set_result(None)
                await settle()
        self._now = end
        await settle()
