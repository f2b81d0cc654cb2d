"""A link that goes down and comes back by itself: when, decided beforehand, and the task that keeps to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from simulator.context import FaultContext, FaultTargetError
from simulator.faults.errors import FaultError
from simulator.faults.injection import Injection
from simulator.faults.steps import Step
from simulator.faults.values import Blackhole, Cut, Fault, Flap, Mode, to_document

LATEST = 0.4
"""With a seed a beat begins late by up to this share of the time that the link is up in a period."""
UNEVEN = 0.2
"""With a seed a beat lasts longer or shorter by up to this share of the shorter of down and up."""


@dataclass(frozen=True, slots=True)
class Beat:
    """Down and up again, in seconds from the beginning of the train."""

    down: float
    up: float


def beats(flap: Flap) -> tuple[Beat, ...]:
    """When the link goes down and comes back. The first beat begins at 0; none touches the next. Pure."""
    lasts = flap.period_s * flap.duty
    rest = flap.period_s - lasts
    chance = None if flap.seed is None else random.Random(flap.seed)
    found = []
    for number in range(flap.count):
        begins, length = number * flap.period_s, lasts
        if chance is not None:
            begins += chance.uniform(0, LATEST) * rest if number else 0.0
            length += chance.uniform(-UNEVEN, UNEVEN) * min(lasts, rest)
        found.append(Beat(begins, begins + length))
    return tuple(found)


def beat_of(flap: Flap) -> Fault:
    """What is done to the link in each beat."""
    if flap.mode is Mode.CUT:
        return Cut(flap.link)
    return Blackhole(flap.link, flap.direction)


@dataclass(slots=True)
class Flapping:
    """The train. Its first beat is part of the injection; a task in the lab's daemon keeps to the rest.

    Each beat is a fault of its own in the timeline, with the id of the flap and its number.
    """

    final: ClassVar[bool] = False
    flap: Flap
    identity: str
    steps_of: Callable[[Fault, FaultContext, str], tuple[Step, ...]]
    _train: asyncio.Task[None] | None = field(default=None, init=False)
    _beat: Injection | None = field(default=None, init=False)

    async def prepare(self, context: FaultContext) -> None:
        """Nothing takes time."""

    async def do(self, context: FaultContext) -> None:
        began = context.clock.now()
        await self._begin(context, 1)
        self._train = asyncio.create_task(self._keep_on(context, began), name=f"flap {self.flap.link}")

    async def undo(self, context: FaultContext) -> None:  # noqa: ARG002  # the beat knows its own
        """End the train, and the beat in the middle of which it is; the link is whole afterwards."""
        if self._train is not None and self._train is not asyncio.current_task():
            self._train.cancel()
            await asyncio.gather(self._train, return_exceptions=True)
        if self._beat is not None:
            await self._beat.clear()

    async def finished(self) -> None:
        """Return when the last beat is over."""
        if self._train is not None:
            await asyncio.wait({self._train})

    async def _begin(self, context: FaultContext, number: int) -> None:
        fault = beat_of(self.flap)
        detail = {"id": self.identity, "fault": to_document(fault), "beat": number, "of": self.flap.count}
        self._beat = Injection(context, self.steps_of(fault, context, self.identity), detail)
        await self._beat.inject()

    async def _keep_on(self, context: FaultContext, began: float) -> None:
        try:
            for number, beat in enumerate(beats(self.flap), start=1):
                if number > 1:
                    await _until(context, began + beat.down)
                    await self._begin(context, number)
                await _until(context, began + beat.up)
                assert self._beat is not None
                await self._beat.clear()
        except (FaultError, FaultTargetError, TimeoutError) as error:
            # The link was taken from the lab, or a program failed: said, and clearing still works.
            context.record("flap-broken", id=self.identity, link=self.flap.link, error=str(error))


async def _until(context: FaultContext, moment: float) -> None:
    await context.clock.sleep(max(0.0, moment - context.clock.now()))
