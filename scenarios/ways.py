"""The ways out of a cell towards another one: direct WAN links, or links to providers' routers. Pure.

What a story calls a path: one of these links, as seen from the local cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from topologies.model import Cell, Link, LinkKind, Topology

from .actions import IN_USE, spare_number


class NoSuchWayError(ValueError):
    """A fault names a spare path that the topology does not have. The message says how many there are."""


def between(topology: Topology, here: Cell, there: Cell) -> tuple[Link, ...]:
    """The links by which packets may leave `here` for `there`: direct ones, else those to routers."""
    direct = topology.wan_between(here.name, there.name)
    if direct:
        return direct
    routers = {router.name for router in topology.routers}
    return tuple(
        link
        for gateway in here.gateways
        for link in topology.links_of(gateway.name, LinkKind.WAN)
        if {link.a.node, link.b.node} & routers
    )


def port_of(link: Link, cell: Cell) -> tuple[str, str]:
    """Node and interface of the link's end in that cell."""
    gateways = {gateway.name for gateway in cell.gateways}
    end = link.a if link.a.node in gateways else link.b
    return end.node, end.name


def direction(link: Link, cell: Cell, *, outward: bool) -> str:
    """The direction of a fault that hits what leaves the cell by this link, or what enters it."""
    from_a = link.a.node in {gateway.name for gateway in cell.gateways}
    return "a-to-b" if from_a == outward else "b-to-a"


def fill(fault: Mapping[str, Any], in_use: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The fault with real names for `IN_USE` and spare paths, also in lists. Raises NoSuchWayError."""
    spares = [name for name in names if name != in_use]

    def real(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [real(one) for one in value]
        if value == IN_USE:
            return in_use
        number = spare_number(value) if isinstance(value, str) else None
        if number is None:
            return value
        if number > len(spares):
            raise NoSuchWayError(f"there is no spare path {number}: beside {in_use} there are {len(spares)}")
        return spares[number - 1]

    return {key: real(value) for key, value in fault.items()}
