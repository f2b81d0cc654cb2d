"""The values that describe a multi-cell network, complete to the last address.

Every address, MAC, datapath id and AS number is decided here (by the builder) and nowhere else, so that two
programs that read the same topology agree on all of them. Values only: no I/O, no processes.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from typing import Any

Interface = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network


class CellKind(StrEnum):
    """The main cell runs the manager; every other cell is a sub-cell."""

    MAIN = "main"
    SUB = "sub"


class LinkKind(StrEnum):
    """What a link is for; faults and drawings treat them differently."""

    WAN = "wan"
    LAN = "lan"
    MANAGEMENT = "management"
    CONTROL = "control"


class HostRole(StrEnum):
    """What a host is for, where that matters to somebody else. Nothing runs there because of it."""

    MESSAGE_BUS = "message-bus"

    @property
    def words(self) -> str:
        """As people read it: "message bus"."""
        return self.value.replace("-", " ")


@dataclass(frozen=True, slots=True)
class Port:
    """One end of a link: a network interface of a node.

    `l3_port` names the switch-internal port that carries `addresses` where the interface itself is a bare
    switch port (WAN and LAN ports of a gateway); it is None where the interface carries them itself.
    `mac` is the MAC of whatever carries the addresses. `link_mac` is that of the bare interface.
    """

    node: str
    name: str
    mac: str
    addresses: tuple[Interface, ...] = ()
    l3_port: str | None = None
    link_mac: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A cable between two ports. WAN links between the same two gateways are numbered paths."""

    name: str
    kind: LinkKind
    a: Port
    b: Port


@dataclass(frozen=True, slots=True)
class Host:
    """An end system of a cell. Its interface is the port `eth0` of the LAN link with the host's name.

    `role` is None for one like any other.
    """

    name: str
    cell: str
    mac: str
    addresses: tuple[Interface, ...]
    routes_via: tuple[str, ...]  # the cell's gateway address of each family, same order as `addresses`
    role: HostRole | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """The edge switch of a cell, and the names of the nodes that belong to it.

    `lan_port` is the switch-internal port on the physical-side bridge that carries the cell's gateway
    addresses (`lan_addresses`, with the LAN's prefix length) and the health-check addresses.
    `router_mac` is the MAC that hosts and the gateway's own kernel address routed packets to.
    """

    name: str
    cell: str
    index: int  # 1-based within the cell
    datapath_id: int
    lan_port: str
    router_mac: str
    lan_addresses: tuple[Interface, ...]
    health_addresses: tuple[Interface, ...]
    router_id: str  # dotted quad, BGP identifier
    controller_node: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A site of the cloud. `prefixes` is what it announces to other cells: one per family."""

    name: str
    kind: CellKind
    index: int  # 1-based within the topology
    uuid: uuid.UUID
    asn: int
    prefixes: tuple[Network, ...]
    gateways: tuple[Gateway, ...]
    hosts: tuple[Host, ...]
    manager_node: str | None = None  # set on the main cell


@dataclass(frozen=True, slots=True)
class Router:
    """A node of the WAN that is no cell: a provider's router. `daemon` is "bird" or "frr"."""

    name: str
    asn: int
    router_id: str
    daemon: str


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole network. `links` holds WAN, LAN, control and management links, sorted by name.

    Management links join a node to the management segment: their `b` end is on the node "mgmt", a plain
    Ethernet segment with no addresses. `parameters` says how the topology was made (for reports).
    """

    name: str
    cells: tuple[Cell, ...]
    links: tuple[Link, ...]
    routers: tuple[Router, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict, hash=False)

    def cell(self, name: str) -> Cell:
        """The cell of that name. Raises KeyError."""
        for cell in self.cells:
            if cell.name == name:
                return cell
        raise KeyError(name)

    def link(self, name: str) -> Link:
        """The link of that name. Raises KeyError."""
        for link in self.links:
            if link.name == name:
                return link
        raise KeyError(name)

    def links_of(self, node: str, kind: LinkKind | None = None) -> tuple[Link, ...]:
        """Links with an end on the node, in order of name."""
        return tuple(
            link
            for link in self.links
            if node in (link.a.node, link.b.node) and (kind is None or link.kind is kind)
        )

    def router(self, name: str) -> Router:
        """The router of that name. Raises KeyError."""
        for router in self.routers:
            if router.name == name:
                return router
        raise KeyError(name)

    def message_bus(self, cell: str) -> tuple[Host, ...]:
        """The hosts of a cell that are its message bus; a bus may be several. Raises KeyError."""
        return tuple(host for host in self.cell(cell).hosts if host.role is HostRole.MESSAGE_BUS)

    def uplinks(self, cell: str) -> tuple[Link, ...]:
        """The WAN links between the gateways of a cell and providers' routers, in order of name."""
        gateways = {gateway.name for gateway in self.cell(cell).gateways}
        routers = {router.name for router in self.routers}
        return tuple(
            link
            for link in self.links
            if (link.a.node in gateways and link.b.node in routers)
            or (link.b.node in gateways and link.a.node in routers)
        )

    def wan_between(self, cell_a: str, cell_b: str) -> tuple[Link, ...]:
        """The direct WAN links (paths) between the gateways of two cells, in order of name."""
        nodes_a = {gateway.name for gateway in self.cell(cell_a).gateways}
        nodes_b = {gateway.name for gateway in self.cell(cell_b).gateways}
        return tuple(
            link
            for link in self.links
            if link.kind is LinkKind.WAN
            and (
                (link.a.node in nodes_a and link.b.node in nodes_b)
                or (link.a.node in nodes_b and link.b.node in nodes_a)
            )
        )
