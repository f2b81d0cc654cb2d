"""Faults to acts: which steps a fault is made of, and how long they are held.

`steps_of` is the whole meaning of a fault; `injection` carries the steps out.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from simulator.context import SEGMENT_NODE, FaultContext, Undo
from simulator.faults import rules
from simulator.faults.acts_routing import routing_steps
from simulator.faults.delaying import Delayed
from simulator.faults.flapping import Flapping
from simulator.faults.injection import KINDS, Injection
from simulator.faults.parsing_nodes import bus_links
from simulator.faults.routing import Flood, Hijack, Leak, Malformed, ResetSession, Withdraw
from simulator.faults.steps import Frozen, InterfaceDown, Killed, NftTable, Restarted, RootQdisc, Step
from simulator.faults.values import (
    All,
    Blackhole,
    Control,
    Crash,
    Cut,
    Delay,
    Direction,
    Fault,
    Flap,
    Freeze,
    Isolate,
    Loss,
    Partition,
    Rate,
    Restart,
    lasts,
    to_document,
)
from topologies.model import Cell, Link, LinkKind, Port

FLAP_KINDS = ("flap", "flap-over")
"""The lines of a whole train; each beat in it has the lines of a fault."""

_WATCHERS: set[asyncio.Task[None]] = set()


async def apply(
    fault: Fault, context: FaultContext, identity: str = "", when_over: Callable[[], None] = lambda: None
) -> Undo | None:
    """Do it. Returns the undo, or None for a fault that is over when this returns.

    A fault with `seconds` is held for so long here and taken back, also when the caller is cancelled.
    `identity` stands in the timeline; `when_over` is called when a fault that runs by itself has come to its
    end. Raises FaultError (this machine cannot do it) or FaultTargetError (no such target) with nothing
    half-done. The undo may be called any number of times; only the first call acts.
    """
    steps = steps_of(fault, context, identity)
    detail = {"id": identity, "fault": to_document(fault)}
    injection = Injection(context, steps, detail, FLAP_KINDS if isinstance(fault, Flap) else KINDS)
    await injection.inject()
    if all(step.final for step in steps):
        return None
    seconds = lasts(fault)
    if seconds is None:
        trains = [step for step in steps if isinstance(step, Flapping)]
        if len(trains) == len(steps):
            watcher = asyncio.create_task(_watch(trains, injection, when_over), name=f"watch {identity}")
            _WATCHERS.add(watcher)
            watcher.add_done_callback(_WATCHERS.discard)
        return injection.clear
    try:
        await context.clock.sleep(seconds)
    finally:
        await injection.clear()
    return None


async def _watch(trains: list[Flapping], injection: Injection, when_over: Callable[[], None]) -> None:
    for train in trains:
        await train.finished()
    await injection.clear()
    when_over()


def steps_of(fault: Fault, context: FaultContext, identity: str) -> tuple[Step, ...]:
    """The acts of a fault, in the lab as it is now. `identity` is the fault's. Raises FaultTargetError."""
    token = secrets.token_hex(4)  # tells this injection from every other
    if isinstance(fault, All):
        return tuple(step for each in fault.faults for step in steps_of(each, context, identity))
    if isinstance(fault, Flap):
        return (Flapping(fault, identity, steps_of),)
    if isinstance(fault, Crash):
        return (Killed(fault.service),)
    if isinstance(fault, Freeze):
        return (Frozen(fault.service),)
    if isinstance(fault, Restart):
        return (Restarted(fault.service),)
    if isinstance(fault, Partition):
        name = f"partition {' / '.join(' '.join(group) for group in fault.groups)}"
        return (_separate(fault.groups, context, rules.table_name(token), name),)
    if isinstance(fault, Isolate):
        return _isolate(fault, context, rules.table_name(token))
    if isinstance(fault, ResetSession | Withdraw | Leak | Hijack | Flood | Malformed):
        return routing_steps(fault, context)
    link = context.link(fault.link)
    if isinstance(fault, Cut):
        return tuple(InterfaceDown(port.node, port.name) for port in ends_to_take_down(link))
    if isinstance(fault, Delay):
        return tuple(_delay(fault, port, token) for port in senders(link, fault.direction))
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


def _delay(fault: Delay, port: Port, token: str) -> Step:
    return Delayed(
        port.node, port.name, fault.milliseconds, fault.jitter_ms, token, f"{fault.kind} {fault.link}"
    )


def _impair(fault: Blackhole | Loss | Rate, port: Port, table: str) -> Step:
    name = f"{fault.kind} {fault.link}"
    if isinstance(fault, Blackhole):
        return _drop_all(port, table, name)
    table = _table_of(table, port)
    if isinstance(fault, Loss):
        return NftTable(port.node, "netdev", table, rules.drop_some(table, port.name, fault.percent), name)
    return RootQdisc(port.node, port.name, rules.tbf_rate(fault.mbit), name)


def _drop_all(port: Port, table: str, name: str) -> Step:
    table = _table_of(table, port)
    return NftTable(port.node, "netdev", table, rules.drop_all(table, port.name), name)


def _table_of(table: str, port: Port) -> str:
    """Two ends of a link may be in one namespace, so that each needs a table of its own."""
    return f"{table}_{port.node.replace('-', '_')}_{port.name.replace('-', '_')}"


def _isolate(fault: Isolate, context: FaultContext, table: str) -> tuple[Step, ...]:
    name = f"isolate {fault.target} {fault.cell}"
    cell = context.inventory.topology.cell(fault.cell)
    if fault.target is Control.MANAGER:
        managers = {each.manager_node for each in context.inventory.topology.cells} - {None}
        groups = (
            tuple(gateway.name for gateway in cell.gateways),
            tuple(map(str, sorted(managers, key=str))),
        )
        return (_separate(groups, context, table, name),)
    links = bus_links(context.inventory, cell) if fault.target is Control.BUS else _control(context, cell)
    return tuple(_drop_all(port, table, name) for link in links for port in (link.a, link.b))


def _control(context: FaultContext, cell: Cell) -> tuple[Link, ...]:
    gateways = {gateway.name for gateway in cell.gateways}
    links = context.inventory.links.values()
    return tuple(link for link in links if link.kind is LinkKind.CONTROL and link.a.node in gateways)


def _separate(groups: tuple[tuple[str, ...], ...], context: FaultContext, table: str, name: str) -> Step:
    """Between the ports of the management bridge, in the namespace that holds it."""
    links = [link for link in context.inventory.links.values() if link.kind is LinkKind.MANAGEMENT]
    ports = [[link.b.name for link in links if link.a.node in group] for group in groups]
    return NftTable(SEGMENT_NODE, "bridge", table, rules.separate(table, ports), name)
