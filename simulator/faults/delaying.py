"""Delay, by netem where the kernel has it, else by a line of our own that frames wait in."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import ClassVar
from weakref import WeakKeyDictionary

from simulator import stack
from simulator.context import SEGMENT_NODE, FaultContext, FaultTargetError
from simulator.faults import delay_line, holds, rules
from simulator.faults.steps import WITHIN, Moments, reason_of, refused
from simulator.services import Notified, ServiceSpec

READY_WITHIN = 10.0
"""Seconds until a line takes frames; it needs 0.1."""

_NETEM: WeakKeyDictionary[FaultContext, bool] = WeakKeyDictionary()


async def has_netem(context: FaultContext) -> bool:
    """Whether this kernel has netem: tried once a lab, where nothing of the lab passes."""
    if context not in _NETEM:
        done = await context.run(SEGMENT_NODE, ("sh", "-c", rules.try_netem("lo")), within=WITHIN)
        _NETEM[context] = done.returncode == 0
    return _NETEM[context]


@dataclass(slots=True)
class Delayed:
    """What an interface sends arrives later. It is the one that shapes it: a second one is refused.

    The line is a tap, a supervised process that reads it, and an egress filter that leads there. Killed, the
    process comes back to the same tap; the timeline has its end and its start.
    """

    final: ClassVar[bool] = False
    node: str
    interface: str
    milliseconds: float
    jitter_ms: float | None
    token: str
    fault: str
    _begun: bool = field(default=False, init=False)
    _netem: bool = field(default=False, init=False)

    async def prepare(self, context: FaultContext) -> None:
        holds.shape(context, self.node, self.interface, self.fault)
        self._begun = True
        self._netem = await has_netem(context)
        if self._netem:
            return
        await self._shell(context, "a tap (netem is missing too)", rules.make_tap(self._tap))
        argv = (
            *(sys.executable, "-I", "-S", str(delay_line.__file__)),
            *("--interface", self.interface, "--tap", self._tap),
            *("--milliseconds", f"{self.milliseconds:g}", "--jitter-ms", f"{self.jitter_ms or 0:g}"),
            *("--limit", str(rules.QUEUE)),
            *("--journal", f"{stack.LAB}/journal/delay-{self.node}-{self.interface}.jsonl"),
        )
        spec = ServiceSpec(
            f"delay-{self.interface}", self.node, f"node {self.node}", argv, Notified(), data_plane=True
        )
        await context.add_service(spec, READY_WITHIN)

    async def do(self, context: FaultContext) -> None:
        if self._netem:
            discipline = rules.netem_delay(self.milliseconds, self.jitter_ms)
            words = " ".join(("tc qdisc add dev", self.interface, "root", *discipline))
            await self._shell(context, "tc netem", words)
        else:
            await self._shell(context, "tc mirred", rules.redirect(self.interface, self._tap))

    async def undo(self, context: FaultContext) -> Moments | None:
        if not self._begun:
            return None
        undoing = "root" if self._netem else "clsact"
        before = context.clock.now()
        after = before
        try:
            # A status other than 0 means that it never was there. From here on frames go straight again.
            argv = ("tc", "qdisc", "del", "dev", self.interface, undoing)
            await context.run(self.node, argv, within=WITHIN)
            after = context.clock.now()
            if not self._netem:
                await context.remove_service(f"delay-{self.interface}@{self.node}")
                await context.run(self.node, ("ip", "link", "del", "dev", self._tap), within=WITHIN)
        except FaultTargetError:
            pass  # the node is gone, and all this with it
        self._begun = False
        holds.unshape(context, self.node, self.interface)
        return before, after

    @property
    def _tap(self) -> str:
        return f"dly{self.token}"

    async def _shell(self, context: FaultContext, what: str, script: str) -> None:
        done = await context.run(self.node, ("sh", "-c", script), within=WITHIN)
        if done.returncode != 0:
            raise refused(self.fault, f"{what} on {self.node}", reason_of(done))
