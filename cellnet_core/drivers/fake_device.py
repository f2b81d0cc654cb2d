"""What the fakes have in common: life cycle, failures on demand, hints.

Must not know what kind of device it is part of.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cellnet_core.drivers.contract import Action, DriverUnavailableError, Hint, Outcome
from cellnet_core.model.clock import Clock


@dataclass
class Faults:
    """What goes wrong from now on. Change it at any time."""

    fail_at: int | None = None
    """The action of this index fails in the next apply; those after it are skipped."""
    unavailable: bool = False
    """The device does not answer: apply raises, observe is not fresh."""
    stale: bool = False
    """Only observe is not fresh."""
    delay: float = 0.0
    """Seconds that apply and observe take."""
    hints: Literal["normal", "twice", "never"] = "normal"
    hint_delay: float = 0.0
    """Seconds by which hints come late."""


class FakeDevice:
    """What both fakes share: life cycle, faults and hints."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.faults = Faults()
        self.restarts = 0
        self.applied: list[Action] = []
        """Every action that was done, ever: what a wire would have seen."""
        self._watchers: list[asyncio.Queue[Hint | None]] = []
        self._late: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def instance(self) -> str:
        """Identity of the device's process."""
        return f"{self.name}#{self.restarts}"

    def hint(self, about: str) -> None:
        """Tell the watchers to look again, as `faults` has it."""
        if self.faults.hints == "never":
            return
        if self.faults.hint_delay > 0:
            task = asyncio.get_running_loop().create_task(self._hint_later(about, self.faults.hint_delay))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            return
        for watcher in self._watchers:
            for _ in range(2 if self.faults.hints == "twice" else 1):
                watcher.put_nowait(Hint(about))

    async def _hint_later(self, about: str, seconds: float) -> None:
        await self.clock.sleep(seconds)
        for watcher in self._watchers:
            watcher.put_nowait(Hint(about))

    async def watch(self) -> AsyncIterator[Hint]:
        """See the contract."""
        queue: asyncio.Queue[Hint | None] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            while not self._closed:
                hint = await queue.get()
                if hint is None:
                    return
                yield hint
        finally:
            self._watchers.remove(queue)

    async def close(self) -> None:
        """See the contract: the device keeps everything."""
        self._closed = True
        for task in tuple(self._late):
            task.cancel()
        for watcher in self._watchers:
            watcher.put_nowait(None)

    async def apply(self, actions: Sequence[Action]) -> tuple[Outcome, ...]:
        """See the contract."""
        await self._answer()
        if self.faults.unavailable:
            raise DriverUnavailableError(f"{self.name} is switched off (faults.unavailable)")
        fail_at, self.faults.fail_at = self.faults.fail_at, None
        outcomes: list[Outcome] = []
        failed = False
        for index, action in enumerate(actions):
            if failed:
                outcomes.append(Outcome(action, "skipped", "an action before it failed"))
                continue
            message = "asked to fail (faults.fail_at)" if index == fail_at else self._do(action)
            failed = bool(message)
            outcomes.append(Outcome(action, "failed" if failed else "done", message))
            if not failed:
                self.applied.append(action)
        if outcomes:
            self.changed("apply")
        return tuple(outcomes)

    async def _answer(self) -> None:
        if self.faults.delay > 0:
            await self.clock.sleep(self.faults.delay)

    def _do(self, action: Action) -> str:
        """Change the device; a text says why it cannot."""
        raise NotImplementedError

    def changed(self, about: str) -> None:
        """The device changed."""
        self.hint(about)
