"""The single acts that faults are made of: each can be done, and undone any number of times.

Thin: they call the context and nothing else. `undo` also works after a `do` that failed or was cancelled, and
when the node, interface or process is gone; it never raises for those.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Protocol

from simulator.context import Completed, FaultContext, FaultTargetError
from simulator.faults import holds
from simulator.faults.errors import FaultError, Problem

WITHIN = 5.0
"""Seconds that nft and tc may take; they need about 3 ms."""


class Step(Protocol):
    """One act. Used once: done at most once, undone as often as anyone likes."""

    async def do(self, context: FaultContext) -> None:
        """Raises FaultError or FaultTargetError; what it then left is taken away by `undo`."""
        ...

    async def undo(self, context: FaultContext) -> None:
        """Take back exactly what `do` did."""
        ...


@dataclass(slots=True)
class InterfaceDown:
    """An interface administratively down; the other end of its cable loses the carrier."""

    node: str
    interface: str
    _done: bool = field(default=False, init=False)

    async def do(self, context: FaultContext) -> None:
        context.set_interface(self.node, self.interface, up=False)
        holds.take(context, self._resource())
        self._done = True

    async def undo(self, context: FaultContext) -> None:
        if not self._done:
            return
        self._done = False
        if holds.release(context, self._resource()) > 0:
            return
        try:
            context.set_interface(self.node, self.interface, up=True)
        except FaultTargetError:
            return  # gone, and its carrier with it

    def _resource(self) -> holds.Resource:
        return ("down", self.node, self.interface)


@dataclass(slots=True)
class NftTable:
    """A table of its own with the rules of one fault."""

    node: str
    family: str
    table: str
    rules: str
    fault: str
    _begun: bool = field(default=False, init=False)

    async def do(self, context: FaultContext) -> None:
        self._begun = True
        done = await context.run(self.node, ("nft", "-f", "-"), stdin=self.rules, within=WITHIN)
        if done.returncode != 0:
            raise _refused(self.fault, f"nft {self.family} on {self.node}", done)

    async def undo(self, context: FaultContext) -> None:
        if not self._begun:
            return
        argv = ("nft", "delete", "table", self.family, self.table)
        try:
            done = await context.run(self.node, argv, within=WITHIN)
        except FaultTargetError:
            return  # the node is gone, and its rules with it
        if done.returncode != 0 and "No such file" not in done.stderr:
            raise _refused(self.fault, f"nft delete table {self.family} on {self.node}", done)
        self._begun = False


@dataclass(slots=True)
class RootQdisc:
    """The one queueing discipline of an interface; a second shaping fault there is refused."""

    node: str
    interface: str
    discipline: tuple[str, ...]
    fault: str
    _begun: bool = field(default=False, init=False)

    async def do(self, context: FaultContext) -> None:
        if holds.holders(context, self._resource()):
            raise FaultError(
                Problem(
                    self.fault,
                    f"{self.interface} of {self.node} is shaped by another delay or rate",
                    "clear that one first, or use loss, which adds up",
                )
            )
        holds.take(context, self._resource())
        self._begun = True
        argv = ("tc", "qdisc", "add", "dev", self.interface, "root", *self.discipline)
        done = await context.run(self.node, argv, within=WITHIN)
        if done.returncode != 0:
            raise _refused(self.fault, f"tc {self.discipline[0]} on {self.node}", done)

    async def undo(self, context: FaultContext) -> None:
        if not self._begun:
            return
        self._begun = False
        holds.release(context, self._resource())
        try:
            await context.run(self.node, ("tc", "qdisc", "del", "dev", self.interface, "root"), within=WITHIN)
        except FaultTargetError:
            return  # gone; a status other than 0 means that it never was there

    def _resource(self) -> holds.Resource:
        return ("shaped", self.node, self.interface)


@dataclass(slots=True)
class Frozen:
    """A service under SIGSTOP."""

    service: str
    _done: bool = field(default=False, init=False)

    async def do(self, context: FaultContext) -> None:
        context.service(self.service).freeze()
        holds.take(context, ("frozen", self.service))
        self._done = True

    async def undo(self, context: FaultContext) -> None:
        if not self._done:
            return
        self._done = False
        if holds.release(context, ("frozen", self.service)) > 0:
            return
        try:
            context.service(self.service).thaw()
        except FaultTargetError:
            return  # the service was taken from the lab


@dataclass(slots=True)
class Killed:
    """A service that got SIGKILL; nothing to take back."""

    service: str

    async def do(self, context: FaultContext) -> None:
        context.service(self.service).kill(signal.SIGKILL)

    async def undo(self, context: FaultContext) -> None:
        """Its supervisor does that."""


@dataclass(slots=True)
class Restarted:
    """A service stopped in order and started again; nothing to take back."""

    service: str

    async def do(self, context: FaultContext) -> None:
        await context.service(self.service).restart()

    async def undo(self, context: FaultContext) -> None:
        """It is running."""


REMEDIES = {
    "netem": "this kernel needs sch_netem (CONFIG_NET_SCH_NETEM; Ubuntu: linux-modules-extra)",
    "tbf": "this kernel needs sch_tbf (CONFIG_NET_SCH_TBF)",
    "nft": "`cellnet doctor` says what this kernel can do",
}


def _refused(fault: str, what: str, done: Completed) -> FaultError:
    reason = next((line for line in done.stderr.splitlines() if line.strip()), f"status {done.returncode}")
    remedy = next((text for word, text in REMEDIES.items() if word in what.split()), "")
    return FaultError(Problem(fault, f"cannot be done here: {what}: {reason.strip()}", remedy))
