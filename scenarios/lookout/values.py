"""What the lookout looks at and what it tells. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.probes.flows import FIRST_PORT, MOST_PORTS
from topologies.model import LinkKind, Topology

FIRST_TTL = 64
"""What every host and every gateway's kernel of a lab sends with."""
LOWEST_TTL = 8
"""However large the topology: a packet that goes round gets below this, too."""
ONE_OF = 256
"""Of so many sound packets of a probe flow, one is looked at."""


@dataclass(frozen=True, slots=True)
class Door:
    """A WAN port of a gateway. `pid`, inside the sandbox, holds its namespace; `own`: its cell's prefixes."""

    node: str
    device: str
    pid: int
    cell: str
    own: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """A gateway's switch: `bridge` is the management socket of the bridge with all tables."""

    node: str
    bridge: str


@dataclass(frozen=True, slots=True)
class Spec:
    """The work of one lookout. `space`: the prefixes of all cells, joined; what goes elsewhere (BGP, BFD) is
    none of its business. A packet with a TTL below `ttl` passed more routers than there are: it went round.
    """

    socket: str
    journal: str
    space: tuple[str, ...]
    homes: dict[str, str]
    """Prefix to the cell that has it."""
    ttl: int
    doors: tuple[Door, ...]
    switches: tuple[Switch, ...]
    ports: tuple[int, int] = (FIRST_PORT, FIRST_PORT + MOST_PORTS - 1)
    """Of probe packets."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something that breaks a property: seen first and last at, CLOCK_MONOTONIC seconds, and how often."""

    says: str
    what: str
    first: float
    last: float
    count: int

    @property
    def text(self) -> str:
        """In one line."""
        if self.count == 1:
            return self.what
        return f"{self.what} ({self.count:,} times within {1000 * (self.last - self.first):.0f} ms)"


@dataclass(frozen=True, slots=True)
class Told:
    """What a lookout told since it was asked last. `samples`: sound packets it looked at; `changes`: flows
    that came, went or changed. `unseen`: what it cannot look at, and why. `gone`: why nobody looks any more.
    """

    samples: int = 0
    changes: int = 0
    sightings: tuple[Sighting, ...] = ()
    unseen: tuple[str, ...] = ()
    gone: str = ""


def lowest_ttl(topology: Topology) -> int:
    """A packet that comes into its cell passed every router once at most, but for that cell's gateway."""
    routers = sum(len(cell.gateways) for cell in topology.cells) + len(topology.routers)
    return max(LOWEST_TTL, FIRST_TTL - routers + 1)


def doors(topology: Topology, pids: dict[str, int]) -> tuple[Door, ...]:
    """Every WAN port of every gateway. `pids` of all nodes."""
    cells = {gateway.name: cell for cell in topology.cells for gateway in cell.gateways}
    return tuple(
        Door(
            end.node,
            end.name,
            pids[end.node],
            cells[end.node].name,
            tuple(str(prefix) for prefix in cells[end.node].prefixes),
        )
        for link in topology.links
        if link.kind is LinkKind.WAN
        for end in (link.a, link.b)
        if end.node in cells
    )
