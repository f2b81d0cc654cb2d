"""In which state a picture shows nodes and links, and what a picture says about each cell.

Shared by the drawings, so that they agree on words and on what a caller may pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from topologies.errors import TopologyError
from topologies.model import Cell, Link, LinkKind, Topology


class State(StrEnum):
    """How something is to be shown; what carries no state is drawn neutrally."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


def read(topology: Topology, given: Mapping[str, str] | None) -> dict[str, State]:
    """The states by name of cell, node or link. Raises TopologyError for other names and states."""
    names = {router.name for router in topology.routers}
    for cell in topology.cells:
        names.add(cell.name)
    for link in topology.links:
        names |= {link.name, link.a.node, link.b.node}
    states = {}
    for name, state in (given or {}).items():
        if name not in names:
            raise TopologyError.of(
                f"there is no cell, node or link {name!r} to draw; see `cellnet topology show`", topology.name
            )
        if state not in list(State):
            raise TopologyError.of(
                f"{state!r} is no state of a drawing; use one of {', '.join(State)}", f"{name}"
            )
        states[name] = State(state)
    return states


def homes(topology: Topology) -> dict[str, str]:
    """For each node that a WAN link may end at, the box it is drawn in: its cell, or the router itself."""
    boxes = {router.name: router.name for router in topology.routers}
    boxes |= {gateway.name: cell.name for cell in topology.cells for gateway in cell.gateways}
    return boxes


def wan_links(topology: Topology) -> list[Link]:
    """The links that are drawn between boxes, by name, path 2 before path 10."""
    return sorted(
        (link for link in topology.links if link.kind is LinkKind.WAN),
        key=lambda link: [
            (int(part), "") if part.isdigit() else (0, part) for part in re.split("([0-9]+)", link.name)
        ],
    )


def title(cell: Cell) -> str:
    """What a cell is, in a few words."""
    return f"{cell.kind.value} cell, AS {cell.asn}"


def shorten(names: Iterable[str], most: int) -> list[str]:
    """The names, or the first ones and how many more there are."""
    listed = list(names)
    if len(listed) <= most:
        return listed
    return [*listed[: most - 1], f"+{len(listed) - most + 1}"]
