"""Following packets through the tables of all gateways: loops, and deliveries to the wrong place. Pure.

A packet is followed over every bucket of every group, live or not: a loop that only waits for a port to go
down is one. What goes to a provider's router is not followed further.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from topologies.model import Host, LinkKind, Topology

from .tables import Address, Exit, Tables
from .values import LOOPLESS, RIGHT_CELL, Violation

TO_LAN = "to-int"
"""The port of br-phy towards the cell's LAN (docs/data-plane.md)."""
_MOST = 64
"""Gateways on one walk; more than any topology needs before it repeats one."""


@dataclass(frozen=True, slots=True)
class _Map:
    """What a walk needs to know of the topology."""

    cell_of: Mapping[str, str]
    """Gateway to cell."""
    far_end: Mapping[tuple[str, str], str]
    """Gateway and WAN port to the node at the other end."""
    host_of: Mapping[str, Host]
    """By MAC."""
    home_of: Mapping[Address, str]
    """Address of a host to its cell."""


def violations(topology: Topology, tables: Mapping[str, Tables]) -> tuple[Violation, ...]:
    """Loops and wrong deliveries of packets to every host, from every gateway that can be seen."""
    known = _map(topology)
    found: dict[Violation, None] = {}
    for destination in known.home_of:
        for gateway in tables:
            found.update(dict.fromkeys(_walk(destination, (gateway,), known, tables)))
    return tuple(found)


def _walk(
    destination: Address, trail: tuple[str, ...], known: _Map, tables: Mapping[str, Tables]
) -> Iterator[Violation]:
    here = trail[-1]
    flow = tables[here].route(destination)
    if flow is None:
        return
    for one in dict.fromkeys(tables[here].exits(flow)):
        following = known.far_end.get((here, one.port))
        if following is None:
            yield from _delivery(destination, here, one, known)
        elif following in trail:
            steps = " → ".join([*trail[trail.index(following) :], following])
            yield Violation(LOOPLESS, f"packets to {destination} go round: {steps}")
        elif following in tables and len(trail) < _MOST:
            yield from _walk(destination, (*trail, following), known, tables)


def _delivery(destination: Address, gateway: str, way: Exit, known: _Map) -> Iterator[Violation]:
    """Out of the WAN: to a host of the LAN, or to the gateway's own kernel."""
    home, here = known.home_of[destination], known.cell_of[gateway]
    if way.port.startswith("wan"):
        return  # a WAN port without a cable
    if here != home:
        yield Violation(
            RIGHT_CELL,
            f"packets to {destination} of {home} are delivered in {here} by {gateway}",
        )
    elif way.port == TO_LAN and way.mac in known.host_of:
        host = known.host_of[way.mac]
        if destination not in {ip_address(str(own.ip)) for own in host.addresses}:
            yield Violation(RIGHT_CELL, f"packets to {destination} are delivered to {host.name} by {gateway}")


def _map(topology: Topology) -> _Map:
    far_end = {}
    for link in topology.links:
        if link.kind is LinkKind.WAN:
            far_end[link.a.node, link.a.name] = link.b.node
            far_end[link.b.node, link.b.name] = link.a.node
    hosts = [host for cell in topology.cells for host in cell.hosts]
    return _Map(
        cell_of={gateway.name: cell.name for cell in topology.cells for gateway in cell.gateways},
        far_end=far_end,
        host_of={host.mac: host for host in hosts},
        home_of={ip_address(str(own.ip)): host.cell for host in hosts for own in host.addresses},
    )
