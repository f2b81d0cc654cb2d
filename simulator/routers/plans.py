"""What a provider's router has to do, before it is said in the words of one daemon. Pure.

It has a session with each cell and each other router at the end of its WAN links. It is a provider: from a
cell it takes what that cell owns and nothing else (RFC 8212, RFC 7454 section 6), and tells everybody else.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Interface

from topologies import numbering
from topologies.model import LinkKind, Network, Port, Router, Topology

LONGER = 4
"""A cell may announce its prefix in parts, down to this many more bits."""
HOLD_TIME = 9
"""Seconds (RFC 4271 section 4.2), like the cells' own sessions."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A cell as its provider knows it: a contract says which prefixes are its own."""

    cell: str
    asn: int
    prefixes: tuple[Network, ...]

    @property
    def word(self) -> str:
        """The cell's name for the configuration, where hyphens would be operators."""
        return self.cell.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A BGP session of the router, over IPv4, for both families.

    `customer` is None for another provider. `waits`: this end waits for the TCP connection. A cell calls;
    of two routers the one with the lower address does.
    """

    name: str
    interface: str
    asn: int
    local_v4: IPv4Address
    local_v6: IPv6Address
    peer_v4: IPv4Address
    peer_v6: IPv6Address
    customer: Customer | None
    waits: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a router is configured from. `bfd_ms`: interval of BFD in both directions, milliseconds."""

    router: Router
    neighbors: tuple[Neighbor, ...]
    customers: tuple[Customer, ...]
    """Every cell of the network: what other providers may tell of."""
    bfd_ms: int
    bfd_multiplier: int = 3


def plan(topology: Topology, router: Router, bfd_ms: int) -> Plan:
    """What that router has to do. Neighbours in the order of its ports' numbers."""
    customers = {cell.name: _customer(topology, n) for n, cell in enumerate(topology.cells, start=1)}
    cells = {gateway.name: cell.name for cell in topology.cells for gateway in cell.gateways}
    asns = {other.name: other.asn for other in topology.routers}
    neighbors = []
    for link in topology.links_of(router.name, LinkKind.WAN):
        own, far = (link.a, link.b) if link.a.node == router.name else (link.b, link.a)
        customer = customers.get(cells.get(far.node, ""))
        neighbors.append(
            Neighbor(
                name=link.name.replace("-", "_"),
                interface=own.name,
                asn=asns[far.node] if customer is None else customer.asn,
                local_v4=_v4(own),
                local_v6=_v6(own),
                peer_v4=_v4(far),
                peer_v6=_v6(far),
                customer=customer,
                waits=customer is not None or _v4(own) > _v4(far),
            )
        )
    neighbors.sort(key=lambda neighbor: int(neighbor.interface.removeprefix("wan")))
    return Plan(router, tuple(neighbors), tuple(customers.values()), bfd_ms)


def longest(prefix: Network) -> int:
    """The greatest prefix length in which a cell may announce it."""
    return min(prefix.prefixlen + LONGER, prefix.max_prefixlen)


def of_version(prefixes: Collection[Network], version: int) -> list[Network]:
    """Those of one IP version."""
    return [prefix for prefix in prefixes if prefix.version == version]


def _customer(topology: Topology, n: int) -> Customer:
    cell, reserve = topology.cells[n - 1], numbering.reserve(n)
    used = any(
        reserve.overlaps(prefix) for other in topology.cells for prefix in of_version(other.prefixes, 4)
    )
    return Customer(cell.name, cell.asn, cell.prefixes if used else (*cell.prefixes, reserve))


def _v4(port: Port) -> IPv4Address:
    return next(address.ip for address in port.addresses if not isinstance(address, IPv6Interface))


def _v6(port: Port) -> IPv6Address:
    return next(address.ip for address in port.addresses if isinstance(address, IPv6Interface))
