"""One fault in force: its steps done together, undone together, once, with the moments written down.

Every injection and every clearing is a line of the timeline with the moments just before and just after the
act (`t_before`, `t_after`): the fault took effect between them. What takes time is prepared before. Knows
steps; which steps a fault is made of is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from simulator.context import Clock, FaultContext
from simulator.faults.errors import FaultError
from simulator.faults.steps import Moments, Step

KINDS = ("fault", "fault-cleared")
"""What the two lines of a fault are called."""


class Injection:
    """The steps of one fault. `detail` stands in both lines of the timeline."""

    def __init__(
        self,
        context: FaultContext,
        steps: Sequence[Step],
        detail: Mapping[str, Any],
        kinds: tuple[str, str] = KINDS,
    ) -> None:
        self._context = context
        self._steps = steps
        self._detail = dict(detail)
        self._kinds = kinds
        self._lock = asyncio.Lock()
        self._in_force = False

    async def inject(self) -> None:
        """All steps or none. Raises what the steps raise."""
        acts = [step for step in self._steps if not step.final]
        moments = [step for step in self._steps if step.final]
        try:
            await _together([step.prepare for step in self._steps], self._context)
            began, ended = await _together([step.do for step in acts], self._context)
            if moments:  # these cannot be taken back, so all others must have succeeded
                first, ended = await _together([step.do for step in moments], self._context)
                began = began if acts else first
        except BaseException:  # a cancelled caller too: nothing may stay half-done
            await self._undo_steps()
            raise
        self._in_force = True
        self._record(self._kinds[0], began, ended)

    async def clear(self) -> None:
        """Take it back, once; harmless afterwards. One that failed can be tried again."""
        async with self._lock:
            if not self._in_force:
                return
            began, ended = await self._undo_steps()
            self._in_force = False
            self._record(self._kinds[1], began, ended)

    async def _undo_steps(self) -> Moments:
        return await _together([step.undo for step in reversed(self._steps)], self._context)

    def _record(self, kind: str, began: float, ended: float) -> None:
        self._context.record(kind, **self._detail, t_before=began, t_after=ended)


async def _together(
    acts: Sequence[Callable[[FaultContext], Awaitable[Moments | None]]], context: FaultContext
) -> Moments:
    """At the same time, so that both directions fail together; the first error once all have ended.

    Returns the moments just before the first and just after the last of them, stamped right at the acts: the
    daemon may have other work between its decision and the act.
    """
    clock: Clock = context.clock
    stamps: list[Moments] = []

    async def timed(act: Callable[[FaultContext], Awaitable[Moments | None]]) -> None:
        before = clock.now()
        told = await act(context)
        stamps.append(told or (before, clock.now()))

    results = await asyncio.gather(*(timed(act) for act in acts), return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    refusals = [error for error in errors if isinstance(error, FaultError)]
    if refusals:
        raise FaultError(*dict.fromkeys(problem for error in refusals for problem in error.problems))
    if errors:
        raise errors[0]
    if not stamps:
        stamps = [(clock.now(), clock.now())]
    return min(before for before, _ in stamps), max(after for _, after in stamps)
