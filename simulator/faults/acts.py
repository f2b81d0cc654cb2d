"""Faults to acts: which steps a fault is made of, and how they are done together and taken back together.

`steps_of` is the whole meaning of a fault; `apply` carries the steps out. Every injection and every clearing
is written into the timeline with the moments just before and just after the act (`t_before`, `t_after`).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Sequence

from simulator.context import SEGMENT_NODE, FaultContext, Undo
from simulator.faults import rules
from simulator.faults.errors import FaultError
from simulator.faults.steps import Frozen, InterfaceDown, Killed, NftTable, Restarted, RootQdisc, Step
from simulator.faults.values import (
    Blackhole,
    Crash,
    Cut,
    Delay,
    Direction,
    Fault,
    Freeze,
    Loss,
    Partition,
    Rate,
    Restart,
    to_document,
)
from topologies.model import Link, LinkKind, Port


async def apply(fault: Fault, context: FaultContext) -> Undo | None:
    """Do it. Returns the undo, or None for a fault that is over when this returns.

    A fault with `seconds` is held for so long here and taken back, also when the caller is cancelled.
    Raises FaultError (this machine cannot do it) or FaultTargetError (no such target) with nothing half-done.
    The undo may be called any number of times; only the first call acts.
    """
    injection = _Injection(fault, context, steps_of(fault, context, secrets.token_hex(4)))
    await injection.inject()
    if isinstance(fault, Crash | Restart):
        return None
    if fault.seconds is None:
        return injection.clear
    try:
        await context.clock.sleep(fault.seconds)
    finally:
        await injection.clear()
    return None


def steps_of(fault: Fault, context: FaultContext, token: str) -> tuple[Step, ...]:
    """The acts of a fault. `token` tells this injection from every other. Raises FaultTargetError."""
    if isinstance(fault, Crash):
        return (Killed(fault.service),)
    if isinstance(fault, Freeze):
        return (Frozen(fault.service),)
    if isinstance(fault, Restart):
        return (Restarted(fault.service),)
    if isinstance(fault, Partition):
        return (_partition(fault, context, rules.table_name(token)),)
    link = context.link(fault.link)
    if isinstance(fault, Cut):
        return tuple(InterfaceDown(port.node, port.name) for port in ends_to_take_down(link))
    return tuple(_impair(fault, port, rules.table_name(token)) for port in senders(link, fault.direction))


def senders(link: Link, direction: Direction) -> tuple[Port, ...]:
    """The ends that send in that direction."""
    if direction is Direction.A_TO_B:
        return (link.a,)
    return (link.b,) if direction is Direction.B_TO_A else (link.a, link.b)


def ends_to_take_down(link: Link) -> tuple[Port, ...]:
    """The ends to set down so that both lose their carrier and neither loses its addresses or routes.

    Bare switch ports carry none, so both go down, and one switch that restarts and raises its port does not
    heal the cable. An interface with addresses of its own (a host's, a management port) stays up and sees
    the other end go; if both have addresses, only `b` goes down.
    """
    bare = tuple(port for port in (link.a, link.b) if port.l3_port is not None or not port.addresses)
    return bare or (link.b,)


def _impair(fault: Blackhole | Loss | Delay | Rate, port: Port, table: str) -> Step:
    name = f"{fault.kind} {fault.link}"
    table = f"{table}_{port.name.replace('-', '_')}"
    if isinstance(fault, Blackhole):
        return NftTable(port.node, "netdev", table, rules.drop_all(table, port.name), name)
    if isinstance(fault, Loss):
        return NftTable(port.node, "netdev", table, rules.drop_some(table, port.name, fault.percent), name)
    if isinstance(fault, Delay):
        return RootQdisc(port.node, port.name, rules.netem_delay(fault.milliseconds), name)
    return RootQdisc(port.node, port.name, rules.tbf_rate(fault.mbit), name)


def _partition(fault: Partition, context: FaultContext, table: str) -> Step:
    """Between the ports of the management bridge, in the namespace that holds it."""
    ports = [
        link.b.name
        for link in context.inventory.links.values()
        if link.kind is LinkKind.MANAGEMENT and link.a.node in fault.nodes
    ]
    return NftTable(
        SEGMENT_NODE, "bridge", table, rules.separate(table, ports), f"partition {' '.join(fault.nodes)}"
    )


class _Injection:
    """One fault in force: its steps, done together, undone together, once."""

    def __init__(self, fault: Fault, context: FaultContext, steps: Sequence[Step]) -> None:
        self._document = to_document(fault)
        self._context = context
        self._steps = steps
        self._lock = asyncio.Lock()
        self._in_force = False

    async def inject(self) -> None:
        before = self._context.clock.now()
        try:
            await _together([step.do(self._context) for step in self._steps])
        except BaseException:  # a cancelled caller too: nothing may stay half-done
            await self._undo_steps()
            raise
        self._in_force = True
        self._record("fault", before)

    async def clear(self) -> None:
        async with self._lock:
            if not self._in_force:
                return
            before = self._context.clock.now()
            await self._undo_steps()
            self._in_force = False
            self._record("fault-cleared", before)

    async def _undo_steps(self) -> None:
        await _together([step.undo(self._context) for step in reversed(self._steps)])

    def _record(self, kind: str, before: float) -> None:
        self._context.record(kind, fault=self._document, t_before=before, t_after=self._context.clock.now())


async def _together(acts: Sequence[Awaitable[None]]) -> None:
    """At the same time, so that both directions fail together; the first error once all have ended."""
    results = await asyncio.gather(*acts, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    refusals = [error for error in errors if isinstance(error, FaultError)]
    if refusals:
        raise FaultError(*dict.fromkeys(problem for error in refusals for problem in error.problems))
    if errors:
        raise errors[0]
