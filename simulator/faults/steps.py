"""The single acts that faults are made of: each can be done, and undone any number of times.

Thin: they call the context and nothing else. `undo` also works after a `do` that failed or was cancelled, and
when the node, interface or process is gone; it never raises for those.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from simulator.context import Completed, FaultContext, FaultTargetError, FirewallDoor
from simulator.faults import holds, rules
from simulator.faults.errors import FaultError, Problem
from simulator.firewall import FirewallMissingError

WITHIN = 5.0
"""Seconds that nft and tc may take; they need about 3 ms."""


Moments = tuple[float, float]
"""Just before and just after an act, CLOCK_MONOTONIC seconds."""


class Step(Protocol):
    """One act. Used once: prepared and done at most once, undone as often as anyone likes."""

    final: ClassVar[bool]
    """It cannot be taken back, so it is done when all others have succeeded."""

    async def prepare(self, context: FaultContext) -> None:
        """What takes time and is not felt. Raises as `do`; `undo` takes it away too."""
        ...

    async def do(self, context: FaultContext) -> Moments | None:
        """Raises FaultError or FaultTargetError; what it then left is taken away by `undo`.

        Returns the moments where it knows them better than who only sees it begin and end.
        """
        ...

    async def undo(self, context: FaultContext) -> Moments | None:
        """Take back exactly what `do` did."""
        ...


@dataclass(slots=True)
class InterfaceDown:
    """An interface administratively down; the other end of its cable loses the carrier."""

    final: ClassVar[bool] = False
    node: str
    interface: str
    _done: bool = field(default=False, init=False)

    async def prepare(self, context: FaultContext) -> None:
        """Nothing takes time."""

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

    final: ClassVar[bool] = False
    node: str
    family: str
    table: str
    rules: str
    fault: str
    _door: FirewallDoor | None = field(default=None, init=False)
    _done: bool = field(default=False, init=False)

    async def prepare(self, context: FaultContext) -> None:
        try:
            self._door = context.firewall(self.node)
        except FirewallMissingError as error:
            raise FaultError(
                Problem(self.fault, f"cannot be done here: nft on {self.node}", str(error))
            ) from error

    async def do(self, context: FaultContext) -> None:  # noqa: ARG002  # the door leads to the kernel
        assert self._door is not None
        said = self._door.run(self.rules)
        if said:
            raise refused(self.fault, f"nft {self.family} on {self.node}", said)
        self._done = True

    async def undo(self, context: FaultContext) -> None:  # noqa: ARG002  # what others need to undo
        if self._door is None:
            return
        if self._done:
            said = self._door.run(rules.remove(self.family, self.table))
            if said and "No such file" not in said:  # somebody else took it away: all the better
                raise refused(self.fault, f"nft delete table {self.family} on {self.node}", said)
        self._done = False
        door, self._door = self._door, None
        # Closing waits until the kernel has forgotten the table (RCU, some 15 ms): nobody need wait with it.
        asyncio.get_running_loop().run_in_executor(None, door.close)


@dataclass(slots=True)
class RootQdisc:
    """The one queueing discipline of an interface; a second shaping fault there is refused."""

    final: ClassVar[bool] = False
    node: str
    interface: str
    discipline: tuple[str, ...]
    fault: str
    _begun: bool = field(default=False, init=False)

    async def prepare(self, context: FaultContext) -> None:
        """Nothing takes time."""

    async def do(self, context: FaultContext) -> None:
        holds.shape(context, self.node, self.interface, self.fault)
        self._begun = True
        argv = ("tc", "qdisc", "add", "dev", self.interface, "root", *self.discipline)
        done = await context.run(self.node, argv, within=WITHIN)
        if done.returncode != 0:
            raise refused(self.fault, f"tc {self.discipline[0]} on {self.node}", reason_of(done))

    async def undo(self, context: FaultContext) -> None:
        if not self._begun:
            return
        self._begun = False
        holds.unshape(context, self.node, self.interface)
        try:
            await context.run(self.node, ("tc", "qdisc", "del", "dev", self.interface, "root"), within=WITHIN)
        except FaultTargetError:
            return  # gone; a status other than 0 means that it never was there


@dataclass(slots=True)
class Frozen:
    """A service under SIGSTOP."""

    final: ClassVar[bool] = False
    service: str
    _done: bool = field(default=False, init=False)

    async def prepare(self, context: FaultContext) -> None:
        """Nothing takes time."""

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

    final: ClassVar[bool] = True
    service: str

    async def prepare(self, context: FaultContext) -> None:
        """Nothing takes time."""

    async def do(self, context: FaultContext) -> None:
        context.service(self.service).kill(signal.SIGKILL)

    async def undo(self, context: FaultContext) -> None:
        """Its supervisor does that."""


@dataclass(slots=True)
class Restarted:
    """A service stopped in order and started again; nothing to take back."""

    final: ClassVar[bool] = True
    service: str

    async def prepare(self, context: FaultContext) -> None:
        """Nothing takes time."""

    async def do(self, context: FaultContext) -> None:
        await context.service(self.service).restart()

    async def undo(self, context: FaultContext) -> None:
        """It is running."""


REMEDIES = {
    "netem": "this kernel needs sch_netem (CONFIG_NET_SCH_NETEM; Ubuntu: linux-modules-extra), or a tap",
    "tap": "this kernel needs sch_netem, or /dev/net/tun for everybody; `cellnet doctor` has both",
    "mirred": "this kernel needs sch_netem, or clsact with cls_u32 and act_mirred",
    "tbf": "this kernel needs sch_tbf (CONFIG_NET_SCH_TBF)",
    "nft": "`cellnet doctor` says what this kernel can do",
}


def reason_of(done: Completed) -> str:
    """Why a program failed, in its own words."""
    return done.stderr if done.stderr.strip() else f"status {done.returncode}"


def refused(fault: str, what: str, said: str) -> FaultError:
    """What the machine said when it was asked, with the remedy that is known for it."""
    reason = next((line for line in said.splitlines() if line.strip()), "no reason given")
    remedy = next((text for word, text in REMEDIES.items() if word in what.split()), "")
    return FaultError(Problem(fault, f"cannot be done here: {what}: {reason.strip()}", remedy))
